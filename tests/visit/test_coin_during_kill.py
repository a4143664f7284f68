"""A coin whose signal is cut by a kill, and whose rest is heard by the booth that starts again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from edge import messages as m
from tests.virtual import run
from tests.world import World, world


@asynccontextmanager
async def slot_open(tmp_path: Path) -> AsyncIterator[World]:
    """A booth that takes coins."""
    async with world(tmp_path) as w:
        await w.sim.wait_view("door")
        await w.sim.wait("coins.enabled")
        yield w


@pytest.mark.parametrize("heard_s", [0.05, 0.3, 0.6])
def test_a_coin_cut_by_a_kill_is_one_unclear_coin_even_if_its_rest_is_heard(tmp_path: Path, heard_s: float) -> None:
    async def story() -> None:
        async with slot_open(tmp_path) as w:
            coin = asyncio.create_task(w.sim.coins.insert(200))
            await w.sim.wait("coins.train")
            await asyncio.sleep(heard_s)  # of the second that its signal lasts
            await w.kill()
            await w.restart()
            assert (await coin).swallowed
            await w.sim.wait_view("coin_unclear", "door")
            await asyncio.sleep(10)
            assert len(w.data(m.CoinUnclear)) == 1
            assert [c.reason for c in w.data(m.ClaimOpened)] == ["unclear_coin"]
            assert w.ledger.counters().coins_cents == 0

    run(story())


def test_a_coin_whose_row_the_kill_forestalled_is_still_told_by_its_rest(tmp_path: Path) -> None:
    async def story() -> None:
        async with slot_open(tmp_path) as w:
            coin = asyncio.create_task(w.sim.coins.insert(200))
            await w.sim.wait("coins.swallowed")
            await w.kill()
            await w.restart()
            assert (await coin).swallowed
            await asyncio.sleep(10)
            assert len(w.data(m.CoinUnclear)) == 1

    run(story())


@pytest.mark.parametrize("before_s", [0.0, 0.1, 0.15, 0.2, 0.25, 0.3])
def test_the_first_coin_after_a_kill_is_not_taken_for_the_rest_of_the_one_that_it_cut(
    tmp_path: Path, before_s: float
) -> None:
    """It is put in so long before the booth listens again, and rolls for 0.15 to 0.35 s."""

    async def story() -> None:
        async with slot_open(tmp_path) as w:
            cut = asyncio.create_task(w.sim.coins.insert(200))
            await w.sim.wait("coins.train")
            await asyncio.sleep(0.05)
            await w.kill()
            assert (await cut).swallowed  # its whole signal is over
            first = asyncio.create_task(w.sim.coins.insert(200))
            await asyncio.sleep(before_s)
            await w.restart()
            while not (await first).swallowed:  # it came before the slot was open, and came back
                first = asyncio.create_task(w.sim.coins.insert(200))
            await asyncio.sleep(10)
            assert len(w.data(m.CoinUnclear)) == 1
            assert w.ledger.counters().coins_cents == 200

    run(story())
