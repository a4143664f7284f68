"""`booth run` that kills itself (SIGKILL) at its DIE_AT-th durable write, DIE=before or after it reaches the disk.

Writes the number of each durable write to `writes.txt`, so that a test knows how many a visit has, and to `opened.txt`
each coin whose first edge is durable, in a booth that is to die and in the one after it.
"""

import asyncio
import logging
import os
import signal
import sqlite3
import sys
from pathlib import Path
from typing import Any, ClassVar

from edge import start
from edge.config import load

AT, BEFORE = int(os.environ.get("DIE_AT", "0")), os.environ.get("DIE") == "before"
WRITES, OPENED = Path("writes.txt"), Path("opened.txt")


class Dying(sqlite3.Connection):
    writes = 0
    opened: ClassVar[set[str]] = set()

    def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:  # type: ignore[override]
        if sql != "COMMIT":
            return super().execute(sql, *parameters)
        Dying.writes += 1
        if Dying.writes == AT and BEFORE:
            os.kill(os.getpid(), signal.SIGKILL)
        cursor = super().execute(sql, *parameters)
        WRITES.write_text(str(Dying.writes))
        for (train,) in super().execute("SELECT train FROM trains").fetchall():
            if train not in Dying.opened:
                Dying.opened.add(train)
                with OPENED.open("a") as file:
                    file.write(f"{train}\n")
        if Dying.writes == AT:
            os.kill(os.getpid(), signal.SIGKILL)
        return cursor


def connect(*args: Any, **kwargs: Any) -> sqlite3.Connection:
    return sqlite3.connect(*args, factory=Dying, **kwargs)


if __name__ == "__main__":
    if AT:
        OPENED.write_text("")
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    asyncio.run(start.run(load(Path(sys.argv[-1])), connect=connect))
