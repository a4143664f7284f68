"""The background: uniform, light but not white, without a shadow. Pure; never decides."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .find import Scene
from .pixels import gradients, lab, luma, luminance, reduced, two_samples

STEP = 4  # the background is looked at on every fourth pixel of the scene, but for its gradient
BAND_PX = 128  # rows of the scene whose gradient is taken together, a multiple of BLOCK
RIM = 2  # steps about the person that are nobody's: soft hair, the mask's own doubt
LEAST, LEAST_SHARE = 100, 0.01  # steps of background, and share of the frame: less shows nothing of a wall
LEAST_BESIDE = 20  # steps of background on one side of the head
BLOCK = 16  # scene pixels: of so large a square edges are told from noise
APART = 4  # scene pixels along an edge: noise that far apart is another, also after a picture was reduced
CLOSE, APART_FROM, APART_TO = 0.06, 0.15, 0.35  # T from the person: where a narrow shadow falls; where it has ended
CLOSE_PERCENT, APART_PERCENT = 40, 60  # how much of that must be dark, and lit
HEAD = 0.2  # of the person mask: more is the person, hair's rim included
# OFIQ looks at 492 × 406 of its aligned picture (616², eyes 113 px apart about 307.5, 272) at 354 × 292
OFIQ_SIZE = 354, 292
OFIQ_EYES_APART, OFIQ_MIDDLE = 113 * 354 / 492, np.array([307.5 - 62, 272]) * 354 / 492


@dataclass(frozen=True, eq=False)
class Ground:
    """What the frame shows in L*a*b* (every fourth pixel of the scene) and where in it the background lies."""

    colours: NDArray[np.float32]  # h × w × 3
    mask: NDArray[np.bool_]  # h × w
    corner: tuple[int, int]  # x, y of the frame's corner in steps of `STEP` scene pixels

    @cached_property
    def seen(self) -> NDArray[np.float32]:
        """The background's colours, n × 3."""
        return self.colours[self.mask]

    @cached_property
    def mean(self) -> tuple[float, float, float]:
        """Mean L*, a*, b*."""
        lightness, red, blue = (float(each) for each in self.seen.mean(axis=0))
        return lightness, red, blue


