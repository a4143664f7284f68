"""Where the crown is, under the hair, and how sure that is. Pure; never decides.

Weighed on a grid of head heights are what the face's own proportions say (a ridge fit on 45 marked heads), the top of
the person mask, and how thick the hair above the skull may be, which depends on how likely the head is bald.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .find import Scene
from .pixels import Points, gradients, lab, luma
from .verdict import HEAD_MM

# All in mm on a head of 34 mm. Fitted by hand to the 45 marked heads with everything else left out by person
# (docs/norm.md, "Head height"): few round figures, so that they hold for other people.
PRIOR_SIGMA_MM = 1.4
BALD = (-0.1, 0.6)  # mask top above the crown on a bald head: mean, sigma
HAIR = ((0.6, 0.6, 0.7), (0.25, 1.8, 1.0), (0.15, 4.5, 2.5))  # flat, full, voluminous hair: weight, mean, sigma
# with the whole head in the picture, even the proportions alone have rms 1.27 mm: ±1.95 covers 87 % of that
BAND_MOST_MM = 1.95


@dataclass(frozen=True, eq=False)
class Proportions:
    """The fits of bench/norm_train.py: log of head height over T, and the chance of a bald head (logistic)."""

    mean: float
    centre: NDArray[np.float64]  # of the features of `proportions`
    slope: NDArray[np.float64]
    bald: NDArray[np.float64]  # offset, then one weight for each feature of `bareness`


def head_height(scene: Scene, pitch: float, fit: Proportions) -> tuple[float, float]:
    """Crown to chin in scene pixels, and half the 90 % band in mm on a head of 34 mm."""
    t = scene.eye_to_chin
    expected = float(np.exp(fit.mean + (proportions(scene, pitch) - fit.centre) @ fit.slope))
    heights = np.linspace(0.65, 1.25, 1201) * expected  # in T
    weight = _bell((heights / expected - 1) * HEAD_MM, 0.0, PRIOR_SIGMA_MM)
    top = mask_top(scene) / t
    if top > 0:
        chance = float(1 / (1 + np.exp(-(fit.bald[0] + bareness(scene, top * t) @ fit.bald[1:]))))
        above = (top / heights - 1) * HEAD_MM
        hair = sum(share * _bell(above, mean, sigma) for share, mean, sigma in HAIR)
        weight = weight * (chance * _bell(above, *BALD) + (1 - chance) * hair) + 1e-12 * weight
    weight = weight / weight.sum()
    height = float(heights @ weight)
    so_far = np.cumsum(weight)
    low, high = heights[np.searchsorted(so_far, 0.05)], heights[np.searchsorted(so_far, 0.95)]
    band = float((high - low) / 2 / height * HEAD_MM)
    return height * t, min(band, BAND_MOST_MM) if top > 0 else band


def proportions(scene: Scene, pitch: float) -> NDArray[np.float64]:
    """What tells the skull's height from the face alone: T / E, face width / T, pitch in degrees."""
    width = float(np.hypot(*(scene.mesh[234, :2] - scene.mesh[454, :2])))
    return np.array([scene.eye_to_chin / scene.eyes_apart, width / scene.eye_to_chin, pitch])


