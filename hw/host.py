"""The machine's own health: power, heat, memory, disk, modem, door. Read from /sys and /proc, each None where absent.

It must never change anything, wait for anything but the modem's own tool, or take "not there" for "well". `root` stands
before every path, so that a test lays its own.
"""

import asyncio
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

UNDERVOLTED, CAPPED, THROTTLED, SOFT_LIMIT = 1 << 0, 1 << 1, 1 << 2, 1 << 3
"""Bits of the firmware's get_throttled; 16 above each stands that it has happened since the boot."""
POWER_WORDS = {UNDERVOLTED: "undervolted", CAPPED: "capped", THROTTLED: "throttled", SOFT_LIMIT: "soft limit"}
HOT_CELSIUS = 80.0
"""Here a Pi's firmware begins to throttle [Raspberry Pi documentation, frequency management]."""
WORN_PERCENT = 90
"""eMMC life_time counts in tenths; the last tenth is the time to change the module."""
END_OF_LIFE = {1: "normal", 2: "warning", 3: "urgent"}
"""pre_eol_info [eMMC 5.0, extended CSD 267]."""
MODEM_S = 5.0


@dataclass(frozen=True)
class Host:
    """One reading; None: not known here. `*_since_boot` is this process's own latch, since other readers clear bits.

    `power`, `power_since_boot`: bits of POWER_WORDS.
    """

    power: int | None = None
    power_since_boot: int | None = None
    soc_celsius: float | None = None
    memory_free_mb: int | None = None
    cma_free_mb: int | None = None
    disk_life_used_percent: int | None = None
    disk_end_of_life: str | None = None
    disk_errors: int | None = None
    modem_state: str | None = None
    modem_signal_percent: int | None = None
    door_open: bool | None = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What an operator acts on. None of it closes the gate."""
        found = []
        if self.power is not None and self.power & UNDERVOLTED:
            found.append("undervoltage now")
        if (self.soc_celsius or 0) >= HOT_CELSIUS or (self.power or 0) & SOFT_LIMIT:
            found.append("hot")
        if (self.disk_life_used_percent or 0) >= WORN_PERCENT or self.disk_end_of_life in ("warning", "urgent"):
            found.append("disk at end of life")
        if self.disk_errors:
            found.append("disk errors")
        return tuple(found)

    def flat(self) -> dict[str, object]:
        """For the health report: what is known, numbers with their unit in the name."""
        out: dict[str, object] = {
            "power": None if self.power is None else _power(self.power, self.power_since_boot or 0),
            "soc_celsius": None if self.soc_celsius is None else round(self.soc_celsius),
            "memory_free_mb": self.memory_free_mb,
            "cma_free_mb": self.cma_free_mb,
            "disk_used_percent": self.disk_life_used_percent,
            "disk_eol": self.disk_end_of_life,
            "disk_errors": self.disk_errors,
            "modem": self.modem_state,
            "modem_percent": self.modem_signal_percent,
            "door_open": self.door_open,
            "warnings": ", ".join(self.warnings) or None,
        }
        return {name: value for name, value in out.items() if value is not None}


class Door(Protocol):
    """The cabin's service door."""

    def open(self) -> bool | None:
        """None while it is not known."""


