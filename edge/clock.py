"""Time as the booth believes it: the calendar, the time since boot, and whether the calendar may be trusted.

Waiting is asyncio's; this is for what is written down. Passed in everywhere, so that a test can own it.
"""

import os
import time
from calendar import monthrange
from datetime import UTC, date, datetime
from datetime import time as day_time
from pathlib import Path
from typing import Literal, Protocol
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")

ClockSource = Literal["timesync", "rtc", "assume"]


class Clock(Protocol):
    boot_id: str

    def now(self) -> datetime:
        """The calendar, UTC."""

    def boottime_s(self) -> float:
        """Seconds since boot, sleep included; comparable only under the same boot id."""

    def trusted(self) -> bool:
        """Whether the calendar may be printed and sealed."""


class SystemClock:
    """The machine's clock. `root` stands before the system's paths, so that a test lays its own."""

    def __init__(self, source: ClockSource, root: Path = Path("/")) -> None:
        self._source = source
        self._root = root
        try:
            self.boot_id = (root / "proc/sys/kernel/random/boot_id").read_text().strip()
        except OSError:
            self.boot_id = "unknown"

    def now(self) -> datetime:
        return datetime.now(UTC)

    def boottime_s(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def trusted(self) -> bool:
        """`timesync`: systemd-timesyncd has heard a server since boot; `rtc`: there is a real-time clock; `assume`:
        always, for demo and tests."""
        match self._source:
            case "timesync":
                return (self._root / "run/systemd/timesync/synchronized").exists()
            case "rtc":
                return os.path.exists(self._root / "sys/class/rtc/rtc0")
            case "assume":
                return True


def expiry(committed_at: datetime) -> datetime:
    """When a code expires: six calendar months after the commit (clamped to the month's end), at the end of that day
    in Europe/Paris. Its last second, UTC."""
    day = committed_at.astimezone(PARIS).date()
    months = day.month - 1 + 6
    year, month = day.year + months // 12, months % 12 + 1
    last = date(year, month, min(day.day, monthrange(year, month)[1]))
    end = datetime.combine(last, day_time.max, PARIS).astimezone(UTC)
    return end.replace(microsecond=0)


def expiry_day(expires_at: datetime) -> date:
    """The last day on which the code works, as printed."""
    return expires_at.astimezone(PARIS).date()
