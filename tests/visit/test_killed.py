"""SIGKILL at every durable write of a visit, before and after it reaches the disk: the promises hold on the booth."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.virtual import run
from tests.visit.colours import WELL, ColourJudge
from tests.visit.promises import check
from tests.visit.walker import Walker
from tests.world import World, world


class Killed(BaseException):
    """The process is gone: nothing of it runs after this."""


class Deathbed:
    """Opens the ledger's database so that the process dies at its n-th commit."""

    def __init__(self, at: int | None, *, after: bool) -> None:
        self.commits = 0
        self.dead = False
        self._at, self._after = at, after

    def connect(self, *args: Any, **kwargs: Any) -> sqlite3.Connection:
        bed = self

        class Connection(sqlite3.Connection):
            def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:  # type: ignore[override]
                if bed.dead:
                    raise Killed  # the dead write nothing more
                if sql != "COMMIT":
                    return super().execute(sql, *parameters)
                bed.commits += 1
                if bed.commits == bed._at and not bed._after:
                    bed.dead = True
                    raise Killed
                cursor = super().execute(sql, *parameters)
                if bed.commits == bed._at:
                    bed.dead = True
                    raise Killed
                return cursor

        return sqlite3.connect(*args, factory=Connection, **kwargs)


async def _visit(w: World, bed: Deathbed) -> Walker:
    """One visit, the daemon killed on the way and started again as systemd does."""
    walker = Walker(w, [200] * 8)
    walking = asyncio.create_task(walker.walk())
    while not walking.done():
        await asyncio.wait({walking, w.task}, return_when=asyncio.FIRST_COMPLETED)
        if w.task.done():
            died_of = await w.kill()
            assert _was_killed(died_of), died_of
            bed.dead = False
            await asyncio.sleep(1.0)
            await w.restart()
    walking.result()
    return walker


def _was_killed(error: BaseException | None) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(_was_killed(inner) for inner in error.exceptions)
    return isinstance(error, Killed)


@pytest.mark.long
def test_a_kill_at_any_durable_write_loses_neither_coin_nor_code_nor_deposit(tmp_path: Path) -> None:
    async def count() -> int:
        bed = Deathbed(None, after=False)
        folder = tmp_path / "undisturbed"
        folder.mkdir()
        async with world(folder, connect=bed.connect, judging=ColourJudge(), pictures=[WELL]) as w:
            await _visit(w, bed)
            await w.sim.wait_view("door")
        return bed.commits

    commits = run(count())
    assert commits >= 15, "the visit has its durable writes"
    for at in range(1, commits + 1):
        for after in (False, True):
            folder = tmp_path / f"{at}-{'after' if after else 'before'}"
            folder.mkdir()
            run(_one(folder, at, after))


async def _one(folder: Path, at: int, after: bool) -> None:
    bed = Deathbed(at, after=after)
    async with world(folder, seed=at, connect=bed.connect, judging=ColourJudge(), pictures=[WELL]) as w:
        walker = await _visit(w, bed)
        await asyncio.sleep(120)  # what is left open runs into its time
        # only a kill before the first edge's row is durable may lose a coin, and at most that one
        story = f"killed {'after' if after else 'before'} write {at}, saw {walker.saw}"
        await check(w, story, lost_at_most_cents=0 if after else 200)
