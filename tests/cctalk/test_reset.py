"""The acceptor starts anew by itself: its counter, its locks and what it had not told are gone."""

import asyncio
from pathlib import Path

import pytest

from hw.cabin import Coin, DeviceSilent, Health, UnclearCoin
from tests.cctalk.workbench import Workbench, ends, play, settled


def test_a_reset_while_it_takes_coins_is_an_unclear_coin_and_it_is_set_anew(tmp_path: Path) -> None:
    async def story(bench: Workbench) -> None:
        events = bench.coins.events()
        await bench.open()
        await bench.sim.insert(100)
        assert isinstance((await ends(events, 1))[0], Coin)
        await bench.sim.reset()
        (unclear,) = await ends(events, 1)
        assert isinstance(unclear, UnclearCoin) and "reset" in unclear.why and not unclear.tail
        await bench.wait("coins.closed")  # an X6 without a mask takes nothing
        await bench.open()
        await bench.sim.insert(20)
        assert getattr((await ends(events, 1))[0], "cents", 0) == 20

    play(tmp_path, story)


def test_a_reset_before_any_coin_shows_in_nothing_and_is_mended_all_the_same(tmp_path: Path) -> None:
    async def story(bench: Workbench) -> None:
        await bench.open()
        await bench.sim.reset()
        await bench.wait("coins.closed")
        await settled(bench, bench.coins.events())

    play(tmp_path, story)


def test_a_reset_while_it_is_closed_makes_no_claim(tmp_path: Path) -> None:
    async def story(bench: Workbench) -> None:
        events = bench.coins.events()
        await settled(bench, events)
        await bench.coins.refuse()
        await bench.wait("coins.closed")
        await asyncio.sleep(0.3)  # a question after it closed: what fell before has been told
        await bench.sim.reset()
        await settled(bench, events)

    play(tmp_path, story)


def test_an_acceptor_that_powers_up_accepting_is_closed_and_what_it_took_is_credited(tmp_path: Path) -> None:
    async def story(bench: Workbench) -> None:
        events = bench.coins.events()
        await settled(bench, events)
        await settled(bench, events)  # as many coins before and after would look like none
        await bench.coins.refuse()
        await bench.wait("coins.closed")
        await bench.sim.power_off()
        await bench.becomes(Health.FAULTY)
        with pytest.raises(DeviceSilent):
            await anext(events)
        await bench.sim.power_on()
        assert bench.sim.open
        assert (await bench.sim.insert(200)).swallowed
        await bench.becomes(Health.WELL)
        assert not bench.sim.open
        events = bench.coins.events()
        told = (await ends(events, 1))[0]
        assert isinstance(told, Coin | UnclearCoin)
        if isinstance(told, UnclearCoin):  # it stood closed for less than a question before the power went
            told = (await ends(events, 1))[0]
        assert isinstance(told, Coin) and told.cents == 200

    play(tmp_path, story, model="al66")


def test_error_events_are_no_coins(tmp_path: Path) -> None:
    async def story(bench: Workbench) -> None:
        events = bench.coins.events()
        await bench.open()
        for code in (1, 14, 20, 254, 77):
            await bench.sim.err(code)
        await settled(bench, events)

    play(tmp_path, story)


def test_a_coin_without_a_known_value_is_unclear_unless_the_configuration_names_it(tmp_path: Path) -> None:
    async def story(bench: Workbench) -> None:
        await bench.open()
        await bench.sim.drop(8)
        (unclear,) = await ends(bench.coins.events(), 1)
        assert isinstance(unclear, UnclearCoin) and "channel 8" in unclear.why
        await bench.stop()
        await bench.connect(coins={"TK001A": 50})
        await bench.open()
        await bench.sim.drop(8)
        (coin,) = await ends(bench.coins.events(), 1)
        assert isinstance(coin, Coin) and coin.cents == 50

    play(tmp_path, story)
