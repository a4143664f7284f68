"""The acceptor has no power, or stands at another address: silent, and named with what to look at."""

from pathlib import Path

import pytest

from hw.cabin import Coin, DeviceFault, DeviceSilent, Health, UnclearCoin
from tests.cctalk.workbench import Workbench, ends, play, settled


@pytest.mark.parametrize("echo", [True, False])
def test_an_acceptor_without_power_is_silent_and_comes_back(tmp_path: Path, echo: bool) -> None:
    async def story(bench: Workbench) -> None:
        events = bench.coins.events()
        await bench.sim.power_off()
        with pytest.raises(DeviceSilent, match="12 V"):
            await anext(events)
        assert bench.coins.status().health is Health.FAULTY
        await bench.sim.power_on()
        await settled(bench, bench.coins.events())

    play(tmp_path, story, echo=echo)


def test_coins_whose_answers_were_lost_are_told_once_when_it_is_heard_again(tmp_path: Path) -> None:
    async def story(bench: Workbench) -> None:
        events = bench.coins.events()
        await bench.open()
        await bench.sim.mute()
        await bench.sim.drop(5, 6)
        await bench.becomes(Health.FAULTY)
        await bench.sim.speak()
        with pytest.raises(DeviceSilent):
            await anext(events)
        await bench.becomes(Health.WELL)
        events = bench.coins.events()
        coins = await ends(events, 2)
        assert [coin.cents for coin in coins if isinstance(coin, Coin)] == [100, 200]
        await settled(bench, events)

    play(tmp_path, story)


def test_more_coins_than_it_remembers_are_unclear_coins_and_the_last_five_are_credited(tmp_path: Path) -> None:
    async def story(bench: Workbench) -> None:
        events = bench.coins.events()
        await bench.open()
        await bench.sim.drop(*[6] * 3, *[5] * 5)
        told = await ends(events, 8)
        assert all(isinstance(event, UnclearCoin) and "no longer knows" in event.why for event in told[:3])
        assert [event.cents for event in told[3:] if isinstance(event, Coin)] == [100] * 5
        await settled(bench, events)

    play(tmp_path, story)


def test_an_acceptor_at_another_address_is_found_and_named(tmp_path: Path) -> None:
    async def story(bench: Workbench) -> None:
        status = bench.coins.status()
        assert status.health is Health.FAULTY and "cabin.coins.address = 3" in status.why
        with pytest.raises(DeviceFault):
            await anext(bench.coins.events())
        await bench.stop()
        await bench.connect(address=3)
        await settled(bench, bench.coins.events())

    play(tmp_path, story, address=3)


def test_a_hopper_is_no_coin_acceptor(tmp_path: Path) -> None:
    async def story(bench: Workbench) -> None:
        assert "is a Payout" in bench.coins.status().why

    play(tmp_path, story, category="Payout")
