"""The pen is unplugged, the lamps fail, the panel goes dark."""

import asyncio

from tests.visit.promises import check
from tests.visit.story import at_the_door_again, claims, newly, outcomes, reach, slips, story, told
from tests.world import PRICE_CENTS, World


@story()
async def test_a_pen_unplugged_mid_signature_is_said_and_the_cut_stroke_is_no_signature(w: World) -> None:
    await reach(w, "sign")
    signing = asyncio.create_task(w.customer.sign())
    await asyncio.sleep(0.8)
    await w.sim.pen.unplug()
    await signing
    await w.sim.wait_view("wait_pen")
    await w.sim.pen.replug()
    await newly(w, "sign")
    await asyncio.sleep(1)  # the pen is read again within a second
    await w.customer.tap("yes")
    await w.sim.wait_view("sign_again")
    assert w.booth.guide.say("signature.refused.broken") in told(w, "sign_again")
    await w.customer.sign()
    await w.customer.tap("yes")
    await w.sim.wait_view("confirm")
    await w.customer.tap("yes")
    await w.sim.wait_view("take_ticket")
    await w.sim.wait_view("door")
    await check(w, "pen back")


@story()
async def test_whoever_cannot_go_on_for_a_pen_that_stays_away_gets_a_slip(w: World) -> None:
    await reach(w, "sign")
    await w.sim.pen.unplug()
    await at_the_door_again(w)
    assert "La tablette ne répond pas" in told(w, "wait_pen")
    assert claims(w) == [("refused", PRICE_CENTS)] and outcomes(w) == ["refused"]
    assert await slips(w) == 1
    assert "tablette" in told(w, "closed") and "pad" in told(w, "closed")


@story()
async def test_a_pen_that_is_gone_already_when_the_step_comes_is_said(w: World) -> None:
    await reach(w, "place")
    await w.sim.pen.unplug()
    await w.sim.wait_view("wait_pen")
    await w.sim.pen.replug()
    await w.sim.wait_view("accepted")


@story()
async def test_lamps_that_fail_close_the_booth_and_the_panel_still_says_why(w: World) -> None:
    await w.sim.wait_view("door")
    for breaks in (w.sim.lights.fail, w.sim.lights.unplug):
        await breaks()
        await w.sim.wait_view("closed")
        assert "L'éclairage est en panne." in told(w, "closed") and "The lighting has failed." in told(w, "closed")
        assert not (await w.sim.coins.insert(200)).swallowed
        await w.sim.lights.repair()
        await w.sim.wait_view("door")


@story()
async def test_lamps_that_fail_after_paying_do_not_silence_the_panel(w: World) -> None:
    await reach(w, "place")
    await w.sim.lights.unplug()
    await w.customer.from_shots()
    await w.sim.wait_view("take_ticket")


@story()
async def test_lamps_fall_back_to_idle_when_nobody_renews_them(w: World) -> None:
    await reach(w, "accepted")
    lit = await w.sim.lights.levels()
    await asyncio.sleep(30)
    assert await w.sim.lights.levels() == lit, "renewed while somebody is here"
    await w.kill()
    assert not any((await w.sim.lights.levels()).values())


@story()
async def test_a_panel_that_goes_dark_stops_no_visit(w: World) -> None:
    await reach(w, "confirm")
    await w.sim.panel.unplug()
    await w.customer.tap("yes")
    await w.sim.wait("printer.sheet", whole=True)
    await w.sim.panel.replug()
    await newly(w, "door")
    await check(w, "dark panel")


@story()
async def test_the_face_is_fully_lit_while_the_shot_is_taken(w: World) -> None:
    await reach(w, "place")
    await w.sim.wait_view("shot")
    assert (await w.sim.lights.levels())["face"] == 1.0
