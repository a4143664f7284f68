"""The camera process killed, stopped, hung and orphaned for real: named, replaced, and never an old picture."""

import asyncio
import gc
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from PIL import Image

from edge.picture import read_picture
from hw.cabin import DeviceError, DeviceFault, DeviceMissing, DeviceSilent, Health
from hw.camera.driver import REBOOT_AFTER, open_camera
from hw.camera.source import now_ns
from hw.settings import Picamera
from hw.sim.played import Script, exposed_ns, write
from tests.camera.playing import Playing, playing, until

SETTINGS = Picamera(still_px=(800, 600))


def memory_files() -> int:
    """Pictures that this process holds."""
    return sum("memfd:picture" in os.readlink(fd.path) for fd in os.scandir("/proc/self/fd") if os.path.islink(fd))


@pytest.fixture(autouse=True)
def no_picture_outlives_its_use() -> Iterator[None]:
    """However a camera fails, no picture waits for the garbage collector."""
    gc.collect()
    gc.disable()
    try:
        yield
        assert memory_files() == 0
    finally:
        gc.enable()


def play(tmp_path: Path, story, settings: Picamera = SETTINGS, **how) -> None:
    async def played() -> None:
        async with playing(tmp_path, [], settings, **how) as camera:
            await story(camera)

    asyncio.run(played())


async def a_true_still(playing: Playing) -> None:
    """Its pixels say themselves when they were exposed."""
    asked_ns = now_ns()
    still = await playing.camera.still()
    assert exposed_ns(still.picture) == still.at_ns > asked_ns


def test_no_still_is_from_before_the_shutter_though_a_frame_is_always_under_way(tmp_path: Path) -> None:
    async def story(playing: Playing) -> None:
        await playing.well()
        for _ in range(8):
            await a_true_still(playing)

    play(tmp_path, story)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_process_that_is_killed_or_stopped_is_named_and_replaced(tmp_path: Path, number: signal.Signals) -> None:
    async def story(playing: Playing) -> None:
        await playing.well()
        before = playing.camera.pid
        playing.signal(number)
        await until(lambda: "process" in playing.camera.status().why)
        assert playing.camera.status().health is Health.FAULTY
        await playing.well()
        assert playing.camera.pid != before
        assert not os.path.exists(f"/proc/{before}")  # noqa: ASYNC240
        await a_true_still(playing)

    play(tmp_path, story)


def test_a_still_in_which_the_process_is_stopped_ends_with_an_error_and_the_next_is_true(tmp_path: Path) -> None:
    async def story(playing: Playing) -> None:
        await playing.well()
        shot = asyncio.create_task(playing.camera.still())
        await asyncio.sleep(0)
        playing.signal(signal.SIGSTOP)
        with pytest.raises(DeviceError):
            await shot
        await playing.well()
        await a_true_still(playing)

    play(tmp_path, story)


def test_a_process_that_was_stopped_for_a_moment_is_kept_and_gives_no_old_picture(tmp_path: Path) -> None:
    async def story(playing: Playing) -> None:
        await playing.well()
        before = playing.camera.pid
        playing.signal(signal.SIGSTOP)
        shot = asyncio.create_task(a_true_still(playing))
        await asyncio.sleep(0.5)
        playing.signal(signal.SIGCONT)
        await shot
        assert playing.camera.pid == before

    play(tmp_path, story)


def test_a_library_that_hangs_in_a_call_is_killed_and_the_camera_comes_back(tmp_path: Path) -> None:
    async def story(playing: Playing) -> None:
        await playing.well()
        frames = playing.camera.frames()
        await anext(frames)
        before = playing.camera.pid
        await playing.hang()
        with pytest.raises(DeviceSilent):
            await anext(frames)
        assert playing.camera.status().health is Health.FAULTY
        await playing.recover()
        assert playing.camera.pid != before
        await a_true_still(playing)

    play(tmp_path, story)


def test_a_process_that_dies_while_a_frame_is_awaited_ends_them_at_once(tmp_path: Path) -> None:
    async def story(playing: Playing) -> None:
        await playing.well()
        frames = playing.camera.frames()
        await anext(frames)
        await playing.hang()
        asyncio.get_running_loop().call_later(0.1, playing.signal, signal.SIGKILL)
        with pytest.raises(DeviceMissing, match="its process"):
            await anext(frames)

    play(tmp_path, story)


