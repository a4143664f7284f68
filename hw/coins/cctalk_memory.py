"""The number of the last coin event that was told, on the disk: what falls while the booth is down is not forgotten.

It is written before an event's row goes into the ledger, and again before its coin is credited, so that no kill loses a
coin or credits it twice. It must never be written from what was only read from the acceptor.
"""

import json
import os
from pathlib import Path

from hw.cabin import DeviceFault


class CounterMemory:
    """(counter, opening) in one small file, replaced whole and durable on return. `opening`: the row of the event after
    `counter` was about to be opened, and may be open."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> tuple[int, bool] | None:
        """None where none was ever kept. DeviceFault."""
        try:
            kept = json.loads(self._path.read_text())
            return int(kept["counter"]), bool(kept["opening"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DeviceFault(
                "coins", f"{self._path} cannot be read ({error}): remove it if it is damaged, else mend its folder"
            ) from error

    def write(self, counter: int, opening: bool) -> None:
        """DeviceFault where the disk refuses."""
        new = self._path.with_suffix(".new")
        try:
            with open(new, "w") as file:
                json.dump({"counter": counter, "opening": opening}, file)
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._path)
            folder = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise DeviceFault(
                "coins",
                f"the acceptor's counter cannot be kept in {self._path} ({error.strerror}): "
                "make its folder writable, or name another in cabin.coins.state",
            ) from error
