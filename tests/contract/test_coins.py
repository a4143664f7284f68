"""The coin acceptor: what goes in is heard once, whole or as unclear, and nothing goes in that was not asked for."""

import asyncio
from collections.abc import Callable

import pytest

from hw.cabin import Coin, CoinEvent, DeviceMissing, Glitch, Health, Scene, TrainOpened, UnclearCoin
from hw.sim.coins import FAULTS

Play = Callable[..., None]


async def ready(rig) -> None:
    """Open, and quiet for as long as a new listener needs to believe a first edge."""
    await rig.cabin.coins.accept(for_s=60)
    await rig.bench.wait("coins.enabled")
    for _ in range(2):
        await rig.bench.coins.insert(3)  # comes back, and takes its time


async def ends(rig, events, count: int) -> list[CoinEvent]:
    """The next `count` events that end a train; each was opened before, once."""
    found: list[CoinEvent] = []
    opened: list[str] = []
    async with asyncio.timeout(30):
        async for event in events:
            if isinstance(event, TrainOpened):
                assert event.train not in opened
                opened.append(event.train)
                continue
            assert opened.count(event.train) == 1
            opened.remove(event.train)
            found.append(event)
            if len(found) == count:
                return found
    raise AssertionError("the events ended")


@pytest.mark.parametrize("cents", [10, 20, 50, 100, 200])
def test_a_coin_is_credited_once_with_its_value(play_coins: Play, cents: int) -> None:
    async def story(rig) -> None:
        await ready(rig)
        fate = await rig.bench.coins.insert(cents)
        assert fate.swallowed and fate.heard == "whole"
        (coin,) = await ends(rig, rig.cabin.coins.events(), 1)
        assert isinstance(coin, Coin) and coin.cents == cents
        record = await rig.bench.coins.record()
        assert (record.swallowed_cents, record.heard_cents, record.returned_cents) == (cents, cents, 6)

    play_coins(story)


def test_a_coin_comes_back_while_the_acceptor_is_closed(play_coins: Play) -> None:
    async def story(rig) -> None:
        assert not (await rig.bench.coins.insert(100)).swallowed
        await ready(rig)
        await rig.cabin.coins.refuse()
        await rig.bench.wait("coins.closed")
        assert not (await rig.bench.coins.insert(100)).swallowed
        assert (await rig.bench.coins.record()).swallowed_cents == 0

    play_coins(story)


def test_the_acceptor_closes_by_itself_unless_renewed(play_coins: Play) -> None:
    async def story(rig) -> None:
        await rig.cabin.coins.accept(for_s=0.5)
        await rig.bench.wait("coins.enabled")
        await rig.bench.wait("coins.closed")
        assert not (await rig.bench.coins.insert(200)).swallowed

    play_coins(story)


def test_renewing_keeps_the_acceptor_open(play_coins: Play) -> None:
    async def story(rig) -> None:
        await rig.cabin.coins.accept(for_s=0.5)
        await rig.cabin.coins.accept(for_s=60)
        await rig.bench.wait("coins.enabled")
        await rig.bench.coins.insert(200)
        assert (await rig.bench.coins.insert(200)).swallowed
        assert not [entry for entry in rig.bench.journal.entries if entry.what == "coins.closed"]

    play_coins(story)


def test_a_coin_in_flight_when_the_acceptor_closes_is_still_heard(play_coins: Play) -> None:
    async def story(rig) -> None:
        await ready(rig)
        inserting = asyncio.create_task(rig.bench.coins.insert(200))
        await rig.bench.wait("coins.swallowed")
        await rig.cabin.coins.refuse()
        await rig.bench.wait("coins.closed")
        assert (await inserting).heard == "whole"
        (coin,) = await ends(rig, rig.cabin.coins.events(), 1)
        assert isinstance(coin, Coin) and coin.cents == 200

    play_coins(story)


def test_a_train_is_announced_at_its_first_edge(play: Play) -> None:
    async def story(rig) -> None:
        await ready(rig)
        events = rig.cabin.coins.events()
        inserting = asyncio.create_task(rig.bench.coins.insert(200))
        first = await anext(events)
        assert isinstance(first, TrainOpened)
        assert not [entry for entry in rig.bench.journal.entries if entry.what == "coins.over"]
        await inserting

    play(story)