def test_a_hang_that_nobody_is_there_to_meet_is_named_all_the_same(tmp_path: Path) -> None:
    async def story(playing: Playing) -> None:
        await playing.well()
        await playing.hang()
        await playing.faulty()
        await playing.recover()

    play(tmp_path, story)


def test_a_camera_that_hangs_while_it_is_opened_is_given_up_in_time(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("hw.camera.driver.OPEN_S", 1.0)

    async def story(playing: Playing) -> None:
        assert playing.camera.status().health is Health.UNKNOWN
        await playing.faulty()
        monkeypatch.undo()  # a process's own start may take longer on a busy machine
        await playing.recover()

    play(tmp_path, story, fault="hung in open")


def test_a_camera_that_is_absent_from_the_start_is_named_and_found_when_it_comes(tmp_path: Path) -> None:
    async def story(playing: Playing) -> None:
        await playing.faulty()
        assert "cable" in playing.camera.status().why
        with pytest.raises(DeviceMissing):
            await playing.camera.still()
        before = playing.camera.pid
        await playing.recover()
        assert playing.camera.pid == before  # opened again where it was: no new process for that

    play(tmp_path, story, fault="missing")


def test_a_frozen_camera_is_opened_again_before_its_process_is_replaced(tmp_path: Path) -> None:
    async def story(playing: Playing) -> None:
        await playing.well()
        before = playing.camera.pid
        await playing.freeze()
        await playing.faulty()
        assert playing.camera.pid == before
        await until(lambda: playing.camera.pid not in (before, None))
        await playing.recover()

    play(tmp_path, story)


def test_a_camera_that_gave_a_wrong_still_is_not_well_before_it_was_opened_again(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("hw.camera.driver.REOPEN_PAUSE_S", 3600.0)

    async def story(playing: Playing) -> None:
        await playing.well()
        await playing.wrong_size()
        with pytest.raises(DeviceFault, match="check still_px"):
            await playing.camera.still()
        await until(lambda: playing.camera._heard.qsize() >= 3)  # its frames go on as if nothing were
        assert playing.camera.status().health is Health.FAULTY
        with pytest.raises(DeviceFault):
            await anext(playing.camera.frames())

    play(tmp_path, story)


def test_after_some_new_processes_it_asks_for_a_reboot_and_goes_on_trying(tmp_path: Path, monkeypatch, caplog) -> None:
    monkeypatch.setattr("hw.camera.driver.PAUSES_S", (0.0,))

    async def story(playing: Playing) -> None:
        await until(lambda: "reboot" in playing.camera.status().why)
        assert len([record for record in caplog.records if record.levelno == logging.ERROR]) == 1
        await playing.recover()
        assert playing.camera.status().why == ""
        await a_true_still(playing)
        playing.signal(signal.SIGKILL)
        await playing.faulty()
        assert "reboot" not in playing.camera.status().why  # a still has proven it: the ladder begins anew
        assert REBOOT_AFTER > 1

    play(tmp_path, story, fault="dead")


def test_a_shot_that_nobody_waits_for_any_more_spoils_no_later_one(tmp_path: Path) -> None:
    async def story(playing: Playing) -> None:
        await playing.well()
        for _ in range(5):
            shot = asyncio.create_task(playing.camera.still())
            await asyncio.sleep(0.05)
            shot.cancel()
            await asyncio.gather(shot, return_exceptions=True)
        await a_true_still(playing)

    play(tmp_path, story)


def test_a_picture_stays_as_it_came_whatever_comes_after_and_when_its_process_dies(tmp_path: Path) -> None:
    async def story(playing: Playing) -> None:
        await playing.well()
        frames = [await anext(playing.camera.frames()) for _ in range(5)]
        still = await playing.camera.still()
        kept, copies = still.picture.copy(), [frame.rgb.copy() for frame in frames]
        await playing.camera.still()
        playing.signal(signal.SIGKILL)
        await playing.faulty()
        assert np.array_equal(still.picture, kept)
        assert all(np.array_equal(frame.rgb, copy) for frame, copy in zip(frames, copies, strict=True))
        assert not still.picture.flags.writeable

    play(tmp_path, story)


def test_pictures_lie_in_no_file_and_their_memory_is_given_back(tmp_path: Path) -> None:
    async def story(playing: Playing) -> None:
        await playing.well()
        shared = set(os.listdir("/dev/shm"))
        for _ in range(3):
            still = await playing.camera.still()
            assert memory_files() == 1
            del still
            await asyncio.sleep(0)  # the loop itself holds an answer until the next step
        assert memory_files() == 0
        assert set(os.listdir("/dev/shm")) <= shared

    play(tmp_path, story)


def test_a_picture_is_turned_upright(tmp_path: Path) -> None:
    async def story(playing: Playing) -> None:
        still = await playing.camera.still()
        assert still.picture.shape == (800, 600, 3)
        lying = np.rot90(still.picture)  # clockwise by 90° is undone
        assert exposed_ns(lying) == still.at_ns
        assert (await anext(playing.camera.frames())).rgb.shape == (640, 480, 3)

    play(tmp_path, story, Picamera(still_px=(800, 600), rotation=90))


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_a_jpeg_is_turned_by_its_exif_as_an_array_is_by_its_pixels(
    tmp_path: Path, rotation: Literal[0, 90, 180, 270]
) -> None:
    lying = np.zeros((600, 800, 3), np.uint8)
    lying[:300, :400] = 250  # one corner of four
    Image.fromarray(lying).save(tmp_path / "corner.png")

    async def story(playing: Playing) -> None:
        await playing.show(tmp_path / "corner.png")
        await playing.well()
        array = (await playing.camera.still()).picture
        await playing.compress(95)
        jpeg = (await playing.camera.still()).picture
        assert isinstance(jpeg, bytes)
        seen = read_picture(jpeg)
        assert seen.shape == array.shape
        assert np.abs(seen.astype(int) - array).mean() < 2

    play(tmp_path, story, Picamera(still_px=(800, 600), rotation=rotation))


@pytest.mark.parametrize(("verb", "why"), [("wrong_size", "expected"), ("tear", "came torn")])
def test_a_shot_that_is_refused_is_let_go_while_its_fault_lasts_and_the_next_one_is_taken(
    tmp_path: Path, verb: str, why: str
) -> None:
    async def story(playing: Playing) -> None:
        await playing.well()
        await getattr(playing, verb)()
        with pytest.raises(DeviceFault, match=why):
            await playing.camera.still()
        await asyncio.sleep(0)  # the loop itself holds an answer until the next step
        assert playing.camera.status().health is Health.FAULTY
        assert memory_files() == 0
        await playing.recover()
        await playing.camera.still()

    play(tmp_path, story)


def test_a_camera_that_compresses_below_the_norm_is_a_fault_before_anybody_pays(tmp_path: Path) -> None:
    async def story(playing: Playing) -> None:
        await playing.faulty()
        assert "JPEG quality 89, the norm asks for 90" in playing.camera.status().why
        with pytest.raises(DeviceFault, match="quality 89"):
            await playing.camera.still()
        await playing.compress(90)
        await playing.well()
        assert isinstance((await playing.camera.still()).picture, bytes)

    play(tmp_path, story, quality=89)


BOOTH = """
import asyncio, sys
from hw.camera.driver import open_camera
from hw.settings import Picamera
async def main():
    command = [sys.executable, "-m", "hw.sim.played", sys.argv[1]]
    async with open_camera(Picamera(still_px=(800, 600)), command) as camera:
        await anext(camera.frames())
        print(camera.pid, flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""


def test_a_booth_that_is_killed_leaves_no_camera_process_behind_though_that_one_stands_still(tmp_path: Path) -> None:
    script = tmp_path / "camera.json"
    write(script, Script())
    with subprocess.Popen([sys.executable, "-c", BOOTH, str(script)], stdout=subprocess.PIPE, text=True) as booth:
        assert booth.stdout is not None
        pid = int(booth.stdout.readline())
        os.kill(pid, signal.SIGSTOP)  # it hears nothing of the booth's end
        booth.kill()
    until_s = time.monotonic() + 30
    while Path(f"/proc/{pid}").exists() and _state(pid) != "Z":
        assert time.monotonic() < until_s, "the camera process lives on and holds the camera"
        time.sleep(0.02)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ")[1][0]
    except FileNotFoundError:
        return "Z"


def test_a_command_that_does_not_exist_is_a_named_fault(tmp_path: Path) -> None:
    async def story() -> None:
        async with open_camera(SETTINGS, ["/no/such/python"]) as camera:
            await until(lambda: camera.status().health is Health.FAULTY)
            assert "does not start" in camera.status().why

    asyncio.run(story())


def test_a_library_that_is_not_installed_is_a_named_fault() -> None:
    async def story() -> None:
        async with open_camera(SETTINGS) as camera:
            await until(lambda: camera.status().health is Health.FAULTY)
            assert "python3-picamera2" in camera.status().why

    asyncio.run(story())
