"""Signals that are not clearly a coin, coins in flight when the slot closes, and money over."""

import asyncio

import pytest

from edge import messages as m
from hw.sim.coins import FAULTS
from tests.visit.promises import check
from tests.visit.story import at_the_door_again, claims, newly, reach, slips, story, tickets, told
from tests.world import PRICE_CENTS, World


@pytest.mark.parametrize("fault", FAULTS)
@story()
async def test_an_unclear_coin_is_not_credited_and_its_claim_is_handed_over(w: World, fault: str) -> None:
    await reach(w, "pay")
    assert (await w.sim.coins.insert(200, fault)).swallowed
    await w.sim.wait_view("coin_unclear")
    assert w.ledger.credit_cents() == 200, "neither credited nor rounded"
    (unclear,) = w.data(m.CoinUnclear)
    assert unclear.claim in told(w, "coin_unclear")
    assert claims(w) == [("unclear_coin", None)]
    await w.sim.coins.release()
    await w.sim.wait_view("pay", timeout_s=90)
    assert await slips(w) == 1
    await w.customer.tap("cancel")
    await at_the_door_again(w)
    assert claims(w) == [("unclear_coin", None), ("cancelled", 200)]
    await check(w, fault)


@story()
async def test_a_first_coin_at_the_door_that_is_unclear_is_told_too(w: World) -> None:
    await w.sim.wait_view("door")
    await w.sim.coins.insert(200, "truncated")
    await w.sim.wait_view("coin_unclear")
    assert w.data(m.CoinUnclear)[0].claim in told(w, "coin_unclear")
    await w.sim.wait_view("choose", timeout_s=90)
    await at_the_door_again(w)
    await check(w, "unclear at the door")


@story()
async def test_a_spike_on_the_line_is_nothing(w: World) -> None:
    await w.sim.wait_view("door")
    await asyncio.sleep(2)  # at the very start it could be the end of a coin that nobody heard
    await w.sim.coins.spike()
    await w.customer.tap("service.driving_licence")
    await w.sim.wait_view("pay")
    await w.sim.coins.spike()
    await asyncio.sleep(1)  # a spike within a coin's signal makes it unclear
    await w.customer.pay(200, 200, 200)
    await w.customer.from_shots()
    await w.sim.wait_view("take_ticket")
    assert w.ledger.counters().unclear_coins == 0


@story()
async def test_a_coin_in_flight_when_the_slot_closes_is_credited_and_becomes_change(w: World) -> None:
    await reach(w, "pay")
    await w.customer.pay(200)
    await w.sim.wait_view("pay")

    first = w.sim.coins.insert(200)
    second = w.sim.coins.insert(200)
    assert (await first).swallowed
    late = await second
    await w.customer.from_shots()
    await w.sim.wait_view("take_ticket")
    await w.sim.wait_view("door")
    assert claims(w) == ([("change", 200)] if late.swallowed else [])
    await check(w, "in flight")


@story()
async def test_the_slot_closes_at_once_when_enough_is_paid(w: World) -> None:
    await reach(w, "place")
    slot = [entry.what for entry in w.sim.journal.entries if entry.what in ("coins.enabled", "coins.closed")]
    assert slot[-1] == "coins.closed"
    assert not (await w.sim.coins.insert(200)).swallowed


@story()
async def test_what_is_over_is_a_claim_whose_number_stands_on_the_ticket_alone(w: World) -> None:
    await w.customer.to_commit(200, 200, 100, 200)
    await w.sim.wait_view("take_ticket")
    await w.sim.wait_view("door")
    assert claims(w) == [("change", 100)]
    assert await tickets(w) == 1 and await slips(w) == 0
    assert w.ledger.counters().spent_cents == PRICE_CENTS
    await check(w, "change")


@story()
async def test_coins_while_the_ticket_is_printed_are_not_taken(w: World) -> None:
    await reach(w, "confirm")
    await w.customer.tap("yes")
    await w.sim.wait("printer.row")
    assert not (await w.sim.coins.insert(200)).swallowed
    await w.sim.wait_view("take_ticket")
    await w.sim.wait_view("door")
    await check(w, "coin while printing")


@story()
async def test_a_coin_in_flight_at_the_cancelling_is_still_its_customers(w: World) -> None:
    await reach(w, "pay")
    coin = w.sim.coins.insert(200)

    flying = asyncio.create_task(coin)
    await w.sim.wait("coins.train", n=2)
    await w.customer.tap("cancel")
    assert (await flying).swallowed
    await newly(w, "choose")
    assert "2,00 €" in told(w, "choose")
    await w.customer.tap("cancel")
    await newly(w, "door")
    assert claims(w) == [("cancelled", 200)] * 2 and await slips(w) == 2
    assert sum(cents or 0 for _, cents in claims(w)) == 400
    await check(w, "cancelled with a coin in flight")


@story()
async def test_an_acceptor_that_goes_away_closes_the_booth_and_comes_back(w: World) -> None:
    await w.sim.wait_view("door")
    await w.sim.coins.unplug()
    await w.sim.wait_view("closed")
    assert "Le monnayeur ne répond pas." in told(w, "closed")
    await w.sim.coins.replug()
    await w.sim.wait_view("door")