def ground(scene: Scene, frame: tuple[float, float, float, float]) -> Ground | None:
    """The background inside the frame (x0 y0 x1 y1 in scene pixels); None where next to none is left.

    Wide hair leaves little of a wall: 1.4 % of the frame still told a striped one from a plain one.
    """
    if scene.person is None:
        return None
    height, width = (each // STEP for each in scene.rgb.shape[:2])
    if min(height, width) < 8:
        return None
    x0, y0, x1, y1 = (round(max(0.0, each) / STEP) for each in frame)
    x1, y1 = min(x1, width), min(y1, height)
    # a rim more on every side: hair just outside the frame widens into it
    left, top, right, bottom = max(0, x0 - RIM), max(0, y0 - RIM), min(width, x1 + RIM), min(height, y1 + RIM)
    if x1 - x0 < 8 or y1 - y0 < 8:
        return None
    box = (STEP * left, STEP * top, STEP * right, STEP * bottom)
    small = np.asarray(reduced(scene.rgb, STEP, box))
    person = Image.fromarray(scene.person[box[1] : box[3], box[0] : box[2]]).reduce(STEP)
    mask = ~_widened(np.asarray(person) > HEAD)
    inside = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
    mask = mask[inside]
    if np.count_nonzero(mask) < max(LEAST, LEAST_SHARE * mask.size):
        return None
    return Ground(lab(np.ascontiguousarray(small[inside])), mask, (x0, y0))


def _widened(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask grown by `RIM` pixels on every side."""
    for each in (mask, mask.T):
        grown = each.copy()
        for by in range(1, RIM + 1):
            grown[by:] |= each[:-by]
            grown[:-by] |= each[by:]
        each[:] = grown
    return mask


def gradient(scene: Scene, ground: Ground) -> float:
    """Sobel steps of gamma luma (0…255) that go on along an edge, over the background inside the frame, full scale.

    Each step times the one `APART` pixels on along its edge: of noise, which knows no edges, that is nothing in the
    mean, so that a grainy sensor's plain wall is one. The root of the mean in each block, the mean over the blocks, so
    that hair which the mask forgot in a few of them counts for little.
    OFIQ's is `ofiq_gradient`: it looks at linear light, where a dark wall's stripes hardly count, and at 0.68 of this
    scale, where fine ones are gone. Calibrated on clean portraits and made stripes (docs/norm.md).
    """
    # the scene's rim is left out: a difference needs a pixel on every side
    height, width = scene.rgb.shape[:2]
    (left, top), (rows, columns) = ground.corner, ground.mask.shape
    y0, y1 = max(1, STEP * top), min(height - 1, STEP * (top + rows)) - APART
    x0, x1 = max(1, STEP * left), min(width - 1, STEP * (left + columns))
    total, weight = 0.0, 0.0
    for y in range(y0, y1, BAND_PX):  # band by band: what lies between stays in the processor's cache
        bottom = min(y + BAND_PX, y1)
        gx, gy = gradients(luma(scene.rgb[y - 1 : bottom + APART + 1, x0 - 1 : x1 + 1]))
        inner = ground.mask[np.arange(y, bottom + APART) // STEP - top][:, np.arange(x0, x1) // STEP - left]
        both = inner[:-APART, :-APART] & inner[APART:, :-APART] & inner[:-APART, APART:]
        edges = gx[:-APART, :-APART] * gx[APART:, :-APART]
        edges += gy[:-APART, :-APART] * gy[:-APART, APART:]
        edges *= both
        counts = _by_block(both)
        seen = counts >= BLOCK * BLOCK / 4
        steps = np.sqrt(np.maximum(_by_block(edges)[seen] * counts[seen], 0))  # each block weighs as it is large
        total += float(steps.sum(dtype=np.float64))
        weight += float(counts[seen].sum(dtype=np.float64))
    return 255 * total / weight if weight else 0.0


def _by_block(each: NDArray[Any]) -> NDArray[np.float32]:
    """Sums over squares of `BLOCK`, what is left over at the right and below in smaller ones."""
    starts = [np.arange(0, length, BLOCK) for length in each.shape]
    rows = np.add.reduceat(each, starts[0], axis=0, dtype=np.float32)
    return np.asarray(np.add.reduceat(rows, starts[1], axis=1, dtype=np.float32))


def patch(ground: Ground) -> float:
    """ΔE (CIE76) that a tenth of the background lies from its median colour: something else is seen, or half a wall.

    On 139 clean portraits 0.7 at the 95th percentile, 13 and 48 where the person mask forgets hair; a strip of the
    frame's left fifth in beige, grey or white 15 to 19, dark green 61. Real plain walls fall off by up to 13.
    """
    seen = ground.seen
    return float(np.percentile(np.sqrt(np.square(seen - np.median(seen, axis=0)).sum(axis=1)), 90))


def ofiq_gradient(scene: Scene) -> float | None:
    """OFIQ: mean Scharr magnitude of linear luminance (0…255) over the background, eyes level and 81 px apart.

    Turned and scaled by the eyes alone (OFIQ: by five points), outside the widened person mask (OFIQ: its face
    parsing, eroded by 4). None where nothing is left.
    """
    if scene.person is None:
        return None
    right = np.array([-scene.up[1], scene.up[0]]) * scene.eyes_apart / OFIQ_EYES_APART
    (a, d), (x, y) = right, scene.middle - OFIQ_MIDDLE @ np.array([right, [-right[1], right[0]]])
    affine = (float(a), float(-d), float(x), float(d), float(a), float(y))
    shown = two_samples(Image.fromarray(scene.rgb), OFIQ_SIZE, affine)
    person = Image.fromarray(scene.person).transform(
        OFIQ_SIZE,
        Image.Transform.AFFINE,
        affine,
        fillcolor=1.0,  # what lies outside the picture is nobody's wall
    )
    behind = ~_widened(np.asarray(person) > 0.5)[1:-1, 1:-1]
    if not behind.any():
        return None
    levels = np.rint(255 * luminance((255 * shown + 0.5).astype(np.uint8)))
    smooth_y = 10 * levels[1:-1] + 3 * (levels[:-2] + levels[2:])
    smooth_x = 10 * levels[:, 1:-1] + 3 * (levels[:, :-2] + levels[:, 2:])
    across, down = smooth_y[:, 2:] - smooth_y[:, :-2], smooth_x[2:] - smooth_x[:-2]
    return float(np.sqrt(across * across + down * down)[behind].mean(dtype=np.float64))


def shadow(scene: Scene, ground: Ground) -> float:
    """L* by which the wall beside the head falls below the wall's lit part: the greatest of four falls, at least 0.

    On each side of the head the 25th percentile, since a shadow covers only a part, against the 85th of the whole wall.
    And where a hard light casts a narrow one: the wall close to the person against that a little farther away on the
    same side, by which a wall that darkens slowly has none. Calibrated on clean portraits and made shadows 50 levels
    deep, soft and wide or along the head's outline (bench/norm_defects.py).
    """
    low, high = (end / STEP - ground.corner for end in (scene.mesh[:, :2].min(axis=0), scene.mesh[:, :2].max(axis=0)))
    rows, columns = (np.arange(n) for n in ground.mask.shape)
    tall, quarter, middle = high[1] - low[1], (high[0] - low[0]) / 4, (low[0] + high[0]) / 2
    lightness = ground.colours[..., 0]
    lit = float(np.percentile(lightness[ground.mask], 85))
    beside = ((rows > low[1] - tall / 3) & (rows < high[1]))[:, None] & ground.mask
    falls = [
        lit - float(np.percentile(dark, 25))
        for side in (columns < low[0], columns > high[0])
        if (dark := lightness[beside & side]).size > LEAST_BESIDE
    ]
    within = _within(~ground.mask, [share * scene.eye_to_chin / STEP for share in (CLOSE, APART_FROM, APART_TO)])
    above_chin = (rows < high[1])[:, None]
    close, apart = within[0] & ground.mask & above_chin, within[2] & ~within[1] & above_chin
    for side in (columns < middle - quarter, columns > middle + quarter):
        dark, light = lightness[close & side], lightness[apart & side]
        if min(dark.size, light.size) > LEAST_BESIDE:
            falls.append(float(np.percentile(light, APART_PERCENT) - np.percentile(dark, CLOSE_PERCENT)))
    return max(falls, default=0.0)


def _within(mask: NDArray[np.bool_], reaches: Sequence[float]) -> list[NDArray[np.bool_]]:
    """What lies within each of these ascending distances of the mask, in its pixels: `RIM` at least, in steps of it."""
    grown, by, out = mask, 0, []
    for reach in reaches:
        while by < max(1, round(reach / RIM)):
            grown, by = _widened(grown.copy()), by + 1
        out.append(grown)
    return out
