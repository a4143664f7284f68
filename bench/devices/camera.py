"""The camera's loop: its process killed or stopped at random moments of frames, stills and rest.

    python -m bench.devices camera [--camera played|module|usb] --rounds 200 --state FILE

`played` runs anywhere: the process is real, its camera plays pictures whose pixels say when they were exposed. In the
rig, as root: `module` is picamera2 on libcamera's virtual pipeline, whose stills are known by their time stamps alone;
`usb` is the kernel's vivid, which shows another colour before each shot. Promised: named faulty within 3 s, always back
by itself, and no still from before the shutter.
"""

import argparse
import asyncio
import itertools
import json
import logging
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hw.cabin import DeviceError, Health, Still
from hw.camera.driver import WORKER, ProcessCamera, open_camera
from hw.camera.source import now_ns
from hw.settings import Picamera, V4l2
from hw.sim.played import Script, exposed_ns, write

FAULTS = {"killed": signal.SIGKILL, "stopped": signal.SIGSTOP}
COUNTED = ("stills", "frames", "stills before the shutter", "frames out of order", "old processes left")
BACK_S = 60.0
Counts = dict[str, int]


@dataclass(frozen=True)
class Trial:
    """A camera before which something can change, and whether a still shows what is there now.

    `change` is done before a shot; `shows` looks at the still taken after it.
    """

    settings: Picamera | V4l2
    command: Sequence[str]
    change: Callable[[], None]
    shows: Callable[[Still], bool]


def nothing() -> None:
    pass


def played(folder: Path) -> Trial:
    """Its pixels say when they were exposed."""
    script = folder / "camera.json"
    write(script, Script())
    command = [sys.executable, "-m", "hw.sim.played", str(script)]
    return Trial(
        Picamera(still_px=(4056, 3040)), command, nothing, lambda still: exposed_ns(still.picture) == still.at_ns
    )


def module(folder: Path) -> Trial:
    """Nothing in its picture changes."""
    from tests.rig.bench.camera import MODULE, MODULE_PROCESS, MODULE_PX, lay_module_camera

    lay_module_camera()
    return Trial(Picamera(still_px=MODULE_PX, model=MODULE), MODULE_PROCESS, nothing, lambda still: True)


def usb(folder: Path) -> Trial:
    """Another colour before each shot."""
    from hw.sim.journal import Journal
    from tests.rig.bench.camera import PATTERNS, STABLE, KernelCamera

    show = KernelCamera(Journal()).at_once()
    colours = itertools.cycle(range(len(PATTERNS)))
    shown = 0

    def change() -> None:
        nonlocal shown
        shown = next(colours)
        show(PATTERNS[shown])

    def shows(still: Still) -> bool:
        assert isinstance(still.picture, np.ndarray), "vivid gives YUYV"
        return int(still.picture[::8, ::8].reshape(-1, 3).mean(axis=0).argmax()) == shown

    return Trial(V4l2(device=str(STABLE), still_px=(1280, 720)), WORKER, change, shows)


CAMERAS = {"played": played, "module": module, "usb": usb}


async def one_still(camera: ProcessCamera, trial: Trial, counts: Counts) -> None:
    trial.change()
    asked_ns = now_ns()
    still = await camera.still()
    counts["stills"] += 1
    counts["stills before the shutter"] += not (still.at_ns > asked_ns and trial.shows(still))


async def stills(camera: ProcessCamera, trial: Trial, counts: Counts) -> None:
    while True:
        with suppress(DeviceError):
            await one_still(camera, trial, counts)
        await asyncio.sleep(0.01)


async def frames(camera: ProcessCamera, trial: Trial, counts: Counts) -> None:
    while True:
        with suppress(DeviceError):
            last_ns = 0
            async for frame in camera.frames():
                counts["frames"] += 1
                counts["frames out of order"] += frame.at_ns <= last_ns
                last_ns = frame.at_ns
        await asyncio.sleep(0.01)


