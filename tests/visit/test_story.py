"""The visit's branches: cancelling, walking away, another language, shots and signature redone, the override."""

import asyncio

import pytest

from edge import messages as m
from edge import signature as signing
from edge.guide import jpeg
from hw.cabin import PenSample
from tests.visit.colours import EYES_AND_GAZE, EYES_SHUT, NOBODY, TOO_DARK, WELL, ColourJudge, plain
from tests.visit.promises import check
from tests.visit.story import (
    PAID,
    STEPS,
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


def credit_at(step: str) -> int:
    return PRICE_CENTS if step in PAID else 200 if step == "pay" else 0


@pytest.mark.parametrize("step", STEPS)
@story(rounds=1)
async def test_cancelling_turns_the_whole_credit_into_one_claim_with_its_slip(w: World, step: str) -> None:
    await reach(w, step)
    await w.customer.tap("cancel")
    await at_the_door_again(w)
    cents = credit_at(step)
    assert claims(w) == ([("cancelled", cents)] if cents else [])
    assert await slips(w) == bool(cents)
    if cents:
        assert w.data(m.ClaimOpened)[0].claim in told(w, "claim")
    assert outcomes(w) == ["cancelled"]
    await check(w, step)


@pytest.mark.parametrize("step", STEPS)
@story(rounds=1)
async def test_who_walks_away_leaves_one_claim_without_a_slip_and_the_next_starts_from_zero(
    w: World, step: str
) -> None:
    await reach(w, step)
    await w.sim.camera.show(NOBODY)
    await at_the_door_again(w)
    cents = credit_at(step)
    assert claims(w) == ([("abandoned", cents)] if cents else [])
    assert not await w.sim.printer.papers()
    assert outcomes(w) == ["abandoned"]
    await w.customer.tap("service.driving_licence")
    await w.sim.wait_view("pay")
    assert "0,00 €" in told(w, "pay")
    await w.customer.tap("cancel")
    await at_the_door_again(w)
    await check(w, step)


@pytest.mark.parametrize("step", STEPS)
@story(rounds=1)
async def test_the_language_can_be_turned_at_every_step(w: World, step: str) -> None:
    await reach(w, step)
    french = told(w, step)
    await w.customer.tap("language")
    while (english := told(w, step)).splitlines()[0] == french.splitlines()[0]:
        await w.sim.wait_view(step)
    assert not set(english.splitlines()) & set(french.splitlines())
    assert "language" in w.sim.panel.view.fields  # type: ignore[union-attr]


@story()
async def test_a_restart_goes_on_in_the_language_last_chosen(w: World) -> None:
    await reach(w, "accepted")
    await w.customer.tap("language")
    await newly(w, "accepted")
    await w.kill()
    await w.restart()
    await newly(w, "place")
    assert "Face the camera" in told(w, "place")


@story()
async def test_another_service_can_be_touched_while_nothing_is_paid(w: World) -> None:
    await reach(w, "pay")
    await w.customer.tap("service.residence_permit")
    await newly(w, "pay")
    assert "Titre de séjour" in told(w, "pay") and "8,00 €" in told(w, "pay")
    await w.customer.pay(200, 200, 200)
    await w.customer.from_shots()
    await w.sim.wait_view("take_ticket")
    (deposit,) = w.deposits()
    assert deposit.service == "residence_permit"
    assert w.ledger.counters().spent_cents == 800


@story()
async def test_a_shot_taken_again_gives_three_a_round_and_the_chosen_one_is_sent(w: World) -> None:
    await reach(w, "choose_shot")
    view = w.sim.panel.view
    assert view is not None and {"shot.1", "shot.2", "shot.3"} <= set(view.fields)
    await w.customer.tap("yes")  # not a choice
    await w.customer.tap("shot.2")
    await w.sim.wait_view("sign")


@story(pictures=[plain(10, 50), plain(10, 80), TOO_DARK, WELL])
async def test_only_passing_shots_of_the_round_can_be_chosen(w: World) -> None:
    await w.customer.to_paid()
    for _ in range(2):
        await w.sim.wait_view("accepted")
        await w.customer.tap("redo")
    await w.sim.wait_view("refused")
    await w.sim.wait_view("choose_shot")
    view = w.sim.panel.view
    assert view is not None and "shot.3" not in view.fields
    await w.customer.tap("shot.3")
    await w.customer.tap("shot.2")
    await w.sim.wait_view("sign")
    await w.customer.sign()
    await w.customer.tap("yes")
    await w.sim.wait_view("confirm")
    await w.customer.tap("yes")
    await w.sim.wait_view("take_ticket")


@story(pictures=[plain(10, 40), plain(10, 95), plain(10, 60)], panel=False)
async def test_without_a_panel_the_best_passing_shot_of_the_round_is_sent(w: World) -> None:
    await w.sim.wait_view("door")
    await w.customer.tap("service.driving_licence")
    await w.sim.wait_view("pay")
    await w.customer.pay(200, 200, 200)
    await w.sim.wait_view("sign", timeout_s=120)
    await w.customer.sign()
    await w.customer.tap("yes")
    await w.sim.wait_view("confirm")
    await w.customer.tap("yes")
    await w.sim.wait_view("take_ticket")
    await w.sim.wait_view("door")
    (deposit,) = w.deposits()
    best, worst = (ColourJudge().portrait(plain(10, worth), None) for worth in (95, 40))
    assert deposit.portrait == jpeg(best, quality=95, dpi=600) != jpeg(worst, quality=95, dpi=600)
    assert await tickets(w) == 1
    await check(w, "no panel")


@story(pictures=[EYES_SHUT], panel=False, rounds=1)
async def test_without_a_panel_nobody_overrides_a_warning_that_could_not_be_read(w: World) -> None:
    await w.customer.to_paid()
    await at_the_door_again(w)
    assert claims(w) == [("refused", PRICE_CENTS)]


@story(pictures=[TOO_DARK], rounds=2)
async def test_rounds_that_all_fail_for_another_reason_than_the_body_end_in_a_claim(w: World) -> None:
    await w.customer.to_paid()
    await at_the_door_again(w)
    assert steps_shown(w).count("refused") == 6
    assert "override" not in steps_shown(w)
    assert claims(w) == [("refused", PRICE_CENTS)]
    assert await slips(w) == 1
    await check(w, "refused")


@story(pictures=[TOO_DARK, EYES_AND_GAZE, EYES_SHUT], rounds=1)
async def test_an_override_is_offered_for_the_least_faulty_shot_and_stands_in_the_seal_alone(w: World) -> None:
    await w.customer.to_paid()
    await w.sim.wait_view("override", timeout_s=200)
    warning = told(w, "override")
    assert "peut refuser" in warning
    await w.customer.tap("yes")
    await w.sim.wait_view("sign")
    await w.customer.sign()
    await w.customer.tap("yes")
    await w.sim.wait_view("confirm")
    await w.customer.tap("yes")
    await w.sim.wait_view("take_ticket")
    await w.sim.wait_view("door")
    (deposit,) = w.deposits()
    assert deposit.overrides == ["eyes_open"]
    await check(w, "override")  # also: no finding's name in any event
    assert not any(b"eyes_open" in item.signed for item in w.ledger.outbox.waiting(limit=100))


@story(rounds=1)
async def test_an_override_declined_is_a_claim(w: World) -> None:
    await reach(w, "override")
    await w.customer.tap("redo")
    await at_the_door_again(w)
    assert claims(w) == [("refused", PRICE_CENTS)]
    assert not w.deposits()


@story(rounds=2, pictures=[EYES_SHUT] * 3 + [WELL])
async def test_no_override_is_offered_while_rounds_are_left(w: World) -> None:
    await w.customer.to_paid()
    await w.sim.wait_view("accepted", timeout_s=200)
    assert "override" not in steps_shown(w)


DOT = [[(0.0, 0.0, t / 200, 0.4) for t in range(30)]]


@pytest.mark.parametrize("how", ["empty", "dot", "out_of_frame"])
@story()
async def test_what_is_no_signature_is_refused_with_why(w: World, how: str) -> None:
    await reach(w, "sign")
    box = w.customer.fields["signature"]
    x, y = box.x_mm + 20, box.y_mm + 10
    if how == "dot":
        await w.sim.pen.draw([[(x + dx, y + dy, t, p) for dx, dy, t, p in stroke] for stroke in DOT])
    if how == "out_of_frame":
        await w.sim.pen.draw([[(x + 2 * t, y - t, t / 50, 0.4) for t in range(30)]])
    await w.customer.tap("yes")
    await w.sim.wait_view("sign_again")
    assert w.booth.guide.say(f"signature.refused.{how}") in told(w, "sign_again")
    await w.customer.sign()
    await w.customer.tap("yes")
    await w.sim.wait_view("confirm")


@story()
async def test_redo_erases_the_strokes(w: World) -> None:
    await reach(w, "sign")
    await w.customer.sign()
    await w.customer.tap("redo")
    await w.customer.tap("yes")
    await w.sim.wait_view("sign_again")
    assert w.booth.guide.say("signature.refused.empty") in told(w, "sign_again")


@story()
async def test_redo_at_the_confirmation_signs_again_and_sends_the_new_signature(w: World) -> None:
    await reach(w, "confirm")
    await w.customer.tap("redo")
    await w.sim.wait_view("sign")
    box = w.customer.fields["signature"]
    cross = [[(box.x_mm + 10 + t, box.y_mm + 5 + t / 2, t / 50, 0.4) for t in range(30)],
             [(box.x_mm + 10 + t, box.y_mm + 20 - t / 2, 1 + t / 50, 0.4) for t in range(30)]]  # fmt: skip
    await w.sim.pen.draw(cross)
    await w.customer.tap("yes")
    await w.sim.wait_view("confirm")
    await w.customer.tap("yes")
    await w.sim.wait_view("take_ticket")
    (deposit,) = w.deposits()
    samples = [PenSample(x, y, p, int(t * 1e9), contact)
               for stroke in cross for (x, y, t, p), contact in [(s, True) for s in stroke] + [(stroke[-1], False)]]  # fmt: skip  # noqa: E501
    assert deposit.signature == signing.encode_png(signing.draw(signing.strokes_in(samples, box)))


@story()
async def test_nothing_is_looked_at_before_the_first_touch(w: World) -> None:
    judge = w.booth.judge
    assert isinstance(judge, ColourJudge)
    await w.sim.wait_view("door")
    await asyncio.sleep(600)
    assert judge.looked == 0
    await w.customer.tap("service.driving_licence")
    await w.sim.wait_view("pay")
    await asyncio.sleep(2)
    assert judge.looked > 0
    await w.customer.tap("cancel")
    await at_the_door_again(w)
    before = judge.looked
    await asyncio.sleep(600)
    assert judge.looked == before
    assert words(w) == []
