"""The daemon dies by SIGKILL at every durable write, coins in flight: each is credited once or one unclear coin."""

import asyncio
import os
import random
import sqlite3
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from hw.sim.cctalk import SimCctalk
from hw.sim.journal import Journal

ROOT = Path(__file__).parents[2]
CENTS = 5


async def start(folder: Path, **environment: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.cctalk.dying_booth", str(folder),
        cwd=ROOT, env=os.environ | environment, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip


async def end(booth: asyncio.subprocess.Process) -> None:
    if booth.returncode is None:
        booth.kill()
    await booth.wait()


def told(folder: Path) -> tuple[int, int]:
    """(coins credited, unclear coins)."""
    with sqlite3.connect(folder / "ledger.db") as db:
        cents, unclear = db.execute("SELECT coins_cents, unclear_coins FROM totals").fetchone()
    return cents // CENTS, unclear


async def opened(sim: SimCctalk, booth: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(60):
        while not sim.open and booth.returncode is None:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("die", ["before", "after"])
@pytest.mark.parametrize("at", range(1, 17))
def test_a_kill_at_any_durable_write_loses_no_coin_and_doubles_none(tmp_path: Path, die: str, at: int) -> None:
    async def story() -> None:
        sim = SimCctalk(random.Random(at), Journal(), tmp_path / "tty")
        dying = await start(tmp_path, DIE_AT=str(at), DIE=die)
        try:
            await opened(sim, dying)
            await asyncio.gather(*(sim.insert(CENTS) for _ in range(3)))
            with suppress(TimeoutError):  # it may have told all that it has to tell
                async with asyncio.timeout(3):
                    await dying.wait()
        finally:
            await end(dying)
        async with asyncio.timeout(10):
            while sim.open:  # noqa: ASYNC110  it stops by itself
                await asyncio.sleep(0.05)

        booth = await start(tmp_path)
        try:
            await opened(sim, booth)
            assert (await sim.insert(CENTS)).heard == "whole"
            swallowed = sum(coin.swallowed for coin in (await sim.record()).coins)
            async with asyncio.timeout(30):
                while sum(told(tmp_path)) < swallowed:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        finally:
            await end(booth)
        credited, unclear = told(tmp_path)
        assert credited + unclear == swallowed
        assert credited >= 1
        await sim.close()

    asyncio.run(story())