def bareness(scene: Scene, top: float) -> NDArray[np.float64]:
    """How alike forehead and the head's top look; `top` is chin to mask top in scene pixels.

    Share of the top's pixels near the forehead's colour, least change of a* there (0 or below), darkest step of the
    profile from forehead to top, its greatest distance in a*b*, its greatest step. Then the texture, which tells hair
    of skin's own colour: log gradient of the top against the forehead's, that gradient, the top's spread of lightness.
    """
    t = scene.eye_to_chin
    end = top - float((scene.middle - scene.chin) @ scene.up) - 0.03 * t
    patches = [(0.30 * t, 0.42 * t, 0.2)]
    patches += [(c - 0.02 * t, c + 0.02 * t, 0.16) for c in np.linspace(0.45 * t, end, 10)]
    patches += [(end - 0.10 * t, end, 0.16)]
    colours = lab(scene.at(np.concatenate([_patch(scene, *each) for each in patches]))).reshape(len(patches), -1, 3)
    medians = np.median(colours[:-1], axis=1)
    forehead, profile = medians[0], medians[1:]
    away, lighter = np.hypot(*(profile - forehead)[:, 1:].T), profile[:, 0] - forehead[0]
    crown = colours[-1] - forehead
    near = np.hypot(np.hypot(crown[:, 1], crown[:, 2]), crown[:, 0] * 0.6) < 14
    step = np.abs(np.diff(profile, axis=0)).sum(axis=1).max()
    redder = min(0.0, float(profile[-3:, 1].mean() - forehead[1]))
    colour = [float(near.mean()), redder, float(lighter.min()), float(away.max()), float(step)]
    (smooth, _), (rough, spread) = (
        _texture(scene, low, high)
        for low, high in ((0.30 * t, 0.42 * t), (max(0.45 * t, end - 0.22 * t), end - 0.02 * t))
    )
    return np.array([*colour, rough - smooth, rough, spread])


def mask_top(scene: Scene) -> float:
    """Chin to the top of the person mask along the face's axis, scene pixels; 0 where the picture cuts it off."""
    if scene.person is None:
        return 0.0
    side = np.array([-scene.up[1], scene.up[0]])
    offsets = np.linspace(-0.12, 0.12, 9) * scene.eye_to_chin
    heights = np.arange(0.0, 2.6 * scene.eye_to_chin, 1.0)
    lines = scene.middle + offsets[:, None, None] * side + heights[:, None] * scene.up  # 9 × heights × 2
    x, y = (np.rint(lines[..., axis]).astype(int) for axis in (0, 1))
    height, width = scene.person.shape
    inside = (x >= 0) & (y >= 0) & (x < width) & (y < height)
    above = scene.person[y.clip(0, height - 1), x.clip(0, width - 1)] < 0.5
    above &= inside
    seen, reach = above.any(axis=1), inside.sum(axis=1).astype(float)
    if np.count_nonzero(~seen) > len(offsets) // 2:
        return 0.0
    tops = np.where(seen, heights[above.argmax(axis=1)], reach)
    return float(np.median(tops)) - float((scene.chin - scene.middle) @ scene.up)


def _patch(scene: Scene, low: float, high: float, half_width: float) -> Points:
    """6 × 15 points above the eyes' middle: `low` to `high` px along the axis, ± half_width · T aside."""
    side = np.array([-scene.up[1], scene.up[0]])
    up = np.linspace(low, high, 6)[:, None, None]
    aside = np.linspace(-half_width, half_width, 15)[None, :, None] * scene.eye_to_chin
    return np.asarray((scene.middle + up * scene.up + aside * side).reshape(-1, 2))


def _texture(scene: Scene, low: float, high: float) -> tuple[float, float]:
    """Logs of mean gradient and of spread of gamma luma against its median, 0.02 added; `low` to `high` as in `_patch`.

    Every pixel of the scene is looked at, ±0.2 T aside.
    """
    side = np.array([-scene.up[1], scene.up[0]])
    reach = 0.2 * scene.eye_to_chin
    up, aside = np.arange(low, max(high, low + 4))[:, None, None], np.arange(-reach, reach)[None, :, None]
    points: Points = scene.middle + up * scene.up + aside * side
    grey = luma(scene.at(points.reshape(-1, 2))).reshape(points.shape[:2])
    level = max(0.1, float(np.median(grey)))
    steep = float(np.hypot(*gradients(grey)).mean()) / level
    return float(np.log(steep + 0.02)), float(np.log(float(grey.std()) / level + 0.02))


def _bell(x: NDArray[np.float64], mean: float, sigma: float) -> NDArray[np.float64]:
    return np.asarray(np.exp(-0.5 * ((x - mean) / sigma) ** 2) / sigma)