async def rest(camera: ProcessCamera, trial: Trial, counts: Counts) -> None:
    await asyncio.Event().wait()


USES: dict[str, Callable[[ProcessCamera, Trial, Counts], Coroutine[Any, Any, None]]] = {
    "stills": stills,
    "frames": frames,
    "at rest": rest,
}


async def one_round(camera: ProcessCamera, trial: Trial, chance: random.Random, counts: Counts) -> dict[str, Any]:
    """In use for up to a second, struck, named, back, and two true stills."""
    fault, use = chance.choice(list(FAULTS)), chance.choice(list(USES))
    using = asyncio.create_task(USES[use](camera, trial, counts))
    await asyncio.sleep(chance.random())
    before = camera.pid
    assert before is not None
    os.kill(before, FAULTS[fault])
    struck_s = time.monotonic()
    await until(lambda: camera.status().health is not Health.WELL)
    named_s = time.monotonic() - struck_s
    await until(lambda: camera.status().health is Health.WELL)
    back_s = time.monotonic() - struck_s
    using.cancel()
    await asyncio.gather(using, return_exceptions=True)
    for _ in range(2):  # at once again: frames from before the second shot wait in the kernel's queue
        await one_still(camera, trial, counts)
    counts["old processes left"] += os.path.exists(f"/proc/{before}")  # noqa: ASYNC240
    return {"fault": fault, "use": use, "named_s": round(named_s, 3), "back_s": round(back_s, 3)}


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(BACK_S):
        while not true():  # noqa: ASYNC110 -- a status is looked at, it is not announced
            await asyncio.sleep(0.005)


async def run(rounds: int, state: Path, done: dict[str, Any], trial: Trial) -> None:
    """Goes on from what is done; each round is kept at once."""
    async with open_camera(trial.settings, trial.command) as camera:
        await until(lambda: camera.status().health is Health.WELL)
        await camera.still()
        for number in range(len(done["rounds"]), rounds):
            found = await one_round(camera, trial, random.Random(number), done["counts"])
            done["rounds"].append(found)
            await asyncio.to_thread(state.write_text, json.dumps(done))
            times = f"named {found['named_s']:5.2f} s, back {found['back_s']:5.2f} s"
            print(f"{number + 1:4} {found['fault']:8} {found['use']:8} {times}", flush=True)


def table(rounds: list[dict[str, Any]], counts: Counts) -> int:
    """Prints the figures; 1 where a promise was broken."""
    print(f"\n{'fault':10}{'rounds':>8}{'named, worst':>14}{'back, median':>14}{'back, worst':>13}")
    for fault in FAULTS:
        its = [found for found in rounds if found["fault"] == fault]
        if its:
            back = sorted(found["back_s"] for found in its)
            worst = max(found["named_s"] for found in its)
            print(f"{fault:10}{len(its):8}{worst:12.2f} s{back[len(back) // 2]:12.2f} s{back[-1]:11.2f} s")
    print(", ".join(f"{count} {name}" for name, count in counts.items()))
    broken = counts["stills before the shutter"] + counts["frames out of order"] + counts["old processes left"]
    late = sum(found["named_s"] > 3 for found in rounds)
    print("every promise held" if not broken and not late else f"BROKEN: {broken} times, and {late} times named late")
    return int(bool(broken or late))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.devices camera", description=__doc__)
    parser.add_argument("--camera", choices=list(CAMERAS), default="played")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--state", type=Path, help="a file: the loop goes on where it was stopped")
    said = parser.parse_args(arguments)
    logging.basicConfig(level=logging.ERROR)
    done: dict[str, Any] = {"rounds": [], "counts": dict.fromkeys(COUNTED, 0)}
    with tempfile.TemporaryDirectory() as folder:
        state = said.state or Path(folder) / "state.json"
        if state.exists():
            done = json.loads(state.read_text())
        asyncio.run(run(said.rounds, state, done, CAMERAS[said.camera](Path(folder))))
    return table(done["rounds"], done["counts"])
