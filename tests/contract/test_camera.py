"""The camera: it shows what is before it now, and says so when it does not."""

import asyncio
from collections.abc import Callable

import numpy as np
import pytest

from edge.picture import read_picture
from hw.cabin import DeviceFault, DeviceMissing, DeviceSilent, Health
from hw.camera.jpeg import opened, quality_of

Play = Callable[..., None]


async def first(frames, count: int = 1):
    found = []
    async for frame in frames:
        found.append(frame)
        if len(found) == count:
            return found
    raise AssertionError("the frames ended")


def colour(picture) -> int:
    """0 red, 1 green, 2 blue."""
    rgb = read_picture(picture) if isinstance(picture, bytes) else picture
    return int(np.argmax(rgb[rgb.shape[0] // 2, rgb.shape[1] // 2]))


def test_frames_are_small_whole_pictures_each_newer_than_the_last(play: Play) -> None:
    async def story(rig) -> None:
        frames = await first(rig.cabin.camera.frames(), 5)
        assert {frame.rgb.shape for frame in frames} == {(480, 640, 3)}
        times = [frame.at_ns for frame in frames]
        assert times == sorted(set(times))
        assert colour(frames[0].rgb) == 0
        assert rig.cabin.camera.status().health is Health.WELL

    play(story)


def test_a_slow_reader_sees_no_old_frame(play: Play) -> None:
    async def story(rig) -> None:
        frames = rig.cabin.camera.frames()
        await anext(frames)
        await rig.bench.camera.show(rig.pictures[2])
        assert colour((await anext(frames)).rgb) == 2

    play(story)


def test_a_still_is_the_full_picture_exposed_after_it_was_asked_for(play: Play) -> None:
    async def story(rig) -> None:
        asked_ns = (await first(rig.cabin.camera.frames()))[0].at_ns
        await rig.bench.camera.show(rig.pictures[1])
        still = await rig.cabin.camera.still()
        width, height = rig.still_px
        assert still.picture.shape == (height, width, 3) and colour(still.picture) == 1
        assert still.at_ns > asked_ns
        assert still.exposure_us or not rig.tells_exposure

    play(story)


def test_a_camera_that_makes_jpegs_gives_them_as_they_are(play: Play) -> None:
    async def story(rig) -> None:
        await rig.bench.camera.show(rig.pictures[1])
        await rig.bench.camera.compress(87)
        still = await rig.cabin.camera.still()
        width, height = rig.still_px
        assert isinstance(still.picture, bytes) and quality_of(opened(still.picture)) == 87
        assert read_picture(still.picture).shape == (height, width, 3) and colour(still.picture) == 1
        assert (await first(rig.cabin.camera.frames()))[0].rgb.shape == (480, 640, 3)

    play(story)


def test_pictures_are_played_one_for_each_still(play: Play) -> None:
    async def story(rig) -> None:
        await rig.bench.camera.play(rig.pictures)
        stills = [colour((await rig.cabin.camera.still()).picture) for _ in range(4)]
        assert stills == [0, 1, 2, 2]

    play(story)


def test_a_picture_that_cannot_be_read_is_refused_and_the_camera_goes_on(play: Play) -> None:
    async def story(rig) -> None:
        broken = rig.pictures[0].parent / "broken.jpg"
        broken.write_bytes(b"no picture")
        with pytest.raises(ValueError, match="cannot read picture"):
            await rig.bench.camera.show(broken)
        assert colour((await rig.cabin.camera.still()).picture) == 0

    play(story)


def test_a_frozen_camera_is_found_faulty_and_its_still_ends(play: Play) -> None:
    async def story(rig) -> None:
        frames = rig.cabin.camera.frames()
        await anext(frames)
        await rig.bench.camera.freeze()
        with pytest.raises(DeviceSilent):
            await first(frames, 30)
        await until(lambda: rig.cabin.camera.status().health is Health.FAULTY)
        with pytest.raises(DeviceSilent):
            await rig.cabin.camera.still()
        await rig.bench.camera.recover()
        await until(lambda: rig.cabin.camera.status().health is Health.WELL)
        await first(rig.cabin.camera.frames())

    play(story)


def test_a_camera_that_is_missing_ends_its_frames_and_comes_back(play: Play) -> None:
    async def story(rig) -> None:
        frames = rig.cabin.camera.frames()
        await anext(frames)
        await rig.bench.camera.missing()
        with pytest.raises(DeviceMissing):
            await first(frames, 30)
        with pytest.raises(DeviceMissing):
            await rig.cabin.camera.still()
        await until(lambda: rig.cabin.camera.status().health is Health.FAULTY)
        await rig.bench.camera.recover()
        await until(lambda: rig.cabin.camera.status().health is Health.WELL)
        await first(rig.cabin.camera.frames())

    play(story)


def test_a_camera_that_dies_comes_back_by_itself(play: Play) -> None:
    async def story(rig) -> None:
        shot = asyncio.create_task(rig.cabin.camera.still())
        await rig.bench.camera.die()
        with pytest.raises(DeviceMissing):
            await shot
        await rig.bench.wait("camera.fault", fault="")
        await first(rig.cabin.camera.frames())
        await until(lambda: rig.cabin.camera.status().health is Health.WELL)

    play(story)


def test_a_shot_of_the_wrong_size_is_a_fault(play: Play) -> None:
    async def story(rig) -> None:
        await rig.bench.camera.wrong_size()
        with pytest.raises(DeviceFault):
            await rig.cabin.camera.still()

    play(story)


def test_a_camera_that_is_late_is_waited_for_up_to_its_deadline(play: Play) -> None:
    async def story(rig) -> None:
        await rig.bench.camera.late(1.0)
        await rig.cabin.camera.still()
        await rig.bench.camera.late(60)
        with pytest.raises(DeviceSilent):
            await rig.cabin.camera.still()

    play(story)


async def until(true: Callable[[], bool]) -> None:
    """A status is looked at, it is not announced."""
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110 -- there is no event for it
            await asyncio.sleep(0.05)
