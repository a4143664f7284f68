"""What lies over the eyes: glare, tint, glasses, red pupils. Pure; never decides."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from .find import Scene
from .pixels import lab, luminance


def _disc() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points of the unit disc, on 27 rows of 41: to the right, down (n × 1 each)."""
    u, v = np.meshgrid(np.linspace(-1, 1, 41), np.linspace(-1, 1, 27))
    keep = u**2 + v**2 <= 1
    return u[keep, None], v[keep, None]


_DISC = _disc()
BRIGHTEST_SKIN = 93.0  # L*: what is brighter may be a reflection on the brightest face too, which may be grey


def _grid(scene: Scene, eye: int, half_width: float, half_height: float) -> NDArray[np.float64]:
    """Points of an ellipse about an eye, half axes in E: n × 2 scene pixels."""
    side = np.array([-scene.up[1], scene.up[0]])
    e = scene.eyes_apart
    aside, down = (axis * half * e for axis, half in zip(_DISC, (half_width, half_height), strict=True))
    return np.asarray(scene.eyes[eye] + aside * side - down * scene.up)


def glare(scene: Scene, cheeks: NDArray[np.uint8]) -> float:
    """Greater of the two lens regions' share of bright, colourless pixels (reflections cover what is behind them).

    Brighter than the cheeks' bright end as well: in strong light lids and the bridge of the nose are bright and pale
    without any glasses, on fair skin before on dark. Calibrated on clean portraits (99.5th percentile, and half a stop
    brighter: the few told then are too bright by `exposure` as well) and discs of light laid over their eyes, 0.15 E
    and more in radius (bench/norm_defects.py): real glare is rare among the 322.
    """
    own = min(float(np.percentile(lab(cheeks)[:, 0], 90)) + 4.0, BRIGHTEST_SKIN) if len(cheeks) else 82.0
    shares = []
    for eye in (0, 1):
        colours = lab(scene.at(_grid(scene, eye, 0.32, 0.20)))
        skin = float(np.median(colours[:, 0]))
        bright = colours[:, 0] > max(82.0, min(skin + 12.0, 90.0), own)
        shares.append(float((bright & (np.hypot(colours[:, 1], colours[:, 2]) < 16)).mean()))
    return max(shares)


def tint(scene: Scene, cheeks: NDArray[np.uint8]) -> float:
    """Stops by which the skin about the eyes is darker than the cheeks: sockets a little, dark lenses much.

    Calibrated on clean portraits and made lenses 3 stops dark; the one tinted pair among 322 portraits has 3.0.
    """
    around = np.concatenate([scene.at(_grid(scene, eye, 0.30, 0.18)) for eye in (0, 1)])
    a, b = float(np.percentile(luminance(around), 75)), float(np.median(luminance(cheeks))) if len(cheeks) else 0.0
    return float(np.log2((b + 0.002) / (a + 0.002)))


def red_pupils(scene: Scene) -> float:
    """Greater of the two pupils' a* (65th percentile about its middle).

    Calibrated on portraits, whose brown eyes reach 20 (28 in other people's warm or unsharp pictures), and made red
    pupils, which have 38 and more.
    """
    reds = []
    for eye in (0, 1):
        colours = lab(scene.at(_grid(scene, eye, 0.035, 0.035)))
        reds.append(float(np.percentile(colours[:, 1], 65)))
    return max(reds)


# Where frames of glasses lie, in E from the eyes' middle: to the picture's right (from, to), down (from, to), whether
# the edge looked for is a level one. The bridge, its two sides; then of each eye lower rim, temple arm and outer rim.
FRAME_EDGES = (
    (-0.07, 0.07, -0.14, 0.26, True), (-0.16, -0.08, -0.14, 0.26, True), (0.08, 0.16, -0.14, 0.26, True),
    (-0.62, -0.38, 0.16, 0.5, True), (-0.98, -0.84, -0.25, 0.3, True), (-1.05, -0.74, -0.05, 0.2, False),
    (0.38, 0.62, 0.16, 0.5, True), (0.84, 0.98, -0.25, 0.3, True), (0.74, 1.05, -0.05, 0.2, False),
)  # fmt: skip
EDGE_STEP = 0.01  # E between two samples across an edge: about a pixel of the scene


@cache
def _edge_grids() -> tuple[tuple[NDArray[np.float64], ...], tuple[NDArray[np.float64], ...]]:
    """Where `FRAME_EDGES` are looked at: of each its places to the right and down, as grids in E."""
    grids = []
    for left, right, top, bottom, level in FRAME_EDGES:
        across, along = (bottom - top, right - left) if level else (right - left, bottom - top)
        steps, places = round(across / EDGE_STEP) + 1, round(along / EDGE_STEP / 2) + 1
        grids.append(
            np.meshgrid(
                np.linspace(left, right, places if level else steps),
                np.linspace(top, bottom, steps if level else places),
            )
        )
    return tuple(grid[0] for grid in grids), tuple(grid[1] for grid in grids)


def frame_edges(scene: Scene) -> NDArray[np.float64]:
    """Log of the strongest edge in each of `FRAME_EDGES`, against the lightness there: 9 numbers, 0.02 added.

    Along the edge the median counts, so that a wrinkle or a lash does not.
    """
    side = np.array([-scene.up[1], scene.up[0]])
    grids = _edge_grids()
    u, v = (np.concatenate([each.ravel() for each in grid])[:, None] for grid in grids)
    lightness = lab(scene.at(scene.middle + scene.eyes_apart * (u * side - v * scene.up)))[:, 0]
    ends = np.cumsum([grid.size for grid in grids[0]])[:-1]
    found = []
    for (*_, level), grid, own in zip(FRAME_EDGES, grids[0], np.split(lightness, ends), strict=True):
        profile = np.median(own.reshape(grid.shape), axis=1 if level else 0)
        smooth = np.convolve(profile, np.ones(3) / 3, "valid")
        found.append(float(np.abs(smooth[3:] - smooth[:-3]).max()) / max(20.0, float(np.median(profile))))
    return np.log(np.array(found) + 0.02)


def glasses(scene: Scene, fit: NDArray[np.float64]) -> float:
    """Log odds that glasses are worn: a logistic fit of `frame_edges` (offset, 9 weights) on 322 labelled people."""
    return float(fit[0] + frame_edges(scene) @ fit[1:])
