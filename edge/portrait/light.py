"""Exposure, colour and evenness of the light on the face, and its sharpness. Pure; never decides.

OFIQ's measures work on linearised luminance and depend on skin tone: they are reported. The ones that decide do not.
"""

import numpy as np
from numpy.typing import NDArray

from .find import Scene
from .pixels import gradients, lab, luminance, within

# mesh: the outline of the face, clockwise from the forehead's middle
OVAL = (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
        152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109)  # fmt: skip
# mesh: a patch of each cheek below the eye and beside the nose; the picture's left, its right
CHEEK_LEFT = (117, 118, 101, 36, 205, 187, 123)
CHEEK_RIGHT = (346, 347, 330, 266, 425, 411, 352)


def face_pixels(scene: Scene) -> NDArray[np.uint8]:
    """The pixels (n × 3) inside the outline of the face."""
    return within(scene.mesh[list(OVAL)], scene.rgb)


def cheeks(scene: Scene) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The pixels (n × 3) of the cheek patches, picture's left and right."""
    left, right = (within(scene.mesh[list(p)], scene.rgb) for p in (CHEEK_LEFT, CHEEK_RIGHT))
    return left, right


def bright_end(face: NDArray[np.uint8]) -> float:
    """99th percentile of gamma luma: the same for every skin in the same light, so it tells exposure (norm.md)."""
    weights = np.array([0.2126, 0.7152, 0.0722], np.float32) / np.float32(255)
    return float(np.percentile(face.astype(np.float32) @ weights, 99))


def ofiq_exposure(face: NDArray[np.uint8]) -> dict[str, float]:
    """OFIQ's raw values: mean, variance, shares of dark (0…25) and bright (247…255), entropy in bits."""
    levels = np.rint(luminance(face) * 255).astype(np.int64)
    share = np.bincount(levels, minlength=256) / max(1, levels.size)
    unit = levels / 255
    seen = share[share > 0]
    return {
        "luminance_mean": float(unit.mean()),
        "luminance_variance": float(unit.var()),
        "under_exposure": float(share[:26].sum()),
        "over_exposure": float(share[247:].sum()),
        "dynamic_range": float(-(seen * np.log2(seen)).sum()),
    }


def cheek_overlap(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> float:
    """OFIQ: intersection of the two cheeks' luminance histograms, 0…1."""
    a, b = (
        np.bincount(np.rint(luminance(p) * 255).astype(np.int64), minlength=256) / max(1, len(p)) for p in (left, right)
    )
    return float(np.minimum(a, b).sum())


def cheek_ratio(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> float:
    """Log2 of the cheeks' median linear luminance, left over right: 1 is one stop brighter on the left."""
    a, b = (float(np.median(luminance(p))) if len(p) else 0.0 for p in (left, right))
    return float(np.log2((a + 0.002) / (b + 0.002)))


def skin_colour(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> tuple[float, float]:
    """Mean a*, b* of both cheeks."""
    colours = lab(np.concatenate([left, right]))
    return float(colours[:, 1].mean()), float(colours[:, 2].mean())


def ofiq_cast(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> float:
    """OFIQ: distance of the cheeks' mean a*, b* from the range 5…25, 5…35."""
    red, blue = skin_colour(left, right)
    return float(np.hypot(max(5 - red, red - 25, 0.0), max(5 - blue, blue - 35, 0.0)))


def side_ratio(scene: Scene) -> float:
    """Log2 of linear luminance of the face's picture-left half over its right half (medians): light from one side."""
    outline = scene.mesh[list(OVAL)]
    top, chin = outline[0], outline[18]
    halves = np.concatenate([outline[18:], outline[:1]]), outline[:19]
    a, b = (within(np.concatenate([half, (top + chin)[None] / 2]), scene.rgb) for half in halves)
    return cheek_ratio(a, b)


def detail(scene: Scene) -> float:
    """How fine the finest edges of the face are: 98th percentile of fine over coarse gradient, lesser direction.

    The ratio does not depend on contrast or skin; a blur takes the fine gradient first, motion that of its direction.
    """
    low, high = scene.mesh[:, :2].min(axis=0), scene.mesh[:, :2].max(axis=0)
    x0, y0 = np.maximum(low, 0).astype(int)
    x1, y1 = high.astype(int)
    patch = scene.grey[y0:y1, x0:x1]
    if min(patch.shape) < 16:
        return 0.0
    height, width = (patch.shape[0] // 4) * 4, (patch.shape[1] // 4) * 4
    small = patch[:height, :width].reshape(height // 4, 4, width // 4, 4).mean(axis=(1, 3))
    ratios = []
    for fine, coarse in zip(gradients(patch), gradients(small), strict=True):
        ratios.append(float(np.percentile(np.abs(fine), 98) / max(1e-4, np.percentile(np.abs(coarse), 98))))
    return min(ratios)