class HostReader:
    """Reads the machine. `device`: (major, minor) of the disk that holds the ledger."""

    def __init__(self, device: tuple[int, int], root: Path = Path("/"), door: Door | None = None) -> None:
        self._root, self._device, self._door = root, device, door
        self._power: int | None = None
        self._latched = 0
        self._modem: tuple[str | None, int | None] = (None, None)
        self._door_open: bool | None = None

    def look(self) -> bool:
        """Power and door, to be called each second (an undervoltage is kept for 2 s). True where one changed."""
        before, self._door_open = self._door_open, None if self._door is None else self._door.open()
        moved = before is not self._door_open
        return self._look_at_power() or moved

    def _look_at_power(self) -> bool:
        before = self._power
        bits = _number(_first(self._root, "sys/devices/platform/soc*/*firmware*/get_throttled"), 16)
        low = self._undervolted()
        if bits is None and low is None:
            self._power = None
            return before is not None
        self._power = (bits or 0) & 0xF | (UNDERVOLTED if low else 0)
        self._latched |= self._power | (bits or 0) >> 16
        return before != self._power

    def read(self) -> Host:
        self.look()
        heat = _number(self._root / "sys/class/thermal/thermal_zone0/temp")
        memory = _memory(self._root / "proc/meminfo")
        disk, partition = self._disk()
        life, eol = _words(disk / "device/life_time"), _words(disk / "device/pre_eol_info")
        used = max((_hex(word) for word in life), default=0)
        return Host(
            power=self._power,
            power_since_boot=None if self._power is None else self._latched,
            soc_celsius=None if heat is None else heat / 1000,
            memory_free_mb=memory.get("MemAvailable"),
            cma_free_mb=memory.get("CmaFree"),
            disk_life_used_percent=min(100, used * 10) if used else None,
            disk_end_of_life=END_OF_LIFE.get(_hex(eol[0])) if eol else None,
            disk_errors=_number(self._root / f"sys/fs/ext4/{partition}/errors_count"),
            modem_state=self._modem[0],
            modem_signal_percent=self._modem[1],
            door_open=self._door_open,
        )

    async def ask_modem(self, command: tuple[str, ...] = ("mmcli", "-m", "any", "-J")) -> None:
        """ModemManager's word, for the next `read`; unknown where it is not installed, has no modem or is too slow."""
        self._modem = (None, None)
        try:
            process = await asyncio.create_subprocess_exec(
                *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
            )
        except OSError:
            return
        try:
            async with asyncio.timeout(MODEM_S):
                said, _ = await process.communicate()
        except TimeoutError:
            return
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        self._modem = read_modem(said)

    def _undervolted(self) -> bool | None:
        for name in sorted(self._root.glob("sys/class/hwmon/hwmon*/name")):
            if _text(name) == "rpi_volt":
                alarm = _number(name.with_name("in0_lcrit_alarm"))
                return None if alarm is None else bool(alarm)
        return None

    def _disk(self) -> tuple[Path, str]:
        """(the disk's folder, the file system's name) of the device, below an encrypted one too."""
        here = self._root / "sys/dev/block/{}:{}".format(*self._device)
        with suppress(OSError):
            here = here.resolve()
        name = here.name
        while slaves := sorted(here.glob("slaves/*")):
            here = slaves[0].resolve()
        return (here.parent if (here / "partition").exists() else here), name


def disk_of(folder: Path) -> tuple[int, int]:
    """(major, minor) of the device that holds a folder."""
    device = os.stat(folder).st_dev
    return os.major(device), os.minor(device)


def read_modem(said: bytes) -> tuple[str | None, int | None]:
    """(state, signal in percent) of `mmcli -J`; None where it says nothing of the kind."""
    try:
        generic = json.loads(said)["modem"]["generic"]
        state, signal = str(generic["state"])[:20], generic["signal-quality"]["value"]
    except (ValueError, KeyError, TypeError):
        return None, None
    return state, int(signal) if str(signal).isdecimal() else None


def _power(now: int, since_boot: int) -> str:
    """`well`, or what is wrong now and what was."""
    words = [f"{word} now" for bit, word in POWER_WORDS.items() if now & bit]
    words += [f"{word} before" for bit, word in POWER_WORDS.items() if since_boot & ~now & bit]
    return ", ".join(words) or "well"


def _memory(path: Path) -> dict[str, int]:
    """MB by the kernel's name; meminfo counts in KiB."""
    found = {}
    for line in _text(path).splitlines():
        name, _, rest = line.partition(":")
        amount = rest.split()
        if amount and amount[0].isdecimal():
            found[name] = int(amount[0]) * 1024 // 1_000_000
    return found


def _first(root: Path, pattern: str) -> Path:
    return next(iter(sorted(root.glob(pattern))), root / pattern)


def _number(path: Path, base: int = 10) -> int | None:
    try:
        return int(_text(path), base)
    except ValueError:
        return None


def _hex(word: str) -> int:
    try:
        return int(word, 16)
    except ValueError:
        return 0


def _words(path: Path) -> list[str]:
    return _text(path).split()


def _text(path: Path) -> str:
    """What the file says, "" where it is not there or cannot be read."""
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""
