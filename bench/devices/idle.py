"""What each driver costs while nobody comes: memory and processor of the process that holds it open, in one table.

    python -m bench.devices idle --seconds 20      # as root, in the rig: the devices are the kernel's own

Each driver alone in a process, children included, beside one that holds the driver `none`. The booth asks every device
how it is once in two seconds, so that is done here too; the coins are accepted.
"""

import argparse
import asyncio
import inspect
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from bench.idle import cpu_s, pss_mb
from hw import settings
from hw.cabin import Health
from hw.drivers import open_device
from hw.sim.cctalk import SimCctalk
from hw.sim.journal import Journal
from tests.rig.bench import stories, wiring

LOOK_S = 2.0
OPEN_S = 90.0  # the emulated machine imports slowly
SETTLED_S = 5.0
HOLD = "import sys; from bench.devices.idle import hold; hold(*sys.argv[1:])"
PICTURES = Path(__file__).parents[2] / "demo" / "pictures"


def hold(name: str, cabin: str) -> None:
    """Holds one device of a cabin (its settings as JSON) open for ever; says when it is well."""
    asyncio.run(_hold(name, msgspec.json.decode(cabin, type=settings.Devices)))


async def _hold(name: str, cabin: settings.Devices) -> None:
    async with open_device(cabin, name) as device:
        while not await _well(device):  # noqa: ASYNC110 -- a status is looked at, it is not announced
            await asyncio.sleep(0.1)
        if name == "coins":
            await device.accept(for_s=3600)
        print("well", flush=True)
        while True:
            await asyncio.sleep(LOOK_S)
            await _well(device)


async def _well(device: Any) -> bool:
    status = device.status()
    if inspect.isawaitable(status):  # the printer is asked over its line
        return bool((await status).ready)
    return status.health is Health.WELL


async def _measure(name: str, cabin: settings.Devices, seconds: float) -> tuple[float, float]:
    """MB, and the share of one core."""
    words = [sys.executable, "-c", HOLD, name, msgspec.json.encode(cabin).decode()]
    process = await asyncio.create_subprocess_exec(*words, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(OPEN_S):
            if await process.stdout.readline() != b"well\n":
                raise SystemExit(f"{name} did not open; its error stands above")
        await asyncio.sleep(SETTLED_S)
        used_s, at_s = cpu_s(process.pid), time.monotonic()
        await asyncio.sleep(seconds)
        return pss_mb(process.pid), (cpu_s(process.pid) - used_s) / (time.monotonic() - at_s)
    finally:
        process.kill()
        await process.wait()


@asynccontextmanager
async def _rows() -> AsyncIterator[list[tuple[str, str, settings.Devices]]]:
    """What is measured: title, device, cabin; the first one is bare."""
    kernel = wiring.cabin()
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:  # serial ports are named below /dev
        folder = Path(name)
        acceptor = SimCctalk(random.Random(1), Journal(), folder / "tty")
        cctalk = settings.CctalkCoins(port=str(folder / "tty"), state=str(folder / "cctalk.json"))
        bare = msgspec.structs.replace(kernel, coins=settings.Absent())
        try:
            async with stories.bench(folder, PICTURES):
                yield [
                    ("none", "coins", bare),
                    ("coins, pulses", "coins", kernel),
                    ("coins, ccTalk", "coins", msgspec.structs.replace(kernel, coins=cctalk)),
                    ("lights, software PWM", "lights", kernel),
                    ("pen", "pen", kernel),
                    ("printer, USB", "printer", kernel),
                    ("camera, V4L2", "camera", kernel),
                ]
        finally:
            await acceptor.close()


async def run(seconds: float) -> None:
    """Prints the table, a row as soon as it is measured."""
    print(f"{'driver':22}{'memory':>10}{'over none':>11}{'processor':>11}   ({seconds:g} s each)", flush=True)
    bare_mb: float | None = None
    async with _rows() as rows:
        for title, name, cabin in rows:
            mb, share = await _measure(name, cabin, seconds)
            bare_mb = mb if bare_mb is None else bare_mb
            print(f"{title:22}{mb:>7.1f} MB{mb - bare_mb:>8.1f} MB{share:>10.2%}", flush=True)


def main(arguments: list[str]) -> int:
    """`python -m bench.devices idle`; 0."""
    parser = argparse.ArgumentParser(prog="python -m bench.devices idle", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="how long each is watched (20)")
    asyncio.run(run(parser.parse_args(arguments).seconds))
    return 0
