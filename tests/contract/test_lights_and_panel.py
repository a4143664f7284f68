"""Lamps that go out by themselves, and a panel that shows what it was told."""

from collections.abc import Callable

import pytest

from hw.cabin import DeviceFault, DeviceMissing, Health, Scene, View

Play = Callable[..., None]


def test_a_scene_lights_its_lamps_and_falls_back_by_itself(play: Play) -> None:
    async def story(rig) -> None:
        await rig.cabin.lights.show(Scene.CAPTURE, for_s=0.5)
        lit = await rig.bench.wait("lights.levels", scene="capture")
        assert lit.data["levels"]["face"] == 1
        await rig.bench.wait("lights.levels", scene="idle")
        assert (await rig.bench.lights.levels())["face"] == 0

    play(story)


def test_a_scene_shown_again_stays(play: Play) -> None:
    async def story(rig) -> None:
        await rig.cabin.lights.show(Scene.GUIDANCE, for_s=0.5)
        await rig.cabin.lights.show(Scene.GUIDANCE, for_s=60)
        await rig.bench.pen.tap(10, 10)
        await rig.bench.coins.insert(200)
        await rig.bench.coins.insert(200)
        assert (await rig.bench.lights.levels())["face"] > 0

    play(story)


@pytest.mark.parametrize(("verb", "error"), [("fail", DeviceFault), ("unplug", DeviceMissing)])
def test_lamps_that_fail_say_so_and_come_back(play: Play, verb: str, error: type[Exception]) -> None:
    async def story(rig) -> None:
        await getattr(rig.bench.lights, verb)()
        with pytest.raises(error):
            await rig.cabin.lights.show(Scene.WELCOME)
        assert rig.cabin.lights.status().health is Health.FAULTY
        await rig.bench.lights.repair()
        await rig.cabin.lights.show(Scene.WELCOME)
        assert rig.cabin.lights.status().health is Health.WELL

    play(story)


def test_a_killed_booth_leaves_the_lamps_dark(play: Play) -> None:
    async def story(rig) -> None:
        await rig.cabin.lights.show(Scene.CAPTURE)
        await rig.kill()
        assert set((await rig.bench.lights.levels()).values()) == {0}

    play(story)


def test_every_view_is_told_in_order_and_drawn(play: Play) -> None:
    async def story(rig) -> None:
        for step in ("welcome", "pay", "welcome"):
            await rig.cabin.panel.show(View(step, ("Insérez 8,00 €", "sans monnaie"), None, "coin", ("cancel",)))
        assert (await rig.bench.wait_view("welcome")).data["fields"] in (["cancel"], ("cancel",))
        assert (await rig.bench.wait_view("welcome", "pay")).data["step"] == "pay"
        assert (await rig.bench.wait_view("welcome")).data["lines"][0] == "Insérez 8,00 €"
        assert (await rig.bench.panel.picture()).startswith(b"\x89PNG")

    play(story)


def test_an_unplugged_panel_is_missing_until_it_is_back(play: Play) -> None:
    async def story(rig) -> None:
        await rig.bench.panel.unplug()
        with pytest.raises(DeviceMissing):
            await rig.cabin.panel.show(View("welcome"))
        assert rig.cabin.panel.status().health is Health.FAULTY
        await rig.bench.panel.replug()
        await rig.cabin.panel.show(View("welcome"))

    play(story)
