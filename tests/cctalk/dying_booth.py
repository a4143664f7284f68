"""A booth on a ccTalk wire that kills itself (SIGKILL) at its DIE_AT-th durable write, DIE=before or after it.

Durable writes are the ledger's commits and the acceptor's counter, in the order in which they happen.
"""

import asyncio
import dataclasses
import os
import signal
import sqlite3
import sys
from pathlib import Path
from typing import Any, cast

from edge.picture import Judging
from hw import settings
from hw.coins import cctalk_memory
from hw.coins.cctalk_acceptor import open_cctalk
from tests.world import GOOD, World, config

AT, BEFORE = int(os.environ.get("DIE_AT", "0")), os.environ.get("DIE") == "before"
_writes = 0


def durable(write: Any) -> Any:
    global _writes  # noqa: PLW0603
    _writes += 1
    if _writes == AT and BEFORE:
        os.kill(os.getpid(), signal.SIGKILL)
    done = write()
    if _writes == AT:
        os.kill(os.getpid(), signal.SIGKILL)
    return done


class Dying(sqlite3.Connection):
    def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:  # type: ignore[override]
        execute = super().execute
        return (
            cast(sqlite3.Cursor, durable(lambda: execute(sql, *parameters)))
            if sql == "COMMIT"
            else execute(sql, *parameters)
        )


def connect(*args: Any, **kwargs: Any) -> sqlite3.Connection:
    return sqlite3.connect(*args, factory=Dying, **kwargs)


async def main(folder: Path) -> None:
    write = cctalk_memory.CounterMemory.write
    cctalk_memory.CounterMemory.write = lambda self, *mark: durable(lambda: write(self, *mark))  # type: ignore[method-assign]
    chosen = settings.CctalkCoins(port=str(folder / "tty"), state=str(folder / "cctalk.json"))
    async with open_cctalk(chosen) as coins:
        w = World(folder, config(folder), os.getpid(), [GOOD], True, connect, cast(Judging, object()), frozenset())
        w.sim.cabin = dataclasses.replace(w.sim.cabin, coins=coins)
        await w.start()
        await w.task


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
