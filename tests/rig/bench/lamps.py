"""The lamps as they shine: levels read back from their GPIO lines, the scene told by the driver's own table."""

import asyncio
import random
from collections import deque

from hw.cabin import Scene
from hw.sim.journal import Journal
from tests.rig.bench.gpio import SimulatedChip
from tests.rig.bench.wiring import LAMPS

LOOK_S = (0.001, 0.005)  # at random, so that no look keeps step with the PWM
WINDOW = 40  # looks that make one level
SAME = 0.2  # a level read back by so many looks may be off by this much


class KernelLamps:
    """What a bench sees of the lamps. Nothing in a lamp on a GPIO line can fail in a way that the booth could see."""

    VERBS = frozenset({"levels"})

    def __init__(self, journal: Journal, chip: SimulatedChip, scenes: dict[Scene, dict[str, float]]) -> None:
        self._journal = journal
        self._chip = chip
        self._scenes = scenes
        self._looks = {name: deque[bool](maxlen=WINDOW) for name in LAMPS}

    async def watch(self) -> None:
        """Looks at the lamps and notes each scene when it stands. Until cancelled."""
        rng = random.Random(1)
        shown = coming = "?"
        while True:
            for name, pin in LAMPS.items():
                self._looks[name].append(self._chip.value(pin))
            await asyncio.sleep(rng.uniform(*LOOK_S))
            levels = self._levels()
            scene = self._scene(levels)
            if scene in ("?", shown):
                continue
            if scene == coming:  # every look that tells it is from after the change
                shown = scene
                self._journal.note("lights.levels", scene=scene or None, levels=levels)
            coming = scene
            self._forget()

    async def levels(self) -> dict[str, float]:
        """Lamp → 0…1 as they shine from now on."""
        self._forget()
        while any(len(looks) < WINDOW for looks in self._looks.values()):  # noqa: ASYNC110 -- nothing announces it
            await asyncio.sleep(LOOK_S[1])
        return self._levels()

    def let_go(self) -> None:
        """The booth is gone: its lines fall by themselves."""

    def _forget(self) -> None:
        for looks in self._looks.values():
            looks.clear()

    def _levels(self) -> dict[str, float]:
        return {name: round(sum(looks) / max(1, len(looks)), 2) for name, looks in self._looks.items()}

    def _scene(self, levels: dict[str, float]) -> str:
        """The scene whose levels these are; "": dark; "?": none, since they are just changing."""
        if any(len(looks) < WINDOW for looks in self._looks.values()):
            return "?"
        if not any(levels.values()):
            return ""
        fitting = [
            scene.value
            for scene, wanted in self._scenes.items()
            if all(abs(wanted.get(name, 0.0) - level) <= SAME for name, level in levels.items())
        ]
        return fitting[0] if len(fitting) == 1 else "?"
