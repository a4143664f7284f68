"""The bench as a process: hw/sim's cabin behind a socket, its devices' wires laid into the kernel."""

import argparse
import asyncio
import logging
import os
import random
import signal
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from hw.scenes import LEVELS
from hw.sim.printer_port import at_gadget
from hw.sim.process import CabinProcess
from tests.rig.bench.camera import KernelCamera
from tests.rig.bench.coins import CoinWires
from tests.rig.bench.gpio import SimulatedChip, modprobe, pretend_pi
from tests.rig.bench.lamps import KernelLamps
from tests.rig.bench.pen import Tablet
from tests.rig.bench.wiring import CHIP, LAMPS, LINES


class KernelCabin(CabinProcess):
    """Benches connect as to any cabin process; the booth comes through the kernel."""

    async def serve(self, socket: Path, stop: asyncio.Event) -> None:
        pretend_pi()
        modprobe("configfs")
        chip = SimulatedChip(CHIP, LINES)
        for pin in LAMPS.values():
            chip.pull(pin, False)
        sim: Any = self.sim
        sim.lights = lamps = KernelLamps(sim.journal, chip, {scene: dict(levels) for scene, levels in LEVELS.items()})
        sim.camera = camera = KernelCamera(sim.journal)
        wires, tablet = CoinWires(sim, chip), Tablet(sim)
        sim.pen = _PluggedPen(sim.pen, tablet)
        loops = (wires.watch(), lamps.watch(), tablet.pass_samples())
        try:
            async with at_gadget(sim.printer, sim.journal), asyncio.TaskGroup() as tasks:
                running = [tasks.create_task(loop) for loop in loops]
                await super().serve(socket, stop)
                for task in running:
                    task.cancel()
        finally:
            tablet.unplug()
            camera.close()
            chip.close()


class _PluggedPen:
    """SimPen whose plug is the tablet's. A verb is over when the kernel has all of its samples."""

    def __init__(self, pen: Any, tablet: Tablet) -> None:
        self._pen, self._tablet = pen, tablet

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pen, name)

    async def tap(self, *where: Any, **more: Any) -> None:
        await self._drawn(self._pen.tap(*where, **more))

    async def draw(self, *strokes: Any, **more: Any) -> None:
        await self._drawn(self._pen.draw(*strokes, **more))

    async def sign(self, *where: Any, **more: Any) -> None:
        await self._drawn(self._pen.sign(*where, **more))

    async def _drawn(self, hand: Awaitable[None]) -> None:
        await hand
        await asyncio.sleep(0)  # what was put is written in the loop's next turn

    async def unplug(self) -> None:
        await self._pen.unplug()
        self._tablet.unplug()

    async def replug(self) -> None:
        """Back when a booth has it."""
        self._tablet.plug()
        await self._pen.replug()
        await self._tablet.taken()


def main() -> None:
    """`python -m tests.rig.bench`: until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m tests.rig.bench", description=__doc__)
    parser.add_argument("--socket", type=Path, required=True, help="where benches connect")
    parser.add_argument("--pictures", type=Path, required=True, help="folder of the pictures that names mean")
    parser.add_argument("--out", type=Path, required=True, help="folder for the papers that come out")
    parser.add_argument("--seed", type=int, default=1, help="of bounce and jitter")
    chosen = parser.parse_args()
    run(chosen.socket, chosen.pictures, chosen.out, chosen.seed)


def run(socket: Path, pictures: Path, out: Path, seed: int) -> None:
    """The bench until SIGTERM. `socket`: where benches connect; see main for the rest."""
    logging.basicConfig(level=logging.INFO, format="bench: %(message)s")
    os.umask(0o077)
    out.mkdir(parents=True, exist_ok=True)
    asyncio.run(_run(socket, pictures, out, seed))


async def _run(socket: Path, pictures: Path, out: Path, seed: int) -> None:
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    await KernelCabin(random.Random(seed), pictures, out, panel=False).serve(socket, stop)
