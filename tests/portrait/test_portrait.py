"""The 35 × 45 mm cut out of a picture: size, head height, level eyes."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge.picture import judge_picture, portrait_of, read_picture
from edge.portrait import Face, Judge
from edge.portrait.frame import Frame, cut_out
from edge.portrait.pixels import reduced


def test_the_portrait_has_its_size_and_a_head_of_34_mm_with_level_eyes(judge: Judge, good: np.ndarray) -> None:
    big = np.asarray(Image.fromarray(good).resize((good.shape[1] * 2, good.shape[0] * 2), Image.Resampling.BICUBIC))
    portrait = judge.portrait(big, judge.look(big))
    assert portrait.shape == (1063, 827, 3)
    assert portrait.dtype == np.uint8
    again = judge.look(portrait).face
    assert again is not None
    px_per_mm = 1063 / 45
    crown_to_chin = np.hypot(again.chin_px[0] - again.crown_px[0], again.chin_px[1] - again.crown_px[1])
    assert abs(crown_to_chin / px_per_mm - 34) < 0.5
    assert abs(again.roll) < 0.5
    assert abs(again.middle_px[0] - 827 / 2) < 10


def test_a_small_picture_is_not_enlarged(judge: Judge, good: np.ndarray) -> None:
    small = np.asarray(Image.fromarray(good).resize((good.shape[1] // 2, good.shape[0] // 2), Image.Resampling.BOX))
    verdict = judge.look(small)
    portrait = judge.portrait(small, verdict)
    assert verdict.face is not None
    assert portrait.shape[1] == round(35 / verdict.face.mm_per_px)
    assert abs(portrait.shape[0] / portrait.shape[1] - 1063 / 827) < 0.01


def test_a_tilted_head_is_framed_upright(judge: Judge, good: np.ndarray) -> None:
    tilted = np.asarray(Image.fromarray(good).rotate(7, Image.Resampling.BICUBIC, fillcolor=(203, 206, 208)))
    again = judge.look(judge.portrait(tilted, judge.look(tilted))).face
    assert again is not None
    assert abs(again.roll) < 0.6


@pytest.mark.parametrize("px", [600, 640, 680, 720, 760, 800, 840, 1100, 1180, 1250, 1330])
def test_a_face_is_found_in_the_same_place_at_every_scale(judge: Judge, good: np.ndarray, face: Face, px: int) -> None:
    """On both sides of where a picture is near enough to the scale of measuring, and not resampled."""
    factor = px / good.shape[1]
    size = (px, round(good.shape[0] * factor))
    filter_ = Image.Resampling.BOX if factor < 1 else Image.Resampling.BICUBIC
    found = judge.look(np.asarray(Image.fromarray(good).resize(size, filter_))).face
    assert found is not None
    eyes_apart = np.hypot(*np.subtract(*face.eyes_px))
    for ours, theirs in ((found.eyes_px, face.eyes_px), (found.chin_px, face.chin_px), (found.crown_px, face.crown_px)):
        assert np.abs(np.array(ours) / factor - theirs).max() < 0.02 * eyes_apart
    assert found.mm_per_px * factor == pytest.approx(face.mm_per_px, rel=0.01)


def test_the_portrait_of_a_large_jpeg_decoded_small_is_that_of_the_whole(
    judge: Judge, good: np.ndarray, tmp_path: Path
) -> None:
    path = tmp_path / "large.jpg"
    size = (good.shape[1] * 3, good.shape[0] * 3)
    Image.fromarray(good).resize(size, Image.Resampling.BICUBIC).save(path, quality=95)
    verdict = judge_picture(judge, path)
    small = portrait_of(judge, path, verdict).astype(float)
    whole = judge.portrait(read_picture(path), verdict)
    assert small.shape == whole.shape
    assert np.sqrt(((small - whole) ** 2).mean()) < 3


def test_a_frame_beyond_the_picture_repeats_its_edge_and_keeps_the_rest_in_place() -> None:
    y, x = np.mgrid[0:900, 0:700]
    ramp = np.stack([x / 4, y / 4, (x + y) / 8], axis=-1).astype(np.uint8)
    for shift in (-90.0, 90.0):
        cut = cut_out(ramp, Frame(shift, shift, (1.0, 0.0), 20.0, 4.5)).astype(float)
        rows, columns = (np.clip(np.arange(n) + shift, 0, end) for n, end in zip(cut.shape, (899, 699), strict=False))
        assert np.abs(cut[..., 0] - columns[None, :] / 4).max() < 2
        assert np.abs(cut[..., 1] - rows[:, None] / 4).max() < 2


@pytest.mark.parametrize("shrink", [1, 2, 3, 70])
@pytest.mark.parametrize("box", [(0, 0, 333, 517), (31, 77, 300, 415), (330, 500, 333, 517)])
def test_a_reduced_part_is_that_of_one_whole_copy_pixel_for_pixel(shrink: int, box: tuple[int, int, int, int]) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (517, 666, 3), np.uint8)
    x0, y0, x1, y1 = box
    for rgb in (np.ascontiguousarray(picture[:, ::2]), picture[:, ::2]):
        whole = Image.fromarray(np.ascontiguousarray(rgb[y0:y1, x0:x1])).reduce(shrink)
        assert (np.asarray(reduced(rgb, shrink, box)) == np.asarray(whole)).all()
