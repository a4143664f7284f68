"""The service door's contact on a GPIO line. Read only: it closes no gate and is told in the health report."""

import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from hw import settings
from hw.cabin import DeviceMissing
from hw.gpio import Lines, check_free, find_chip

log = logging.getLogger(__name__)

RETRY_S = 60.0  # between two tries to have its line; the report leaves once a minute


class DoorContact:
    """Door of hw.host. What keeps its line from being read is logged once, until it can be read again."""

    def __init__(self, chosen: settings.Door) -> None:
        self._chosen = chosen
        self._lines: Lines | None = None
        self._high: Callable[[], bool] | None = None
        self._tried_s: float | None = None
        self._told = ""

    def open(self) -> bool | None:
        try:
            if self._high is None:
                now_s = time.monotonic()
                if self._tried_s is not None and now_s - self._tried_s < RETRY_S:
                    return None
                self._tried_s = now_s
                self._high = self._taken()
            high = self._high()
        except DeviceMissing as missing:
            self.close()
            if self._told != str(missing):
                self._told = str(missing)
                log.warning("%s", missing)
            return None
        self._told = ""
        return high == (self._chosen.open_is == "high")

    def close(self) -> None:
        lines, self._lines, self._high = self._lines, None, None
        if lines is not None:
            lines.close()

    def _taken(self) -> Callable[[], bool]:
        chip = find_chip("door", self._chosen.chip)
        check_free("door", chip, [self._chosen.pin])
        self._lines = Lines("door", chip)
        return self._lines.contact(self._chosen.pin, pull=self._chosen.pull)


@asynccontextmanager
async def open_door(chosen: settings.Cabin) -> AsyncIterator[DoorContact | None]:
    """The door's contact where the cabin has one; its line is given back at the end."""
    if not isinstance(chosen, settings.Devices) or chosen.door is None:
        yield None
        return
    door = DoorContact(chosen.door)
    try:
        yield door
    finally:
        door.close()
