"""Exposure, colour and evenness of the light on the face, and its sharpness. Pure; never decides.

OFIQ's measures work on linearised luminance and depend on skin tone: they are reported. The ones that decide do not.
"""

import numpy as np
from numpy.typing import NDArray

from .find import Scene
from .pixels import Grey, gradients, lab, luma, luminance, within

# mesh: the outline of the face, clockwise from the forehead's middle
OVAL = (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
        152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109)  # fmt: skip
BELOW_LIP = 17  # mesh: the lower edge of the lower lip
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
    return float(np.percentile(luma(face), 99))


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


def skin_colour(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> tuple[float, float]:
    """Mean a*, b* of both cheeks."""
    colours = lab(np.concatenate([left, right]))
    return float(colours[:, 1].mean()), float(colours[:, 2].mean())


def ofiq_cast(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> float:
    """OFIQ: distance of the cheeks' mean a*, b* from the range 5…25, 5…35."""
    red, blue = skin_colour(left, right)
    return float(np.hypot(max(5 - red, red - 25, 0.0), max(5 - blue, blue - 35, 0.0)))


def side_ratio(scene: Scene, left: NDArray[np.uint8], right: NDArray[np.uint8]) -> float:
    """Log2 of linear luminance, the picture's left over its right: light from one side, in stops.

    The mean of two: the 90th percentiles of the cheek patches (`left`, `right`) and the 75th of the face's halves. What
    is lit counts; hair, a beard and the shadow of the nose, which differ from side to side in any light, hardly do.
    Chosen of nine such measures and their means on 276 portraits labelled even and relit copies of 69 of them: at the
    99th percentile of the even ones it tells 96 % lit by 2 stops more from one side (medians of the halves 26 %). The
    labels "side" are soft (AUC 0.69 by either).
    """
    outline = scene.mesh[list(OVAL)]
    top, chin = outline[0], outline[18]
    halves = np.concatenate([outline[18:], outline[:1]]), outline[:19]
    face = (within(np.concatenate([half, (top + chin)[None] / 2]), scene.rgb) for half in halves)
    return (_stops_between(75, *face) + _stops_between(90, left, right)) / 2


def _stops_between(percent: float, left: NDArray[np.uint8], right: NDArray[np.uint8]) -> float:
    a, b = (float(np.percentile(luminance(side), percent)) if len(side) else 0.0 for side in (left, right))
    return float(np.log2((a + 0.002) / (b + 0.002)))


def clipped(face: NDArray[np.uint8]) -> float:
    """Share of the face with a colour at the end of its range (252 of 255): what is lost there no print brings back.

    It is not free of skin tone: the 95th percentile of clean portraits is 24 % for white, 13 % for African-American
    people; the limit lies above both (docs/norm.md), so a clean portrait passes either way.
    """
    red, green, blue = face.T  # an axis of three is slow to reduce
    return float((np.maximum(np.maximum(red, green), blue) >= 252).mean()) if len(face) else 0.0


def detail(scene: Scene) -> float:
    """How fine the finest edges of the face are: 99.5th percentile of fine over coarse gradient, least of 4 directions.

    From above the brows to below the lower lip, where every face has edges, smooth skin or not. The ratio does not
    depend on contrast or skin; a blur takes the fine gradient first, motion that of its direction. Calibrated on clean
    portraits and their blurred (σ 0.16 mm) and moved (1 mm) copies.
    """
    left, right = scene.mesh[:, 0].min(), scene.mesh[:, 0].max()
    x0, x1 = int(max(left, 0)), int(right)
    y0, y1 = int(max(scene.middle[1] - 0.45 * scene.eyes_apart, 0)), int(scene.mesh[BELOW_LIP, 1] + 5)
    patch = luma(scene.rgb[y0:y1, x0:x1])
    if min(patch.shape) < 16:
        return 0.0
    small = _quarter(patch)
    fine, coarse = (_steepest(*gradients(each)) for each in (patch, small))
    return float((fine / np.maximum(coarse, 1e-4)).min())


def _quarter(grey: Grey) -> Grey:
    """At a quarter of the size, each pixel the mean of its 4 × 4; what is left over at the end is left out."""
    height, width = grey.shape[0] // 4 * 4, grey.shape[1] // 4 * 4
    rows = np.add.reduceat(grey[:height], np.arange(0, height, 4), axis=0)
    columns = [rows[:, first:width:4] for first in range(4)]
    return np.asarray((columns[0] + columns[1] + columns[2] + columns[3]) / np.float32(16), np.float32)


def _steepest(right: NDArray[np.float32], down: NDArray[np.float32]) -> NDArray[np.float64]:
    """99.5th percentile of the gradient to the right, down and along the two diagonals."""
    diagonal = np.float32(np.sqrt(0.5))
    ways = (right, down, (right + down) * diagonal, (right - down) * diagonal)
    return np.array([np.percentile(np.abs(way), 99.5) for way in ways])
