"""A coin whose signal is cut by a kill, and whose rest is heard by the booth that starts again."""

import asyncio
from pathlib import Path

import pytest

from edge import messages as m
from tests.virtual import run
from tests.world import world


@pytest.mark.parametrize("heard_s", [0.05, 0.3, 0.6])
def test_a_coin_cut_by_a_kill_is_one_unclear_coin_even_if_its_rest_is_heard(tmp_path: Path, heard_s: float) -> None:
    async def story() -> None:
        async with world(tmp_path) as w:
            await w.sim.wait_view("door")
            await w.sim.wait("coins.enabled")
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
        async with world(tmp_path) as w:
            await w.sim.wait_view("door")
            await w.sim.wait("coins.enabled")
            coin = asyncio.create_task(w.sim.coins.insert(200))
            await w.sim.wait("coins.swallowed")
            await w.kill()
            await w.restart()
            assert (await coin).swallowed
            await asyncio.sleep(10)
            assert len(w.data(m.CoinUnclear)) == 1

    run(story())
