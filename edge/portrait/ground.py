"""The background: uniform, light but not white, without a shadow. Pure; never decides."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from .find import Scene
from .pixels import Grey, gradients, lab


@dataclass(frozen=True)
class Ground:
    """What the background looks like; colours are means in L*a*b*."""

    gradient: float  # OFIQ: mean Sobel of gamma luma 0…255
    lightness: float
    red: float
    blue: float
    lightness_spread: float
    colour_spread: float
    shadow: float  # L* by which the ground beside the head falls below the ground further out


def behind(scene: Scene, frame: tuple[float, float, float, float] | None = None) -> NDArray[np.bool_]:
    """The mask of what is background: outside the widened person mask and, if given, inside the frame (x0 y0 x1 y1)."""
    assert scene.person is not None
    widened = Image.fromarray(scene.person > 0.2).convert("L")
    size = (max(1, widened.width // 4), max(1, widened.height // 4))
    small = widened.resize(size, Image.Resampling.BOX).point(lambda v: 255 if v else 0)
    small = small.filter(ImageFilter.MaxFilter(5))
    mask = np.asarray(small.resize(widened.size, Image.Resampling.NEAREST)) < 128
    if frame is not None:
        x0, y0, x1, y1 = (round(max(0.0, each)) for each in frame)
        keep = np.zeros_like(mask)
        keep[y0:y1, x0:x1] = True
        mask = mask & keep
    return mask


def ground(scene: Scene, mask: NDArray[np.bool_]) -> Ground | None:
    """The figures of the background, None where too little of it is seen (under 3 % of the scene)."""
    if mask.mean() < 0.03:
        return None
    gx, gy = gradients(scene.grey * np.float32(255))
    inner = mask[1:-1, 1:-1]
    gradient = float(np.hypot(gx, gy)[inner].mean()) if inner.any() else 0.0
    colours = lab(_quarter(scene.rgb))
    small = mask[::4, ::4][: colours.shape[0], : colours.shape[1]]
    seen = colours[small]
    spread = seen.std(axis=0)
    return Ground(
        gradient,
        float(seen[:, 0].mean()),
        float(seen[:, 1].mean()),
        float(seen[:, 2].mean()),
        float(spread[0]),
        float(np.hypot(spread[1], spread[2])),
        _shadow(colours[..., 0], small, scene),
    )


def _shadow(lightness: Grey, mask: NDArray[np.bool_], scene: Scene) -> float:
    """L* near the head against L* far from it, the darker side: the near ring is within 0.5 T of the face's outline."""
    low, high = scene.mesh[:, :2].min(axis=0) / 4, scene.mesh[:, :2].max(axis=0) / 4
    reach = 0.55 * scene.eye_to_chin / 4
    y, x = np.mgrid[0 : mask.shape[0], 0 : mask.shape[1]]
    beside = (y > low[1]) & (y < high[1]) & mask
    deepest = 0.0
    for side in (x < low[0], x > high[0]):
        distance = np.where(x < low[0], low[0] - x, x - high[0])
        near, far = beside & side & (distance < reach), beside & side & (distance >= reach)
        if near.sum() > 20 and far.sum() > 20:
            deepest = max(deepest, float(np.median(lightness[far]) - np.percentile(lightness[near], 20)))
    return deepest


def _quarter(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    image = Image.fromarray(rgb)
    return np.asarray(image.reduce(4)) if min(image.size) >= 8 else rgb
