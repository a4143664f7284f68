"""The Pi's hardware PWM through /sys/class/pwm: a lamp's level without flicker, kept by the chip itself.

Must never write to another PWM chip than the one that drives the header's lines (the Pi 5 has one for its fan).
"""

import os
from pathlib import Path

from hw.cabin import DeviceMissing

# The device behind pwmchipN (N moves with the kernel) and line → channel [raspberrypi/linux #6818; `pinctrl funcs`]
_BOARDS = {
    "1f00098000.pwm": {12: 0, 13: 1, 18: 2, 19: 3},  # Pi 5
    "fe20c000.pwm": {12: 0, 13: 1, 18: 0, 19: 1},  # Pi 4
}
PINS = (12, 13, 18, 19)
OVERLAY = "dtoverlay=pwm-2chan,pin=12,func=4,pin2=13,func2=4 (or pin=18,func=2,pin2=19,func2=2)"


class PwmChannel:
    """The channel of one header line, running at level 0 once made. DeviceMissing, whatever the files say."""

    def __init__(self, device: str, pin: int, *, frequency_hz: int, active_high: bool, root: Path = Path("/")) -> None:
        self._device = device
        chip, channel = _find(device, pin, root)
        self._folder = chip / f"pwm{channel}"
        self._period_ns = round(1e9 / frequency_hz)
        if not self._folder.exists():
            self._write(chip / "export", str(channel))
        if not self._folder.exists():
            raise DeviceMissing(device, f"{chip} exports no channel {channel}")
        if self._read("period") != "0":  # it ran before: a period may not become shorter than what is on of it
            self._set("duty_cycle", 0)
            self._set("enable", 0)
        self._set("period", self._period_ns)
        polarity = "normal" if active_high else "inversed"
        if self._read("polarity") != polarity:
            self._set("polarity", polarity)
        self._set("enable", 1)

    @property
    def name(self) -> str:
        """pwmchipN/pwmM"""
        return f"{self._folder.parent.name}/{self._folder.name}"

    def dim(self, level: float) -> None:
        """Level 0…1 of the time. It stays, whatever becomes of this process."""
        self._set("duty_cycle", round(level * self._period_ns))

    def _set(self, name: str, value: object) -> None:
        self._write(self._folder / name, str(value))

    def _read(self, name: str) -> str:
        try:
            return (self._folder / name).read_text().strip()
        except OSError as error:
            raise DeviceMissing(self._device, f"{self._folder / name}: {error.strerror}") from error

    def _write(self, file: Path, value: str) -> None:
        try:
            # never made by writing to it; and the kernel refuses even root to read some ("export")
            opened = os.open(file, os.O_WRONLY | os.O_TRUNC)
            try:
                os.write(opened, value.encode())
            finally:
                os.close(opened)
        except OSError as error:
            why = error.strerror
            if isinstance(error, PermissionError):
                why = f"{why}: run as a member of group gpio"
            raise DeviceMissing(self._device, f"{file}: {why}") from error


def _find(device: str, pin: int, root: Path) -> tuple[Path, int]:
    folder = root / "sys/class/pwm"
    found = {chip: (chip / "device").resolve().name for chip in sorted(folder.glob("pwmchip*"))}
    for chip, board in found.items():
        if board in _BOARDS:
            if pin not in _BOARDS[board]:
                raise DeviceMissing(device, f"line {pin} has no hardware PWM; {', '.join(map(str, PINS))} have")
            return chip, _BOARDS[board][pin]
    there = ", ".join(f"{chip.name} ({board})" for chip, board in found.items()) or "none"
    raise DeviceMissing(
        device, f"no PWM chip for the header in {folder}, found {there}: put {OVERLAY} into /boot/firmware/config.txt"
    )
