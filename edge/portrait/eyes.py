"""What lies over the eyes: glare, tint, glasses, red pupils. Pure; never decides."""

import numpy as np
from numpy.typing import NDArray

from .find import Scene
from .pixels import lab, luminance


def _grid(scene: Scene, eye: int, half_width: float, half_height: float) -> NDArray[np.float64]:
    """Points of an ellipse about an eye, half axes in E: n × 2 scene pixels."""
    side = np.array([-scene.up[1], scene.up[0]])
    u, v = np.meshgrid(np.linspace(-1, 1, 41), np.linspace(-1, 1, 27))
    keep = u**2 + v**2 <= 1
    e = scene.eyes_apart
    aside, down = u[keep, None] * half_width * e, v[keep, None] * half_height * e
    return np.asarray(scene.eyes[eye] + aside * side - down * scene.up)


def glare(scene: Scene) -> float:
    """Greater of the two lens regions' share of bright, colourless pixels (reflections cover what is behind them)."""
    shares = []
    for eye in (0, 1):
        colours = lab(scene.at(_grid(scene, eye, 0.32, 0.20)))
        skin = float(np.median(colours[:, 0]))
        bright = colours[:, 0] > max(82.0, min(skin + 12.0, 90.0))
        shares.append(float((bright & (np.hypot(colours[:, 1], colours[:, 2]) < 16)).mean()))
    return max(shares)


def tint(scene: Scene, cheeks: NDArray[np.uint8]) -> float:
    """Stops by which the skin about the eyes is darker than the cheeks: sockets a little, dark lenses much."""
    around = np.concatenate([scene.at(_grid(scene, eye, 0.30, 0.18)) for eye in (0, 1)])
    a, b = float(np.percentile(luminance(around), 75)), float(np.median(luminance(cheeks))) if len(cheeks) else 0.0
    return float(np.log2((b + 0.002) / (a + 0.002)))


def red_pupils(scene: Scene) -> float:
    """Greater of the two pupils' a* (65th percentile about its middle)."""
    reds = []
    for eye in (0, 1):
        colours = lab(scene.at(_grid(scene, eye, 0.035, 0.035)))
        reds.append(float(np.percentile(colours[:, 1], 65)))
    return max(reds)


def bridge(scene: Scene) -> float:
    """Glasses: the strongest edge down the nose's bridge between the eyes, against the lightness there."""
    side = np.array([-scene.up[1], scene.up[0]])
    e = scene.eyes_apart
    down = np.linspace(-0.14, 0.26, 41)
    columns = []
    for aside in np.linspace(-0.07, 0.07, 9):
        line = scene.middle + aside * e * side - down[:, None] * e * scene.up
        columns.append(lab(scene.at(line))[:, 0])
    profile = np.median(np.array(columns), axis=0)
    smooth = np.convolve(profile, np.ones(3) / 3, "valid")
    return float(np.abs(smooth[3:] - smooth[:-3]).max() / max(20.0, float(np.median(profile))))
