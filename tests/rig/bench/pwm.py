"""The rig's PWM chip (tests/rig/root/pwm.asl), taken for the Pi 5's."""

import subprocess
from pathlib import Path

from hw import pwm

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
