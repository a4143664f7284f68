"""The rig's PWM chip (tests/rig/root/pwm.asl), taken for the Pi 5's.

`python -m tests.rig.bench.pwm` lights a lamp on it with the rights of whoever starts it: status 0, and dark again.
"""

import asyncio
import subprocess
import sys
from pathlib import Path

from hw import pwm
from hw.cabin import Health, Scene
from hw.lights import GpioLights
from hw.settings import GpioLights as Chosen
from hw.settings import Lamp

BOARD, PI5 = "80865AC8:00", "1f00098000.pwm"
DRIVER = Path("/sys/bus/platform/drivers/pwm-lpss")
CHANNELS = pwm._BOARDS[PI5]
PERIOD = "40000"
"""Nanoseconds at 25 kHz."""


def load() -> None:
    """As root."""
    subprocess.run(["modprobe", "pwm-lpss-platform"], check=True)


def there() -> Path:
    """/sys/class/pwm/pwmchipN"""
    (chip,) = Path(f"/sys/devices/platform/{BOARD}/pwm").iterdir()
    return Path("/sys/class/pwm") / chip.name


def told(chip: Path, channel: int) -> dict[str, str]:
    """What the kernel was told of a channel, as it reads it back."""
    names = ("period", "duty_cycle", "enable", "polarity")
    return {name: (chip / f"pwm{channel}" / name).read_text().strip() for name in names}


async def light() -> None:
    lights = GpioLights(Chosen(lamps={"face": Lamp(pin=12, pwm="hardware")}, warm_up_ms=0))
    keeping = asyncio.create_task(lights.stay_open())
    try:
        async with asyncio.timeout(20):
            while lights.status().health is not Health.WELL:  # noqa: ASYNC110 -- nothing announces it
                await asyncio.sleep(0.1)
    except TimeoutError:
        sys.exit(f"the lamp is not lit: {lights.status().why}")
    await lights.show(Scene.CAPTURE)
    lit = told(there(), CHANNELS[12])
    keeping.cancel()
    await asyncio.wait([keeping])
    if lit != {"period": PERIOD, "duty_cycle": PERIOD, "enable": "1", "polarity": "normal"}:
        sys.exit(f"the lamp was told {lit}")


if __name__ == "__main__":
    pwm._BOARDS[BOARD] = CHANNELS
    asyncio.run(light())
