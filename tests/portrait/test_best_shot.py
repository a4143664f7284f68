"""With no panel the best of the passing shots is taken: what a person would see decides, on real verdicts."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from PIL import Image, ImageFilter

from bench.norm_eyes import shut
from edge.judge import load_models
from edge.picture import read_picture
from edge.portrait import Judge
from edge.portrait.find import find
from edge.portrait.networks import Networks
from edge.portrait.pixels import RGB
from edge.shots import Shot

from .conftest import PICTURES


def nearer(rgb: RGB) -> RGB:
    """The same picture with the head a quarter larger."""
    height, width = rgb.shape[:2]
    inner = Image.fromarray(rgb).crop((width // 10, height // 10, width - width // 10, height - height // 10))
    return np.asarray(inner.resize((width, height), Image.Resampling.LANCZOS))


def blurred(rgb: RGB, radius_px: float) -> RGB:
    return np.asarray(Image.fromarray(rgb).filter(ImageFilter.GaussianBlur(radius_px)))


def narrowed(rgb: RGB) -> RGB:
    """Eyes half shut, in which the gaze seems turned as well."""
    scene = find(rgb, Networks(load_models()))
    assert scene is not None
    return shut(scene, rgb, 0.5, "mirrored", seed=1)


@pytest.mark.parametrize(
    ("name", "worsened"),
    [
        ("good", partial(blurred, radius_px=2.3)),
        ("good-2", partial(blurred, radius_px=1.9)),
        ("good", narrowed),
        ("good-2", narrowed),
    ],
)
def test_a_sharp_shot_with_open_eyes_is_worth_more_than_a_larger_head(
    judge: Judge, name: str, worsened: Callable[[RGB], RGB]
) -> None:
    rgb = read_picture(PICTURES / f"{name}.jpg")
    best, worse = Shot(judge.look(rgb), b""), Shot(judge.look(worsened(nearer(rgb))), b"")
    assert best.passed and worse.passed
    assert worse.verdict["head_size"].score > best.verdict["head_size"].score
    assert best.worth > worse.worth + 0.1  # 27 findings: one figure that falls by some points, not a last digit