def test_a_slow_reader_misses_no_coin(play_coins: Play) -> None:
    async def story(rig) -> None:
        await ready(rig)
        for cents in (10, 50, 20):
            await rig.bench.coins.insert(cents)
        coins = await ends(rig, rig.cabin.coins.events(), 3)
        assert [coin.cents for coin in coins if isinstance(coin, Coin)] == [10, 50, 20]

    play_coins(story)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("cents", [10, 200])
def test_a_spoilt_signal_is_never_taken_for_a_coin(play: Play, fault: str, cents: int) -> None:
    async def story(rig) -> None:
        await ready(rig)
        assert (await rig.bench.coins.insert(cents, fault)).swallowed
        (end,) = await ends(rig, rig.cabin.coins.events(), 1)
        if isinstance(end, Glitch):  # nothing of a coin was to be seen
            assert (fault, cents) in {("truncated", 10), ("short_pulse", 10)}
        else:
            assert isinstance(end, UnclearCoin) and end.why and end.edges
        status = rig.cabin.coins.status()
        assert status.health is not Health.WELL or fault not in {"stuck"}

    play(story)


def test_a_spike_is_a_glitch_and_nothing_else(play: Play) -> None:
    async def story(rig) -> None:
        await ready(rig)
        await rig.bench.coins.spike()
        (end,) = await ends(rig, rig.cabin.coins.events(), 1)
        assert isinstance(end, Glitch)

    play(story)


def test_a_line_held_low_is_faulty_until_it_is_released(play: Play) -> None:
    async def story(rig) -> None:
        await ready(rig)
        events = rig.cabin.coins.events()
        await rig.bench.coins.stick()
        (end,) = await ends(rig, events, 1)
        assert isinstance(end, UnclearCoin)
        assert rig.cabin.coins.status().health is Health.FAULTY
        await rig.bench.coins.release()
        await rig.bench.coins.insert(100)
        (coin,) = await ends(rig, events, 1)
        assert isinstance(coin, Coin) and coin.cents == 100
        assert rig.cabin.coins.status().health is Health.WELL

    play(story)


def test_lines_that_go_away_in_a_coin_leave_it_unclear_and_come_back(play: Play) -> None:
    async def story(rig) -> None:
        await ready(rig)
        events = rig.cabin.coins.events()
        inserting = asyncio.create_task(rig.bench.coins.insert(200))
        assert isinstance(await anext(events), TrainOpened)
        await rig.bench.coins.unplug()
        assert isinstance(await anext(events), UnclearCoin)
        with pytest.raises(DeviceMissing):
            await anext(events)
        assert rig.cabin.coins.status().health is not Health.WELL
        assert (await inserting).heard == "part"
        with pytest.raises(DeviceMissing):
            await anext(rig.cabin.coins.events())
        await rig.bench.coins.replug()
        await ready(rig)
        await rig.bench.coins.insert(50)
        (coin,) = await ends(rig, rig.cabin.coins.events(), 1)
        assert isinstance(coin, Coin) and coin.cents == 50

    play(story)


def test_the_tail_of_a_coin_that_began_before_anybody_listened_is_not_a_smaller_coin(play: Play) -> None:
    async def story(rig) -> None:
        await ready(rig)
        inserting = asyncio.create_task(rig.bench.coins.insert(200))
        await rig.bench.wait("coins.train")
        await rig.kill()
        await rig.connect()
        events = rig.cabin.coins.events()
        assert (await inserting).heard != "whole"
        await ready(rig)
        await rig.bench.coins.insert(10)
        found = []
        async for event in events:
            found.append(event)
            if isinstance(event, Coin):
                break
        assert [event.cents for event in found if isinstance(event, Coin)] == [10]

    play(story)


def test_a_killed_booth_leaves_the_acceptor_closed(play_coins: Play) -> None:
    async def story(rig) -> None:
        await ready(rig)
        await rig.kill()
        await rig.bench.wait("coins.closed")
        assert not (await rig.bench.coins.insert(200)).swallowed

    play_coins(story)


def test_a_killed_booths_timers_do_not_reach_the_next_booth(play: Play) -> None:
    async def story(rig) -> None:
        await rig.cabin.coins.accept(for_s=1)
        await rig.bench.wait("coins.enabled")
        old = rig.cabin
        await rig.kill()
        await rig.bench.wait("coins.closed")
        await rig.connect()
        with pytest.raises(DeviceMissing):
            await old.lights.show(Scene.CAPTURE)
        await ready(rig)
        for _ in range(3):
            await rig.bench.coins.insert(10)
        assert (await rig.bench.coins.record()).swallowed_cents == 30

    play(story)
