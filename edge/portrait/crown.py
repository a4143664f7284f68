"""Where the crown is, under the hair: from the face's proportions and the person mask. Pure; never decides."""

import numpy as np

from .find import Scene

EYE_TO_CHIN_SHARE = 0.5276  # T / (crown to chin) over 45 marked heads, one sigma 0.024
BAND_MM = 1.8  # half the 90 % band on a head of 34 mm


def head_height(scene: Scene) -> tuple[float, float]:
    """Crown to chin in scene pixels, and half the 90 % band in mm on a head of 34 mm.

    The prior from the face's proportions, bounded by the top of the person mask: above it is no skull.
    """
    prior = scene.eye_to_chin / EYE_TO_CHIN_SHARE
    top = mask_top(scene)
    return (min(prior, top) if top > 0.85 * prior else prior), BAND_MM


def mask_top(scene: Scene) -> float:
    """Chin to the top of the person mask along the face's axis, scene pixels; 0 where the picture cuts it off."""
    if scene.person is None:
        return 0.0
    side = np.array([-scene.up[1], scene.up[0]])
    offsets = np.linspace(-0.12, 0.12, 9) * scene.eye_to_chin
    heights = np.arange(0.0, 2.6 * scene.eye_to_chin, 1.0)
    chin_up = float((scene.chin - scene.middle) @ scene.up)  # negative
    tops = []
    for offset in offsets:
        line = scene.middle + offset * side + heights[:, None] * scene.up
        x, y = np.rint(line[:, 0]).astype(int), np.rint(line[:, 1]).astype(int)
        inside = (x >= 0) & (y >= 0) & (x < scene.person.shape[1]) & (y < scene.person.shape[0])
        values = scene.person[y[inside], x[inside]]
        below = np.flatnonzero(values < 0.5)
        if not below.size:
            return 0.0
        tops.append(heights[below[0]])
    return float(np.median(tops)) - chin_up
