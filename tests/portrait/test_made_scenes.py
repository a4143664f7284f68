"""Measures whose right answer is known, on scenes laid out by hand: the background inside the frame, the mask's top."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edge.portrait import eyes, ground
from edge.portrait.crown import mask_top
from edge.portrait.faces import search
from edge.portrait.find import CHIN, Scene
from edge.portrait.networks import Detected
from edge.portrait.pixels import lab

SIDE = 400
FRAME = (82.0, 61.0, 322.0, 381.0)  # in scene pixels; its corner lies at no multiple of the grid's step
FACE = (160, 140, 240, 240)  # left, top, right, chin


def scene(rgb: Any, person: Any, eyes_above_chin: float = 60.0) -> Scene:
    """A face in FACE on this picture with this person mask."""
    left, top, right, chin = FACE
    mesh = np.full((468, 3), 200.0)
    mesh[:4, :2] = [(left, top), (right, top), (left, chin), (right, chin)]
    mesh[CHIN, :2] = (200, chin)
    irises = (np.full((5, 2), (180.0, chin - eyes_above_chin)), np.full((5, 2), (220.0, chin - eyes_above_chin)))
    lids = (np.zeros((71, 2)), np.zeros((71, 2)))
    return Scene(rgb, 1.0, (0.0, 0.0), (SIDE, SIDE), (), mesh, 1.0, irises, lids, person.astype(np.float32))


def wall(level: int = 200) -> Any:
    return np.full((SIDE, SIDE, 3), level, np.uint8)


def person() -> Any:
    left, top, right, _ = FACE
    mask = np.zeros((SIDE, SIDE))
    mask[top:, left:right] = 1
    return mask


def test_stripes_on_the_person_or_outside_the_frame_are_no_background() -> None:
    picture = wall()
    left, top, right, _ = FACE
    picture[top:, left:right:2] = 0
    picture[:, : int(FRAME[0]) - 4 : 2] = 0
    picture[: int(FRAME[1]) - 4 : 2] = 0
    made = scene(picture, person())
    seen = ground.ground(made, FRAME)
    assert seen is not None and ground.gradient(made, seen) == 0
    assert ground.patch(seen) == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("step", [4, 8])
def test_the_gradient_of_stairs_is_the_root_of_their_mean_square(step: int) -> None:
    picture = wall()
    picture[:] = (np.arange(SIDE) // step)[:, None, None]  # grey: one level more in every `step` rows
    made = scene(picture, person())
    seen = ground.ground(made, FRAME)
    # Sobel: 4 levels in both rows at a step, nothing in those between
    assert seen is not None and ground.gradient(made, seen) == pytest.approx((32 / step) ** 0.5, rel=0.02)


def test_noise_is_no_gradient_and_hides_none() -> None:
    noise = np.random.default_rng(1).normal(0, 5, (SIDE, SIDE, 1))
    stripes = (np.arange(SIDE) // 12 % 2 * 10)[None, :, None]

    def measured(picture: Any) -> float:
        made = scene(picture.clip(0, 255).astype(np.uint8), person())
        seen = ground.ground(made, FRAME)
        assert seen is not None
        return ground.gradient(made, seen)

    plain, striped = measured(wall() + 0 * stripes), measured(wall() + stripes)
    assert plain == 0 and measured(wall() + noise) < 0.35 * striped
    assert measured(wall() + stripes + noise) == pytest.approx(striped, rel=0.1)


def test_a_thing_on_a_small_part_of_the_wall_counts_as_it_is_large() -> None:
    def measured(side: int) -> float:
        picture = wall()
        x, y = (round(each) + 12 for each in FRAME[:2])
        picture[y : y + side, x : x + side] = 40
        made = scene(picture, person())
        seen = ground.ground(made, FRAME)
        assert seen is not None
        return ground.gradient(made, seen)

    assert 0 < 1.5 * measured(40) < measured(80)


def test_the_gradient_does_not_depend_on_where_its_bands_end(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(1).integers(150, 250, (SIDE, SIDE, 3), np.uint8)
    made = scene(noise, person())
    seen = ground.ground(made, FRAME)
    assert seen is not None
    monkeypatch.setattr(ground, "BAND_PX", SIDE)
    whole = ground.gradient(made, seen)
    monkeypatch.setattr(ground, "BAND_PX", 3 * ground.BLOCK)
    assert ground.gradient(made, seen) == pytest.approx(whole, rel=1e-9)


class Doubtful:
    """Networks whose detector suspects faces there; it confirms none, and must be shown no empty part."""

    def __init__(self, *boxes: tuple[float, float, float, float]) -> None:
        self.suspected = [Detected(box, np.zeros((6, 2)), 0.3) for box in boxes]

    def faces(self, picture: Image.Image) -> tuple[list[Detected], list[Detected]]:
        assert min(picture.size) > 0
        suspected, self.suspected = self.suspected, []
        return [], suspected


def test_what_is_suspected_beside_the_picture_is_no_face() -> None:
    beside = Doubtful(
        (500.0, 10.0, 520.0, 30.0), (-90.0, 10.0, -60.0, 40.0), (30.0, 40.0, 20.0, 40.0), (10.0, 10.0, 30.0, 30.0)
    )
    assert search(Image.new("RGB", (100, 100)), beside) == []


def ofiq_scene(rgb: Any, person: Any, *, turned: bool = False, size: float = 1.0) -> Scene:
    """Eyes as far apart as OFIQ's are, or `size` times that, about the picture's middle; turned by 90 degrees."""
    half = size * ground.OFIQ_EYES_APART / 2
    away = np.array([0.0, half] if turned else [half, 0.0])
    irises = tuple(np.tile(200 + sign * away, (5, 1)) for sign in (-1, 1))
    return dataclasses.replace(scene(rgb, person), irises=irises)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("size", [1.0, 0.8])
def test_ofiqs_gradient_of_bands_is_their_steps_in_linear_light_by_scharr(turned: bool, size: float) -> None:
    dark, light = 168, 176  # sRGB; in linear light 100 and 111 of 255, as IEC 61966-2-1 has it
    bands = wall()
    bands[:] = np.where(np.arange(SIDE) // 10 % 2, light, dark)[:, None, None]
    bands[200:, 180:220] = np.random.default_rng(1).integers(0, 256, (200, 40, 3), np.uint8)
    covered = np.zeros((SIDE, SIDE))
    covered[198:, 178:222] = 1
    # Scharr: 16 times the step on both its sides; of the bands' ten rows at OFIQ's size two lie on a step
    expected = pytest.approx(16 * (111 - 100) * 2 / (10 / size), rel=0.06)
    for picture, mask in ((bands, covered), (np.ascontiguousarray(bands.transpose(1, 0, 2)), covered.T)):
        assert ground.ofiq_gradient(ofiq_scene(picture, mask, turned=turned, size=size)) == expected
    assert ground.ofiq_gradient(ofiq_scene(wall(), covered, turned=turned, size=size)) == 0
    assert ground.ofiq_gradient(ofiq_scene(bands, np.ones((SIDE, SIDE)))) is None


def test_what_lies_outside_the_picture_is_no_wall_of_ofiqs() -> None:
    made = ofiq_scene(wall(), np.zeros((SIDE, SIDE)), size=2.0)  # OFIQ's part then reaches beyond every border
    assert ground.ofiq_gradient(made) == 0


def test_the_little_wall_that_wide_hair_leaves_is_judged() -> None:
    picture = wall()
    picture[:, ::8] = 60
    left, top, right, _ = (int(each) for each in FRAME)
    hair = np.zeros((SIDE, SIDE))
    hair[top + 20 :, left - 20 : right + 20] = 1  # a strip of 2 or 3 steps stays free above
    for made, stripes in ((scene(picture, hair), True), (scene(wall(), hair), False)):
        seen = ground.ground(made, FRAME)
        assert seen is not None
        assert np.count_nonzero(seen.mask) < 0.06 * seen.mask.size
        assert (ground.gradient(made, seen) > 50) == stripes
    assert ground.ground(scene(picture, np.ones((SIDE, SIDE))), FRAME) is None


@pytest.mark.parametrize(("share", "seen_behind"), [(0.07, False), (0.13, True), (0.4, True)])
def test_what_covers_a_tenth_of_the_wall_counts_whatever_its_colour(share: float, seen_behind: bool) -> None:
    left, top, right, bottom = (int(each) for each in FRAME)
    for colour in ((40, 90, 50), (150, 150, 150), (200, 200, 120)):
        picture = wall()
        picture[top : top + round(share * (bottom - top) * 0.8), left:right] = colour  # 0.8: the person takes the rest
        made = scene(picture, person())
        seen = ground.ground(made, FRAME)
        assert seen is not None
        assert (ground.patch(seen) > 14) == seen_behind
        if seen_behind:
            away = lab(np.array([[colour]], np.uint8))[0, 0] - lab(np.full((1, 1, 3), 200, np.uint8))[0, 0]
            assert ground.patch(seen) == pytest.approx(float(np.hypot(np.hypot(*away[:2]), away[2])), rel=0.02)


def test_a_narrow_shadow_counts_close_to_the_head_only() -> None:
    left, top, _, chin = FACE
    for at, dark in ((left - 22, True), (left - 50, False)):
        picture = wall()
        picture[top - 40 : chin + 40, at : at + 12] = 120
        made = scene(picture, person(), eyes_above_chin=140.0)
        seen = ground.ground(made, FRAME)
        assert seen is not None
        assert (ground.shadow(made, seen) > 8) is dark


def test_a_narrow_shadow_counts_above_wide_hair_too_and_a_wall_that_darkens_slowly_has_none() -> None:
    left, top, right, _ = FACE
    wide_hair = person()
    wide_hair[top - 30 :] = 1
    wide_hair[top - 70 : top - 30, left:right] = 1
    slowly = np.linspace(225, 190, SIDE)[:, None, None]
    for shadowed in (False, True):
        picture = wall()
        picture[:] = slowly
        if shadowed:
            picture[top - 70 : top - 30, right : right + 20] -= 45
            picture[top - 50 : top - 30, right + 20 :] -= 45
        made = scene(picture, wide_hair, eyes_above_chin=140.0)
        seen = ground.ground(made, FRAME)
        assert seen is not None
        assert (ground.shadow(made, seen) > 8) is shadowed


def test_what_is_no_brighter_than_the_cheeks_is_no_reflection() -> None:
    picture = np.full((SIDE, SIDE, 3), 190, np.uint8)
    picture[160:200, 150:250] = 230  # pale and bright where lenses would be, as the brightest skin may be
    made = scene(picture, person())
    share = [eyes.glare(made, np.full((40, 3), cheeks, np.uint8)) for cheeks in (150, 240)]
    assert share[0] > 0.2 and share[1] == 0
    assert eyes.glare(made, np.empty((0, 3), np.uint8)) == share[0]


def test_a_shadow_counts_beside_the_head_only() -> None:
    _, top, _, chin = FACE
    below, beside = wall(), wall()
    below[chin:, :150] = 60
    beside[top:chin, :150] = 60
    for picture, dark in ((below, False), (beside, True)):
        made = scene(picture, person())
        seen = ground.ground(made, FRAME)
        assert seen is not None
        lost = ground.shadow(made, seen)
        assert (lost > 40) if dark else lost == pytest.approx(0, abs=0.01)


def test_the_masks_top_is_measured_from_the_chin_and_unknown_where_the_picture_cuts_it_off() -> None:
    _, top, _, _ = FACE
    made = scene(wall(), person())
    assert mask_top(made) == pytest.approx(made.chin[1] - top, abs=1.5)
    assert mask_top(scene(wall(), np.ones((SIDE, SIDE)), eyes_above_chin=100.0)) == 0
