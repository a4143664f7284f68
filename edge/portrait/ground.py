"""The background: uniform, light but not white, without a shadow. Pure; never decides."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .find import Scene
from .pixels import gradients, lab, luma, reduced

STEP = 4  # the background is looked at on every fourth pixel of the scene, but for its gradient
HEAD = 0.2  # of the person mask: more is the person, hair's rim included


@dataclass(frozen=True, eq=False)
class Ground:
    """The scene in L*a*b* (every fourth pixel) and where in it the background lies."""

    colours: NDArray[np.float32]  # h × w × 3
    mask: NDArray[np.bool_]  # h × w

    @cached_property
    def _seen(self) -> NDArray[np.float32]:
        return self.colours[self.mask]

    @cached_property
    def mean(self) -> tuple[float, float, float]:
        """Mean L*, a*, b*."""
        lightness, red, blue = (float(each) for each in self._seen.mean(axis=0))
        return lightness, red, blue

    @cached_property
    def spread(self) -> tuple[float, float]:
        """Standard deviation of L*; of a* and b* together."""
        lightness, red, blue = (float(each) for each in self._seen.std(axis=0))
        return lightness, float(np.hypot(red, blue))


def ground(scene: Scene, frame: tuple[float, float, float, float]) -> Ground | None:
    """The background inside the frame (x0 y0 x1 y1 in scene pixels); None where less than 3 % of the scene is left."""
    if scene.person is None:
        return None
    height, width = scene.rgb.shape[:2]
    if min(height, width) < 8 * STEP:
        return None
    small = np.asarray(reduced(scene.rgb, STEP, (0, 0, width, height)))
    person = Image.fromarray(scene.person).resize((small.shape[1], small.shape[0]), Image.Resampling.BOX)
    mask = ~_widened(np.asarray(person) > HEAD)
    x0, y0, x1, y1 = (round(max(0.0, each) / STEP) for each in frame)
    keep = np.zeros_like(mask)
    keep[y0:y1, x0:x1] = True
    mask = mask & keep
    return Ground(lab(small), mask) if mask.mean() >= 0.03 else None


def _widened(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask grown by two pixels on every side."""
    for each in (mask, mask.T):
        grown = each.copy()
        for by in (1, 2):
            grown[by:] |= each[:-by]
            grown[:-by] |= each[by:]
        each[:] = grown
    return mask


def gradient(scene: Scene, ground: Ground) -> float:
    """OFIQ: mean Sobel magnitude of gamma luma (0…255) over the background, at the scene's full scale."""
    rows, columns = np.flatnonzero(ground.mask.any(axis=1)), np.flatnonzero(ground.mask.any(axis=0))
    if not rows.size:
        return 0.0
    # the box about the background, and a pixel around it for the differences
    y0, y1 = STEP * int(rows[0]), STEP * int(rows[-1] + 1)
    x0, x1 = STEP * int(columns[0]), STEP * int(columns[-1] + 1)
    top, left = max(0, y0 - 1), max(0, x0 - 1)
    gx, gy = gradients(luma(scene.rgb[top : y1 + 1, left : x1 + 1]) * np.float32(255))
    mask = np.repeat(np.repeat(ground.mask, STEP, axis=0), STEP, axis=1)
    inner = mask[top + 1 : top + 1 + gx.shape[0], left + 1 : left + 1 + gx.shape[1]]
    steps = np.square(gx)
    steps += np.square(gy)
    return float(np.sqrt(steps[inner]).mean()) if inner.any() else 0.0


def shadow(scene: Scene, ground: Ground) -> float:
    """L* by which the darker side of the wall beside the head falls below the wall's lit part.

    Lit is the 85th percentile of the whole background; of a side the 25th counts, since a shadow covers only a part.
    """
    low, high = scene.mesh[:, :2].min(axis=0) / STEP, scene.mesh[:, :2].max(axis=0) / STEP
    y, x = np.indices(ground.mask.shape)
    beside = (y > low[1] - (high[1] - low[1]) / 3) & (y < high[1]) & ground.mask
    lightness = ground.colours[..., 0]
    lit = float(np.percentile(lightness[ground.mask], 85))
    sides = [lightness[beside & side] for side in (x < low[0], x > high[0])]
    return max((lit - float(np.percentile(each, 25)) for each in sides if each.size > 20), default=0.0)
