"""What covers the face: hands, objects, masks. Pure; never decides."""

import numpy as np

from .find import Scene
from .light import OVAL
from .pixels import RGB, Grey, linear, within

NOT_SKIN = 0.3  # of the warmth of the face's own skin
# positions in the outline: its lower half runs from one ear's height over the chin to the other's
LOWER = slice(9, 28)


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


def _warmth(pixels: RGB) -> Grey:
    red, green, blue = (linear(pixels) + np.float32(0.004)).T
    return np.asarray(np.log(red / green) + np.float32(0.5) * np.log(green / blue), np.float32)
