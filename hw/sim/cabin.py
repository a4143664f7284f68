"""A whole simulated cabin in the test's process, on the test's clock.

It must start no thread and no task: everything in it happens by the loop's timers and in the bench verbs.
"""

import random
from collections.abc import Sequence
from typing import Any

from hw.cabin import Cabin
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
        if connected:
            self.cabin = self.connect()

    def connect(self) -> Cabin:
        """A daemon comes: fresh drivers over the same devices."""
        self.journal.note("daemon.came")
        self.cabin = Cabin(
            camera=self.camera,
            lights=self.lights,
            coins=PulseAcceptor(self.coins, self._table, run=f"{self._rng.getrandbits(48):012x}"),
            pen=self.pen,
            printer=EscposPrinter(self.printer),
            panel=self.panel,
            labels=labels(self._table),
        )
        return self.cabin

    def kill(self) -> None:
        """The daemon is gone: acceptor and lamps fall off, edges nobody heard vanish, accepted print bytes go on."""
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
