"""A whole simulated cabin in the test's process, on the test's clock.

It must start no thread and no task: everything in it happens by the loop's timers and in the bench verbs.
"""

import random
from collections.abc import Sequence
from typing import Any, TypeVar, cast

from hw.cabin import Cabin, DeviceMissing
from hw.coins import DG600F, PulseAcceptor, PulseTable
from hw.printer import EscposPrinter
from hw.sim.camera import Picture, SimCamera
from hw.sim.coins import SimCoins
from hw.sim.journal import Entry, Journal
from hw.sim.labels import labels
from hw.sim.lights import SimLights
from hw.sim.panel import SimPanel
from hw.sim.pen import SimPen
from hw.sim.printer import SimPrinter

PAD_MM = (152.0, 95.0)

Device = TypeVar("Device")


class _Leash:
    """Holds one daemon's devices; once it is cut, they are gone for that daemon."""

    def __init__(self) -> None:
        self.cut = False

    def hold(self, name: str, device: Device) -> Device:
        return cast(Device, _Held(self, name, device))


class _Held:
    def __init__(self, leash: _Leash, name: str, device: object) -> None:
        self._leash, self._name, self._device = leash, name, device

    def __getattr__(self, wanted: str) -> Any:
        if self._leash.cut:
            raise DeviceMissing(self._name, "this daemon was killed")
        return getattr(self._device, wanted)


class SimCabin:
    """The devices with their bench verbs, and `cabin`, what a daemon gets of them. Make it inside a running loop."""

    def __init__(
        self,
        rng: random.Random,
        *,
        pictures: Sequence[Picture] = (),
        pad_mm: tuple[float, float] = PAD_MM,
        panel: bool = True,
        table: PulseTable = DG600F,
        connected: bool = True,
    ) -> None:
        """`connected`: with drivers from the start; False where a daemon connects from another process."""
        self._rng = rng
        self._table = table
        self.journal = Journal()
        self.camera = SimCamera(self.journal, pictures)
        self.coins = SimCoins(rng, self.journal, table)
        self.pen = SimPen(rng, self.journal, pad_mm)
        self.printer = SimPrinter(rng, self.journal)
        self.lights = SimLights(self.journal)
        self.panel = SimPanel(self.journal, present=panel)
        self._leash: _Leash | None = None
        if connected:
            self.cabin = self.connect()

    def connect(self) -> Cabin:
        """A daemon comes: fresh drivers over the same devices."""
        self.kill()
        self.journal.note("daemon.came")
        self._leash = _Leash()
        self.cabin = Cabin(
            camera=self._leash.hold("camera", self.camera),
            lights=self._leash.hold("lights", self.lights),
            coins=PulseAcceptor(
                self._leash.hold("coins", self.coins), self._table, run=f"{self._rng.getrandbits(48):012x}"
            ),
            pen=self._leash.hold("pen", self.pen),
            printer=EscposPrinter(self._leash.hold("printer", self.printer)),
            panel=self._leash.hold("panel", self.panel),
            labels=labels(self._table),
        )
        return self.cabin

    def kill(self) -> None:
        """The daemon is gone: acceptor and lamps fall off, edges nobody heard vanish, accepted print bytes go on.

        What is left of it (`finally` blocks, timers) reaches no device any more, as after a SIGKILL.
        """
        if self._leash is None:
            return
        self._leash.cut, self._leash = True, None
        self.let_go()

    def let_go(self) -> None:
        """What happens to the devices when nobody drives them any more."""
        self.coins.let_go()
        self.lights.let_go()
        self.printer.let_go()
        self.journal.note("daemon.gone")

    async def wait(self, what: str, *, timeout_s: float = 30.0, **data: Any) -> Entry:
        """See Journal.wait."""
        return await self.journal.wait(what, timeout_s=timeout_s, **data)

    async def wait_view(self, *steps: str, timeout_s: float = 30.0) -> Entry:
        """The next view shown whose step is one of these."""
        return await self.journal.wait("panel.view", timeout_s=timeout_s, step=steps)
