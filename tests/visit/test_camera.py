"""The camera hangs, is missing, dies or is late: before paying no money is taken, after paying it is waited for."""

import asyncio

import pytest

from tests.visit.promises import check
from tests.visit.story import at_the_door_again, claims, newly, reach, slips, steps_shown, story, told
from tests.world import PRICE_CENTS, World

TROUBLES = ("missing", "freeze", "wrong_size")


@pytest.mark.parametrize("trouble", TROUBLES)
@story()
async def test_without_a_camera_the_booth_is_closed_and_says_so(w: World, trouble: str) -> None:
    await w.sim.wait_view("door")
    await getattr(w.sim.camera, trouble)()
    await w.sim.wait_view("closed")
    said = told(w, "closed")
    assert "L'appareil photo ne répond pas." in said and "The camera does not answer." in said
    assert not (await w.sim.coins.insert(200)).swallowed
    await w.sim.camera.recover()
    await w.sim.wait_view("door")
    await w.sim.wait("coins.enabled")


@story()
async def test_a_camera_that_hangs_while_somebody_pays_is_said_and_the_guidance_comes_back_with_it(w: World) -> None:
    await reach(w, "pay")
    await w.sim.camera.freeze()
    await newly(w, "pay_closed")
    assert "appareil photo" in told(w, "pay_closed")
    assert not (await w.sim.coins.insert(200)).swallowed
    await w.sim.camera.recover()
    await newly(w, "pay")
    await asyncio.sleep(3)
    view = w.sim.panel.view
    assert view is not None and view.step == "pay" and view.picture is not None, "the mirror is back"


@pytest.mark.parametrize("trouble", TROUBLES)
@story()
async def test_after_paying_a_camera_is_waited_for_and_the_visit_goes_on(w: World, trouble: str) -> None:
    await reach(w, "place")
    await getattr(w.sim.camera, trouble)()
    await w.sim.wait_view("wait_camera", timeout_s=60)
    await asyncio.sleep(20)
    await w.sim.camera.recover()
    await w.customer.from_shots()
    await w.sim.wait_view("take_ticket")
    await w.sim.wait_view("door")
    await check(w, trouble)


@story()
async def test_a_camera_process_that_dies_and_comes_back_costs_nobody_anything(w: World) -> None:
    await reach(w, "place")
    await w.sim.camera.die()
    await w.customer.from_shots()
    await w.sim.wait_view("take_ticket")


@pytest.mark.parametrize("trouble", TROUBLES)
@story()
async def test_after_paying_a_camera_that_stays_away_is_a_claim_with_its_slip(w: World, trouble: str) -> None:
    await reach(w, "place")
    await getattr(w.sim.camera, trouble)()
    await at_the_door_again(w, timeout_s=600)
    assert "wait_camera" in steps_shown(w)
    assert claims(w) == [("refused", PRICE_CENTS)] and await slips(w) == 1
    await check(w, trouble)


@story()
async def test_the_wait_for_the_camera_can_be_cancelled(w: World) -> None:
    await reach(w, "place")
    await w.sim.camera.missing()
    await w.sim.wait_view("wait_camera", timeout_s=60)
    await w.customer.tap("cancel")
    await at_the_door_again(w)
    assert claims(w) == [("cancelled", PRICE_CENTS)]
