"""The camera's real libraries, in the rig: picamera2 on libcamera's `virtual` pipeline, linuxpy on vivid."""

import asyncio
import os
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest

from hw.cabin import DeviceMissing, Health
from hw.camera.driver import open_camera
from hw.camera.source import now_ns
from hw.settings import Picamera, V4l2
from tests.camera.playing import until
from tests.rig.bench.camera import MODULE, MODULE_PROCESS, MODULE_PX, lay_module_camera

pytestmark = pytest.mark.skipif("EPHOTO_RIG" not in os.environ, reason="needs the rig's devices")
STABLE = Path("/dev/video-tried")
VIVID = Path("/sys/bus/platform/drivers/vivid")


@pytest.fixture(scope="module")
def module_camera() -> None:
    lay_module_camera()


@pytest.fixture
def usb_camera() -> str:
    """A stable name of vivid's camera, as udev gives a real one."""
    subprocess.run(["modprobe", "videodev"], check=True)
    subprocess.run(["modprobe", "vivid", "n_devs=1", "node_types=0x1", "num_inputs=1", "input_types=0"], check=True)
    plug()
    return str(STABLE)


def plug() -> None:
    if not (VIVID / "vivid.0").exists():
        (VIVID / "bind").write_text("vivid.0")
    (node,) = (VIVID / "vivid.0" / "video4linux").iterdir()
    STABLE.unlink(missing_ok=True)
    STABLE.symlink_to(node.name)


def unplug() -> None:
    (VIVID / "unbind").write_text("vivid.0")
    STABLE.unlink()


async def a_still(camera, size: tuple[int, int]) -> np.ndarray:
    asked_ns = now_ns()
    still = await camera.still()
    assert still.at_ns > asked_ns
    assert still.picture.shape == (size[1], size[0], 3)
    return still.picture


async def well(camera) -> None:
    await until(lambda: camera.status().health is Health.WELL)


async def faulty(camera) -> str:
    await until(lambda: camera.status().health is Health.FAULTY)
    return camera.status().why


def test_a_camera_module_gives_frames_and_stills_and_survives_its_process(module_camera) -> None:
    async def story() -> None:
        async with open_camera(Picamera(still_px=MODULE_PX, model=MODULE), MODULE_PROCESS) as camera:
            await well(camera)
            last_ns = 0
            async for frame in camera.frames():
                assert frame.rgb.shape == (480, 640, 3) and frame.at_ns > last_ns
                assert frame.rgb[240, 320].argmax() == 0
                if last_ns:
                    break
                last_ns = frame.at_ns
            assert (await a_still(camera, MODULE_PX))[240, 320].argmax() == 0
            for number in (signal.SIGKILL, signal.SIGSTOP):
                os.kill(camera.pid, number)
                await faulty(camera)
                await well(camera)
                await a_still(camera, MODULE_PX)

    asyncio.run(story())


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        (Picamera(still_px=MODULE_PX, model="imx477"), "no imx477 found, but imx708"),
        (Picamera(still_px=(4056, 3040)), "4056 × 3040 are configured, it gives 640 × 480"),
        (Picamera(still_px=MODULE_PX, lens_dioptres=2.0), "cannot hold lens_dioptres"),
    ],
)
def test_a_camera_module_that_is_not_as_configured_is_named(module_camera, settings: Picamera, why: str) -> None:
    async def story() -> None:
        async with open_camera(settings, MODULE_PROCESS) as camera:
            assert why in await faulty(camera)

    asyncio.run(story())


def test_a_usb_camera_gives_frames_and_stills_and_comes_back_after_unplugging(usb_camera: str) -> None:
    async def story() -> None:
        async with open_camera(V4l2(device=usb_camera, still_px=(1280, 720))) as camera:
            await well(camera)
            frame = await anext(camera.frames())
            assert frame.rgb.shape == (360, 640, 3) and frame.rgb.std() > 10
            await a_still(camera, (1280, 720))
            await asyncio.to_thread(unplug)
            assert "is not there" in await faulty(camera)
            with pytest.raises(DeviceMissing):
                await camera.still()
            await asyncio.to_thread(plug)
            await well(camera)
            await a_still(camera, (1280, 720))
            os.kill(camera.pid, signal.SIGKILL)
            await faulty(camera)
            await well(camera)
            await a_still(camera, (1280, 720))

    asyncio.run(story())


@pytest.mark.parametrize(
    ("device", "still_px", "why"),
    [("/dev/no-camera", (1280, 720), "/dev/no-camera is not there"), ("", (1000, 700), "1000 × 700")],
)
def test_a_usb_camera_that_is_not_as_configured_is_named(
    usb_camera: str, device: str, still_px: tuple[int, int], why: str
) -> None:
    async def story() -> None:
        async with open_camera(V4l2(device=device or usb_camera, still_px=still_px)) as camera:
            assert why in await faulty(camera)

    asyncio.run(story())
