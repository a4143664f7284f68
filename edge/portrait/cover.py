"""What covers the face: hands, objects, masks. Pure; never decides."""

import numpy as np
from numpy.typing import NDArray

from .find import Scene
from .light import OVAL
from .pixels import RGB, Grey, linear, luma, within

NOT_SKIN = 0.3  # of the warmth of the face's own skin
# positions in the outline: its lower half runs from one ear's height over the chin to the other's
LOWER = slice(9, 28)

# mesh: what of a face has edges in everyone: the lower lip and the line between the lips, the nose's base, the lids of
# the person's right eye, of the left
FEATURES = (
    (13, 14, 17, 81, 82, 84, 87, 88, 91, 146, 178, 181, 311, 312, 314, 317, 318, 321, 375, 402, 405),
    (2, 20, 64, 94, 97, 98, 99, 129, 141, 240, 250, 294, 326, 327, 328, 358, 370, 460),
    (7, 33, 133, 144, 145, 153, 154, 155, 157, 158, 159, 160, 161, 163, 173, 246),
    (249, 263, 362, 373, 374, 380, 381, 382, 384, 385, 386, 387, 388, 390, 398, 466),
)
# log2 of their contrast in people who give no cause: medians by bench/norm_train.py
USUAL = np.array([-3.94, -4.22, -3.36, -3.36])
PATCH = np.stack(np.meshgrid(np.arange(-3, 4), np.arange(-3, 4)), axis=-1).reshape(-1, 2) * 0.01  # in E


def odd_share(scene: Scene) -> float:
    """Share of the face's lower or upper half that is not skin-coloured by the face's own skin, whichever is greater.

    Compared is how much redder than blue a pixel is in linear light, which neither shade nor skin tone changes much. A
    skin-coloured hand is not told apart (docs/norm.md). Of the upper half only what lies below the brows counts.
    Calibrated on clean portraits, beards and all, and a grey card laid over half of the face from below.
    """
    small = np.ascontiguousarray(scene.rgb[1::3, 1::3])
    outline = scene.mesh[list(OVAL), :2] / 3
    brows = scene.mesh[[70, 105, 334, 300], :2] / 3
    lower, upper = outline[LOWER], np.concatenate([brows[::-1], outline[[27, 9]]])
    halves = [_warmth(within(half, small)) for half in (lower, upper)]
    skin = float(np.percentile(np.concatenate(halves), 75)) if any(each.size for each in halves) else 0.0
    return max((float((each < NOT_SKIN * skin).mean()) for each in halves if each.size), default=0.0)


def contrasts(scene: Scene) -> NDArray[np.float64]:
    """Log2 of the contrast of each of `FEATURES`: 40th percentile over its points of luma's spread around each."""
    points = scene.mesh[[point for feature in FEATURES for point in feature], :2]
    around = points[:, None] + scene.eyes_apart * PATCH
    spread = luma(scene.at(around.reshape(-1, 2))).reshape(len(points), -1).std(axis=1)
    ends = np.cumsum([len(feature) for feature in FEATURES])[:-1]
    return np.array([np.percentile(np.log2(own + 0.002), 40) for own in np.split(spread, ends)])


def faintest_feature(scene: Scene) -> float:
    """How much less contrast mouth, nose or an eye has than the three others, each against its usual one, in stops.

    What hides one of them, of whatever colour, has seldom as many edges; blur, haze and light take from all alike.
    Calibrated on clean portraits (99.5th percentile 1.3, heads half turned away up to 1.9) and shaded ovals of the
    skin's own colour that hide one feature wholly, 2.2 and more.
    """
    seen = contrasts(scene) - USUAL
    return float(min(own - np.delete(seen, feature).mean() for feature, own in enumerate(seen)))


def _warmth(pixels: RGB) -> Grey:
    red, green, blue = (linear(pixels) + np.float32(0.004)).T
    return np.asarray(np.log(red / green) + np.float32(0.5) * np.log(green / blue), np.float32)
