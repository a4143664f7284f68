"""A counter: no coins, no lamps of its own, no panel, and nothing to pay."""

import asyncio

import pytest

from edge import messages as m
from tests.visit.promises import check
from tests.visit.story import claims, newly, outcomes, story, told, words
from tests.world import World

COUNTER = frozenset({"coins", "lights"})


@story(price_cents=0, absent=COUNTER)
async def test_a_free_visit_reaches_its_ticket_without_coins_or_lamps(w: World) -> None:
    await w.sim.wait_view("door")
    await w.customer.tap("service.driving_licence")
    await w.customer.from_shots()
    await w.sim.wait_view("take_ticket")
    await newly(w, "door")
    assert outcomes(w) == ["ticket"] and words(w) == ["printed"] and not claims(w)
    assert len(w.deposits()) == 1
    await check(w, "counter")


@story(price_cents=0, absent=COUNTER)
async def test_a_free_ticket_that_fails_owes_nothing_and_says_so(w: World) -> None:
    await w.sim.wait_view("door")
    await w.customer.tap("service.driving_licence")
    await w.sim.printer.paper_out(after_rows=1)
    await w.customer.from_shots()
    await w.sim.wait_view("ticket_failed_free", timeout_s=1000)
    assert "rien payé" in told(w, "ticket_failed_free")
    await newly(w, "closed", timeout_s=200)
    assert words(w) == ["failed"] and not claims(w) and not w.deposits()
    await check(w, "counter")


@story(price_cents=0, absent=COUNTER | {"panel"})
async def test_a_free_visit_without_a_panel_reaches_its_ticket(w: World) -> None:
    await w.customer.tap("service.driving_licence")
    await w.sim.wait("camera.still", timeout_s=120)
    await w.customer.sign()
    await w.customer.tap("yes")
    await w.customer.tap("yes")
    await w.sim.wait("printer.sheet", timeout_s=120)
    assert len(w.data(m.Committed)) == 1


@pytest.mark.parametrize("twice", ["yes", "redo"])
@story()
async def test_a_double_tap_answers_one_question_only(w: World, twice: str) -> None:
    await w.customer.to_paid()
    await w.sim.wait_view("accepted")
    await w.customer.tap("yes")
    await w.sim.wait_view("sign")
    await w.customer.sign()
    await w.customer.tap("yes")
    await w.sim.wait_view("confirm")
    await asyncio.sleep(0.2)
    await w.customer.tap(twice, at_once=True)
    await asyncio.sleep(1)
    assert not w.data(m.Committed)
    await w.customer.tap("yes")  # the confirmation still waits for its own answer
    await w.sim.wait_view("take_ticket")
