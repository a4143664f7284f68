"""The 35 × 45 mm cut out of a picture: size, head height, level eyes."""

import numpy as np
from PIL import Image

from edge.portrait import Judge


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
