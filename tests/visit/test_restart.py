"""Power cuts: an interrupted visit goes on under the same rule, an owed ticket is printed, refunded or unknown."""

import asyncio

import pytest

from edge import messages as m
from tests.visit.colours import NOBODY, WELL
from tests.visit.promises import check
from tests.visit.story import (
    PAID,
    at_the_door_again,
    claims,
    newly,
    outcomes,
    reach,
    slips,
    steps_shown,
    story,
    tickets,
    told,
    words,
)
from tests.world import PRICE_CENTS, World


async def power_cut(w: World, *, off_s: float = 5.0, reboot: bool = False) -> None:
    await w.kill()
    await asyncio.sleep(off_s)
    if reboot:
        w.clock.reboot()
    await w.restart()


async def owed(w: World) -> None:
    """A ticket committed, its printer without paper."""
    await reach(w, "confirm")
    await w.sim.printer.paper_out(after_rows=1)
    await w.customer.tap("yes")
    await w.sim.wait_view("ticket_waits", timeout_s=60)


@pytest.mark.parametrize("step", ["pay", *PAID])
@story(rounds=1)
async def test_an_interrupted_visit_goes_on_with_its_credit_to_its_ticket(w: World, step: str) -> None:
    await reach(w, step)
    await w.kill()
    await w.sim.camera.show(WELL)
    await w.restart()
    if step == "pay":
        await newly(w, "pay")
        assert "2,00 €" in told(w, "pay")
        await asyncio.sleep(2)  # the slot is open again
        await w.customer.pay(200, 200)
    await newly(w, "accepted")
    await w.customer.tap("yes")
    await newly(w, "sign")
    await w.customer.sign()
    await w.customer.tap("yes")
    await newly(w, "confirm")
    await w.customer.tap("yes")
    await w.sim.wait_view("take_ticket")
    await w.sim.wait_view("door")
    assert words(w) == ["printed"] and claims(w) == []
    await check(w, step)


@pytest.mark.parametrize("step", ["pay", "place", "sign"])
@story()
async def test_an_interrupted_visit_that_nobody_goes_on_with_becomes_a_claim(w: World, step: str) -> None:
    await reach(w, step)
    await w.kill()
    await w.sim.camera.show(NOBODY)
    await w.restart()
    await at_the_door_again(w)
    assert claims(w) == [("abandoned", PRICE_CENTS if step in PAID else 200)]
    assert await slips(w) == 0 and outcomes(w) == ["abandoned"]
    await check(w, step)


@story()
async def test_a_visit_without_credit_is_over_after_a_restart(w: World) -> None:
    await reach(w, "choose")
    await power_cut(w)
    await newly(w, "door")
    assert outcomes(w) == ["interrupted"] and claims(w) == []


@pytest.mark.parametrize("reboot", [False, True])
@story()
async def test_an_owed_ticket_is_printed_after_a_restart_with_empty_frames(w: World, reboot: bool) -> None:
    await owed(w)
    await w.kill()
    await w.sim.printer.reload()
    if reboot:
        w.clock.reboot()
    await w.restart()
    await newly(w, "take_ticket", timeout_s=60)
    await newly(w, "door")
    assert words(w) == ["printed"] and await tickets(w) == 1 and claims(w) == []
    await check(w, "owed")


@story()
async def test_an_owed_ticket_awaits_the_trusted_clock_of_another_boot(w: World) -> None:
    await owed(w)
    await w.kill()
    await w.sim.printer.reload()
    w.clock.reboot()
    w.clock.is_trusted = False
    await w.restart()
    await asyncio.sleep(30)
    assert words(w) == []
    w.clock.is_trusted = True
    await newly(w, "take_ticket", timeout_s=60)
    assert words(w) == ["printed"]


@pytest.mark.parametrize("why", ["not trusted", "backwards", "over by boot time", "over by the calendar"])
@story()
async def test_an_owed_ticket_whose_time_is_over_is_revoked_and_refunded(w: World, why: str) -> None:
    await owed(w)
    await w.kill()
    await w.sim.printer.reload()
    if why != "over by boot time":
        w.clock.reboot()
    if why == "not trusted":
        w.clock.is_trusted = False
    if why == "backwards":
        w.clock._start = w.clock._start.replace(year=2025)
    if why.startswith("over"):
        await asyncio.sleep(600)
    await w.restart()
    await w.sim.wait_view("ticket_failed", timeout_s=100)
    await newly(w, "door", "closed", timeout_s=100)
    assert words(w) == ["failed"] and claims(w) == [("ticket_failed", PRICE_CENTS)]
    assert not w.deposits() and await tickets(w) == 0
    await check(w, why)


@story()
async def test_a_kill_while_printing_is_unknown_with_one_claim_and_never_printed_again(w: World) -> None:
    await reach(w, "confirm")
    await w.customer.tap("yes")
    await w.sim.wait("printer.row")
    await power_cut(w)
    told = await w.sim.wait_view("claim")
    (claim,) = w.data(m.ClaimOpened)
    assert claim.claim in " ".join(told.data["lines"]), "whoever still stands there is told what is owed"
    await w.sim.wait_view("door", timeout_s=100)
    await asyncio.sleep(700)
    assert words(w) == ["unknown"] and claims(w) == [("ticket_unknown", PRICE_CENTS)]
    assert len(w.deposits()) == 1, "it goes live: a dead code in a hand harms, a live one that nobody saw does not"
    assert await tickets(w) <= 1 and steps_shown(w).count("printing") == 1
    await check(w, "killed while printing")


@story()
async def test_a_coin_whose_signal_a_power_cut_ends_is_one_unclear_coin(w: World) -> None:
    await reach(w, "pay")
    coin = asyncio.create_task(w.sim.coins.insert(200))
    await w.sim.wait("coins.train", n=2)
    await asyncio.sleep(0.1)
    await w.kill()
    await coin
    await w.restart()
    await at_the_door_again(w)
    assert claims(w) == [("unclear_coin", None), ("abandoned", 200)]
    assert len(w.data(m.CoinUnclear)) == 1
    await check(w, "coin during power cut")
