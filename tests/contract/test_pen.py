"""The pen: every sample in order, in millimetres, and an end when it is unplugged."""

from collections.abc import Callable

import pytest

from hw.cabin import DeviceMissing, Health, PenSample, Scene
from hw.sim.pen import recorded

Play = Callable[..., None]


async def strokes(samples, count: int) -> list[list[PenSample]]:
    found: list[list[PenSample]] = [[]]
    async for sample in samples:
        found[-1].append(sample)
        if not sample.contact:
            if len(found) == count:
                return found
            found.append([])
    raise AssertionError("the samples ended")


def test_a_tap_is_a_short_stroke_where_it_was_tapped(play: Play) -> None:
    async def story(rig) -> None:
        samples = rig.cabin.pen.samples()
        await rig.bench.pen.tap(30, 40)
        (tap,) = await strokes(samples, 1)
        assert all(abs(sample.x_mm - 30) < 1 and abs(sample.y_mm - 40) < 1 for sample in tap)
        assert all(sample.contact and 0 < sample.pressure <= 1 for sample in tap[:-1])
        assert tap[-1].pressure == 0

    play(story)


def test_a_signature_arrives_stroke_by_stroke_within_its_field(play: Play) -> None:
    async def story(rig) -> None:
        _, _, written = recorded()
        samples = rig.cabin.pen.samples()
        await rig.bench.pen.sign(20, 30, 100, 40)
        drawn = await strokes(samples, len(written))
        assert [len(stroke) - 1 for stroke in drawn] == [len(stroke) for stroke in written]
        everything = [sample for stroke in drawn for sample in stroke]
        assert all(20 <= sample.x_mm <= 120 and 30 <= sample.y_mm <= 70 for sample in everything)
        assert [sample.at_ns for sample in everything] == sorted(sample.at_ns for sample in everything)
        assert max(sample.x_mm for sample in everything) <= rig.cabin.pen.width_mm
        assert max(sample.y_mm for sample in everything) <= rig.cabin.pen.height_mm

    play(story)


def test_what_was_drawn_before_anybody_asked_is_not_told(play: Play) -> None:
    async def story(rig) -> None:
        await rig.bench.pen.tap(10, 10)
        await rig.cabin.lights.show(Scene.IDLE)  # its answer comes after all of the tap
        samples = rig.cabin.pen.samples()
        await rig.bench.pen.tap(90, 40)
        (tap,) = await strokes(samples, 1)
        assert abs(tap[0].x_mm - 90) < 1

    play(story)


def test_a_stroke_that_lost_samples_is_marked_broken(play: Play) -> None:
    async def story(rig) -> None:
        samples = rig.cabin.pen.samples()
        line = [(10 + step, 20.0, step * 0.005, 0.5) for step in range(30)]
        await rig.bench.pen.draw([line, line], broken=1)
        whole, broken = await strokes(samples, 2)
        assert not any(sample.broken for sample in whole)
        assert any(sample.broken for sample in broken) and len(broken) < len(whole)

    play(story)


def test_an_unplugged_pen_ends_its_samples_and_comes_back(play: Play) -> None:
    async def story(rig) -> None:
        samples = rig.cabin.pen.samples()
        await rig.bench.pen.unplug()
        with pytest.raises(DeviceMissing):
            await anext(samples)
        assert rig.cabin.pen.status().health is Health.FAULTY
        with pytest.raises(DeviceMissing):
            await anext(rig.cabin.pen.samples())
        await rig.bench.pen.replug()
        await rig.bench.pen.tap(5, 5)  # by now the booth knows
        assert rig.cabin.pen.status().health is Health.WELL
        samples = rig.cabin.pen.samples()
        await rig.bench.pen.tap(30, 40)
        await strokes(samples, 1)

    play(story)
