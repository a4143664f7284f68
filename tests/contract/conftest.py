"""Plays one story on every cabin there is: simulated in this process on a virtual clock, behind a socket, and in the
rig with the real drivers on the kernel's devices.

A story is a coroutine of a Rig.
"""

import asyncio
import io
import os
import random
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from PIL import Image

from hw.cabin import Cabin
from hw.sim.bench import Bench, open_bench
from hw.sim.cabin import SimCabin
from hw.sim.remote import open_cabin
from tests import virtual
from tests.cctalk.workbench import Workbench, workbench

ROOT = Path(__file__).parents[2]


@dataclass
class Rig:
    """`cabin`: what a booth gets; `bench`: what is done to it. `kill` ends the booth, `connect` starts a new one."""

    cabin: Cabin
    bench: SimCabin | Bench
    kill: Callable[[], Awaitable[None]]
    connect: Callable[[], Awaitable[None]]
    pictures: list[Path]
    fill_bytes: int = 400 * 72
    still_px: tuple[int, int] = (600, 800)
    tells_exposure: bool = True
    hides: bool = False
    """Whether bytes wait on a line between the two, where neither can take them back."""


Story = Callable[[Rig], Awaitable[None]]


@cache
def _drawn() -> dict[str, bytes]:
    """Three PNGs of one colour each, 600 × 800; made once, since the rig's processor takes half a second for them."""
    drawn = {}
    for name, colour in (("1-red", (200, 30, 30)), ("2-green", (30, 200, 30)), ("3-blue", (30, 30, 200))):
        with io.BytesIO() as png:
            Image.new("RGB", (600, 800), colour).save(png, "PNG")
            drawn[f"{name}.png"] = png.getvalue()
    return drawn


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    """Three pictures of one colour each, 600 × 800."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name, png in _drawn().items():
        (folder / name).write_bytes(png)
    return sorted(folder.iterdir())


CABINS = ("in this process", "behind a socket")
REAL = "on the kernel's devices"


@pytest.fixture(params=[*CABINS, *([REAL] if os.environ.get("EPHOTO_RIG") else [])])
def play(request: pytest.FixtureRequest, pictures: list[Path], tmp_path: Path) -> Callable[[Story], None]:
    return play_in(request.param, pictures, tmp_path)


def play_in(cabin: str, pictures: list[Path], folder: Path) -> Callable[[Story], None]:
    """Plays a story in one of CABINS, or on REAL devices."""
    if cabin == "in this process":
        return lambda story: virtual.run(_in_process(story, pictures))
    if cabin == REAL:
        from tests.rig.bench.stories import play

        return lambda story: play(story, pictures, folder, Rig)
    return lambda story: asyncio.run(_behind_socket(story, pictures, folder))


@pytest.fixture(params=["in this process", "behind a socket", "on a ccTalk wire"])
def play_coins(request: pytest.FixtureRequest, pictures: list[Path], tmp_path: Path) -> Callable[[Story], None]:
    """For stories of the coin acceptor alone: also the real ccTalk driver, pyserial and all."""
    match request.param:
        case "on a ccTalk wire":
            return lambda story: asyncio.run(_on_cctalk(story, tmp_path))
        case "in this process":
            return lambda story: virtual.run(_in_process(story, pictures))
    return lambda story: asyncio.run(_behind_socket(story, pictures, tmp_path))


class CctalkBench:
    """The bench of a cabin that has nothing but a ccTalk acceptor."""

    def __init__(self, bench: Workbench) -> None:
        self.coins, self.journal, self.wait = bench.sim, bench.journal, bench.journal.wait


async def _on_cctalk(story: Story, folder: Path) -> None:
    async with workbench(folder) as bench:

        async def connect() -> None:
            await bench.connect()
            rig.cabin = cast(Cabin, SimpleNamespace(coins=bench.coins))

        rig = Rig(cast(Cabin, None), cast(Bench, CctalkBench(bench)), bench.kill, connect, [])
        await bench.stop()
        await connect()
        await story(rig)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leaves out, by name and with the reason, what has no meaning on the kernel's devices."""
    if not os.environ.get("EPHOTO_RIG"):
        return
    from tests.rig.bench.stories import left_out

    for item in items:
        if REAL in item.name and (why := left_out(item.name)):
            item.add_marker(pytest.mark.skip(reason=why))


async def _in_process(story: Story, pictures: list[Path]) -> None:
    sim = SimCabin(random.Random(5), pictures=pictures)

    async def kill() -> None:
        sim.kill()

    async def connect() -> None:
        rig.cabin = sim.connect()

    rig = Rig(sim.cabin, sim, kill, connect, pictures)
    await story(rig)


async def _behind_socket(story: Story, pictures: list[Path], folder: Path) -> None:
    async with cabin_process(folder, pictures[0].parent) as (socket, _), open_bench(socket) as bench:
        booth = AsyncExitStack()

        async def kill() -> None:
            await booth.aclose()
            await bench.wait("daemon.gone")

        async def connect() -> None:
            rig.cabin = await booth.enter_async_context(open_cabin(socket))

        async with booth:
            rig = Rig(await booth.enter_async_context(open_cabin(socket)), bench, kill, connect, pictures)
            await story(rig)


@asynccontextmanager
async def cabin_process(folder: Path, pictures: Path) -> AsyncIterator[tuple[Path, Any]]:
    """(socket, process) of `python -m hw.sim`; its papers lie in folder/out."""
    socket = folder / "cabin.sock"
    arguments = ["--socket", str(socket), "--pictures", str(pictures), "--out", str(folder / "out")]
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "hw.sim", *arguments, cwd=ROOT)
    try:
        yield socket, process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
