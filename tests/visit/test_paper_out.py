"""The roll ends: before paying, before the commit, while the ticket is printed."""

from edge import messages as m
from tests.visit.promises import check
from tests.visit.story import at_the_door_again, claims, newly, reach, slips, steps_shown, story, tickets, told, words
from tests.world import PRICE_CENTS, World


@story()
async def test_without_paper_no_money_is_taken_and_the_door_says_why_in_both_languages(w: World) -> None:
    await w.sim.wait_view("door")
    await w.sim.printer.paper_out()
    await w.sim.wait_view("closed")
    said = told(w, "closed")
    assert "Il n'y a plus de papier." in said and "There is no paper left." in said
    assert not (await w.sim.coins.insert(200)).swallowed
    await w.sim.printer.reload()
    await w.sim.wait_view("door")


@story()
async def test_paper_that_ends_while_somebody_pays_is_said_before_more_money_is_taken(w: World) -> None:
    await reach(w, "pay")
    await w.sim.printer.paper_out()
    await newly(w, "pay_closed")
    assert "papier" in told(w, "pay_closed") and "2,00 €" in told(w, "pay_closed")
    await w.sim.wait("coins.closed")
    assert not (await w.sim.coins.insert(200)).swallowed
    await w.customer.tap("cancel")
    await at_the_door_again(w)
    assert claims(w) == [("cancelled", 200)]
    assert w.data(m.ClaimOpened)[0].claim in told(w, "claim")  # no paper: the panel alone tells its number
    await check(w, "paper out while paying")


@story()
async def test_a_number_that_no_paper_carries_stays_until_a_touch(w: World) -> None:
    await reach(w, "pay")
    await w.sim.printer.paper_out()
    await newly(w, "pay_closed")
    await w.customer.tap("cancel")
    shown = await w.sim.wait_view("claim")
    goodbye = await w.sim.wait_view("goodbye", timeout_s=200)
    assert goodbye.at_s - shown.at_s >= w.config.visit.idle_s


@story()
async def test_no_ticket_is_sold_that_cannot_be_printed(w: World) -> None:
    await reach(w, "confirm")
    await w.sim.printer.paper_out()
    await w.customer.tap("yes")
    await w.sim.wait_view("wait_printer")
    assert not w.data(m.Committed)
    await w.sim.printer.reload()
    await w.sim.wait_view("take_ticket")
    await w.sim.wait_view("door")
    assert words(w) == ["printed"] and await tickets(w) == 1
    await check(w, "paper back before the commit")


@story()
async def test_paper_that_stays_away_before_the_commit_ends_in_a_claim_for_the_whole_credit(w: World) -> None:
    await reach(w, "confirm")
    await w.sim.printer.paper_out()
    await w.customer.tap("yes")
    await at_the_door_again(w)
    assert claims(w) == [("refused", PRICE_CENTS)] and not w.data(m.Committed)
    await check(w, "paper never back")


@story()
async def test_the_wait_for_paper_can_be_cancelled(w: World) -> None:
    await reach(w, "confirm")
    await w.sim.printer.paper_out()
    await w.customer.tap("yes")
    await w.sim.wait_view("wait_printer")
    await w.customer.tap("language")
    await newly(w, "wait_printer")
    assert "The printer is not ready" in told(w, "wait_printer")
    await w.customer.tap("cancel")
    await at_the_door_again(w)
    assert claims(w) == [("cancelled", PRICE_CENTS)]


@story()
async def test_a_ticket_torn_by_the_rolls_end_is_printed_anew_with_the_same_code(w: World) -> None:
    await reach(w, "confirm")
    await w.sim.printer.paper_out(after_rows=700)
    await w.customer.tap("yes")
    await w.sim.wait_view("ticket_waits", timeout_s=60)
    await w.sim.printer.reload()
    await w.sim.wait_view("take_ticket", timeout_s=60)
    await w.sim.wait_view("door")
    assert [paper.whole for paper in await w.sim.printer.papers()] == [False, True]
    assert words(w) == ["printed"] and claims(w) == []
    await check(w, "torn once")


@story()
async def test_paper_that_stays_away_for_ten_minutes_revokes_the_code_and_refunds_price_and_change(w: World) -> None:
    await w.customer.to_paid(200, 200, 100, 200)
    await w.customer.from_shots()
    await w.sim.printer.paper_out(after_rows=1)
    await w.sim.wait_view("ticket_failed", timeout_s=1000)
    await newly(w, "closed", timeout_s=200)
    assert words(w) == ["failed"]
    assert sorted(claims(w)) == [("change", 100), ("ticket_failed", PRICE_CENTS)]
    numbers = {claim.reason: claim.claim for claim in w.data(m.ClaimOpened)}
    assert numbers["ticket_failed"] in told(w, "ticket_failed")
    assert numbers["change"] in told(w, "claim")  # the ticket that would have carried it never came
    assert not w.deposits() and not await slips(w)
    assert "take_ticket" not in steps_shown(w)
    await check(w, "no paper for ten minutes")
