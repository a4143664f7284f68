"""With the unit's rights and within its walls: what the visit's simulated camera and software PWM would not show.

usage: python -m tests.rig.rights, as the unit's own user before the daemon starts (tests/rig/visit.py). Status 0: a
lamp on hardware PWM was lit, a camera module by picamera2 and a USB camera by V4L2 gave frames and a still.
`lay` makes them, as root.
"""

import asyncio
import logging
import shutil
from collections.abc import Sequence

from hw import pwm
from hw.cabin import Health, Scene
from hw.camera.driver import WORKER, ProcessCamera, open_camera
from hw.lights import GpioLights
from hw.settings import GpioLights as Chosen
from hw.settings import Lamp, Picamera, V4l2
from hw.sim.journal import Journal
from tests.camera.playing import until
from tests.rig.bench.camera import HEAP, MODULE, MODULE_PROCESS, MODULE_PX, STABLE, KernelCamera, lay_module_camera
from tests.rig.bench.pwm import BOARD, CHANNELS, PERIOD, load, there, told


def lay() -> None:
    load()
    lay_module_camera()
    shutil.chown(HEAP, group="video")  # as Raspberry Pi OS does
    HEAP.chmod(0o660)
    KernelCamera(Journal())


async def well(what: str, device: GpioLights | ProcessCamera) -> None:
    """`until` with the reason: the unit's journal shows it."""
    try:
        await until(lambda: device.status().health is Health.WELL)
    except TimeoutError:
        raise AssertionError(f"{what}: {device.status().why}") from None


async def lamp() -> None:
    pwm._BOARDS[BOARD] = CHANNELS
    lights = GpioLights(Chosen(lamps={"face": Lamp(pin=12, pwm="hardware")}, warm_up_ms=0))
    keeping = asyncio.create_task(lights.stay_open())
    await well("lamp", lights)
    await lights.show(Scene.CAPTURE)
    assert told(there(), CHANNELS[12])["duty_cycle"] == PERIOD
    keeping.cancel()
    await asyncio.wait([keeping])


async def camera(settings: Picamera | V4l2, command: Sequence[str]) -> None:
    async with open_camera(settings, command) as camera:
        await well("camera", camera)
        await anext(camera.frames())
        await camera.still()


async def main() -> None:
    for what, story in (
        ("a lamp on hardware PWM", lamp()),
        ("a camera module", camera(Picamera(still_px=MODULE_PX, model=MODULE), MODULE_PROCESS)),
        ("a USB camera", camera(V4l2(device=str(STABLE), still_px=(1280, 720)), WORKER)),
    ):
        await story
        print(f"rights: {what} works", flush=True)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    asyncio.run(main())
