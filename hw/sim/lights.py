"""The simulated lamps: levels over time. They fall back to idle by themselves, and go dark when nobody drives them."""

import asyncio

from hw.cabin import DeviceFault, DeviceMissing, Health, Scene, Status
from hw.scenes import DARK, LEVELS
from hw.sim.journal import Journal


class SimLights:
    """Lights protocol and its bench verbs."""

    VERBS = frozenset({"fail", "unplug", "repair", "levels"})

    def __init__(self, journal: Journal) -> None:
        self._loop = asyncio.get_running_loop()
        self._journal = journal
        self._trouble = ""
        self._scene: Scene | None = None
        self._timer: asyncio.TimerHandle | None = None

    # --- the device

    def status(self) -> Status:
        return Status(Health.FAULTY, self._trouble) if self._trouble else Status(Health.WELL)

    async def show(self, scene: Scene, *, for_s: float = 30.0) -> None:
        if self._trouble == "unplugged":
            raise DeviceMissing("lights", self._trouble)
        if self._trouble:
            raise DeviceFault("lights", self._trouble)
        self._go(scene)
        if scene is not Scene.IDLE:
            self._timer = self._loop.call_later(for_s, self._go, Scene.IDLE)

    def let_go(self) -> None:
        """Nobody drives them any more."""
        self._go(None)

    # --- the bench

    async def fail(self) -> None:
        """The dimmer answers that a lamp is broken; they stay as they are and then fall back."""
        self._set("a lamp is broken")

    async def unplug(self) -> None:
        """The dimmer is gone, and the light with it."""
        self._set("unplugged")
        self._go(None)

    async def repair(self) -> None:
        self._set("")

    async def levels(self) -> dict[str, float]:
        """Lamp → 0…1, now."""
        return dict(LEVELS[self._scene] if self._scene is not None else DARK)

    # --- inside

    def _set(self, trouble: str) -> None:
        self._trouble = trouble
        self._journal.note("lights.fault", fault=trouble)

    def _go(self, scene: Scene | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if scene is not self._scene:
            self._scene = scene
            levels = dict(LEVELS[scene] if scene is not None else DARK)
            self._journal.note("lights.levels", scene=scene.value if scene is not None else None, levels=levels)
