"""Plays the contract's stories on the real drivers: a fresh bench for each, forked from one that has all its imports.

A story whose coin signal this machine itself played too late is played again: what it then heard says nothing of the
driver.
"""

import asyncio
import multiprocessing
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from multiprocessing.context import ForkServerContext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from hw.cabin import Camera, Health
from hw.camera.driver import open_camera
from hw.coins.gpio import open_coins
from hw.lights import open_lights
from hw.pen import open_pen
from hw.sim.bench import Bench, open_bench
from tests.rig.bench import process, wiring

PLAYS = 4  # of a story whose signals were late
STARTS_S = 60.0

_NO_EVENT = (
    "an edge that the kernel itself loses cannot be made on a line; tests/devices/test_gpio.py overruns its buffer"
)
_NO_PLUG = "a wire on a GPIO line has no plug: an acceptor or a lamp that is pulled off looks idle"
_NO_ANSWER = "a lamp on a GPIO line does not answer: nothing of it can fail visibly"
_NO_SCRIPT = "vivid cannot be told to; tests/camera plays it on the driver's own process"
_NO_PANEL = "this cabin has no panel"
LEFT_OUT = {
    r"test_a_spoilt_signal.*(seq_hole|same_direction)": _NO_EVENT,
    r"test_lines_that_go_away": _NO_PLUG,
    r"test_lamps_that_fail": _NO_ANSWER,
    r"test_pictures_are_played": _NO_SCRIPT,
    r"test_a_camera_that_makes_jpegs": "vivid compresses nothing; tests/camera plays it on the driver's own process",
    r"test_a_camera_that_dies": _NO_SCRIPT,
    r"test_a_shot_of_the_wrong_size": _NO_SCRIPT,
    r"test_a_camera_that_is_late": _NO_SCRIPT,
    r"test_every_view": _NO_PANEL,
    r"test_an_unplugged_panel": _NO_PANEL,
}
"""Stories without a meaning here, and why."""


def left_out(name: str) -> str | None:
    """Why this story is not played on the kernel's devices."""
    return next((why for pattern, why in LEFT_OUT.items() if re.match(pattern, name)), None)


def play(story: Callable[[Any], Awaitable[None]], pictures: list[Path], folder: Path, rig: Callable[..., Any]) -> None:
    """Plays it; AssertionError and the rest as the story raises them. `rig`: makes what the story gets."""
    for turn in range(1, PLAYS + 1):
        late: list[str] = []
        try:
            here = folder / str(turn)
            here.mkdir()
            asyncio.run(_play(story, pictures, here, rig, late, camera="test_camera" in story.__module__))
        except Exception:
            if not late or turn == PLAYS:
                raise
            print(f"played again: this machine was late itself ({', '.join(late)})")
        else:
            return


async def _play(
    story: Callable[[Any], Awaitable[None]],
    pictures: list[Path],
    folder: Path,
    rig: Callable[..., Any],
    late: list[str],
    *,
    camera: bool,
) -> None:
    chosen: Any = wiring.cabin()
    async with bench(folder, pictures[0].parent) as there, AsyncExitStack() as booth:

        async def kill() -> None:
            await booth.aclose()
            await there.wait("daemon.gone")

        async def connect() -> None:
            made.cabin = SimpleNamespace(
                coins=await booth.enter_async_context(open_coins(chosen.coins)),
                lights=await booth.enter_async_context(open_lights(chosen.lights)),
                pen=await booth.enter_async_context(open_pen(chosen.pen)),
            )
            if camera:  # a process of its own, which no other story needs
                made.cabin.camera = await booth.enter_async_context(open_camera(chosen.camera))
                await _well(made.cabin.camera)

        made = rig(None, there, kill, connect, pictures, still_px=wiring.CAMERA_PX, tells_exposure=False)
        await connect()
        await there.wait("daemon.came")
        try:
            await story(made)
        finally:
            late += [f"{e.data['ms']} ms" for e in there.journal.entries if e.what == "rig.late"]


async def _well(camera: Camera) -> None:
    """Until its process has opened it: a visit does not begin before."""
    async with asyncio.timeout(STARTS_S):
        while camera.status().health is not Health.WELL:  # noqa: ASYNC110 -- a status is looked at
            await asyncio.sleep(0.05)


@asynccontextmanager
async def bench(folder: Path, pictures: Path) -> AsyncIterator[Bench]:
    """A bench process of its own for as long as this lasts."""
    socket = folder / "bench.sock"
    runs = _forks().Process(target=process.run, args=(socket, pictures, folder / "out", 5))
    runs.start()
    try:
        async with open_bench(socket, timeout_s=STARTS_S) as there:
            yield there
    finally:
        runs.terminate()
        await asyncio.to_thread(runs.join)


def _forks() -> ForkServerContext:
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload(["tests.rig.bench.process"])
    return forks
