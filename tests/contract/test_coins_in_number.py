"""Hundreds of coins with faults in between: the credit is what went in with a clear signal, to the cent."""

import asyncio
import random

import pytest

from hw.cabin import Coin, CoinEvent, Glitch, TrainOpened, UnclearCoin
from hw.sim.cabin import SimCabin
from hw.sim.coins import FAULTS
from tests.virtual import run


@pytest.mark.parametrize("seed", range(6))
def test_credit_equals_the_clear_coins_and_every_other_coin_left_a_trace(seed: int) -> None:
    async def story() -> None:
        rng = random.Random(seed)
        sim = SimCabin(rng)
        events: list[CoinEvent] = []

        async def listen() -> None:
            async for event in sim.cabin.coins.events():
                events.append(event)

        listening = asyncio.create_task(listen())
        await sim.cabin.coins.accept(for_s=1e6)
        await asyncio.sleep(1)
        for _ in range(60):
            for _coin in range(rng.randint(1, 4)):
                fault = rng.choice(FAULTS) if rng.random() < 0.2 else None
                await sim.coins.insert(rng.choice((10, 20, 50, 100, 200)), fault)
            await sim.coins.release()
        await asyncio.sleep(3)
        listening.cancel()

        record = await sim.coins.record()
        coins = [event for event in events if isinstance(event, Coin)]
        assert sum(coin.cents for coin in coins) == record.heard_cents
        traces = len(coins) + sum(isinstance(event, UnclearCoin | Glitch) for event in events)
        assert traces >= len(record.coins)
        assert traces == sum(isinstance(event, TrainOpened) for event in events)

    run(story())
