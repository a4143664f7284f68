"""Shut and half shut eyes made in real portraits: the person's own lid skin drawn over the eye. Never part of a booth.

Three ways, so that a measure fitted on two can be tried on the third: the upper lid's skin stretched down with its own
lashes; the skin below the eye mirrored up to it; the lid filled between the skin above and below. Colours stay those of
the person; glasses, where worn, are drawn along with the skin.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from edge.portrait.find import Scene
from edge.portrait.pixels import RGB

Floats = NDArray[np.float64]
WAYS = ("stretched", "mirrored", "filled")


def shut(scene: Scene, rgb: RGB, share: float, way: str, seed: int) -> RGB:
    """Both eyes shut by this share of their opening (1: wholly), in a picture of which `scene` was found.

    `rgb` is the whole picture. The lash line, the lid's shading and its place vary by `seed`.
    """
    dice = np.random.default_rng(seed)
    out = rgb.copy()
    lashes = (float(dice.uniform(0.25, 0.6)), float(dice.uniform(0.012, 0.03)))  # depth, thickness in eye widths
    place, bulge = float(dice.uniform(-0.01, 0.04)), float(dice.uniform(-0.05, 0.08))
    for lids in scene.lids:
        _one_eye(out, scene.to_picture(lids[:16].copy()), share, way, (*lashes, place, bulge), dice)
    return out


def _one_eye(
    out: RGB, lids: Floats, share: float, way: str, look: tuple[float, float, float, float], dice: np.random.Generator
) -> None:
    left, right = (lids[0], lids[8]) if lids[0, 0] < lids[8, 0] else (lids[8], lids[0])
    width = float(np.hypot(*(right - left)))
    along = (right - left) / width
    down = np.array([-along[1], along[0]])

    def curve(points: Floats) -> Callable[[Floats], Floats]:
        u, v = (points - left) @ along / width, (points - left) @ down / width
        order = np.argsort(u)
        at, height = np.concatenate([[0], u[order], [1]]), np.concatenate([[0], v[order], [0]])
        return lambda where: np.interp(where, at, height)

    upper, lower = curve(lids[9:16]), curve(lids[1:8])
    x0, y0 = np.floor(left - np.array([0.1, 0.75]) * width).astype(int)
    x1, y1 = np.ceil(right + np.array([0.1, 0.75]) * width).astype(int)
    x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1, out.shape[1]), min(y1, out.shape[0])
    y, x = np.mgrid[y0:y1, x0:x1].astype(np.float64)
    u = ((x - left[0]) * along[0] + (y - left[1]) * along[1]) / width
    v = ((x - left[0]) * down[0] + (y - left[1]) * down[1]) / width
    depth, thick, place, bulge = look
    top, bottom = upper(u), lower(u)
    opening = np.maximum(bottom - top, 0)
    fade = np.clip(opening / 0.06, 0, 1)
    line = top + share * opening + (share * place) * fade  # where the lid ends now
    moved = line - top
    reach, lash = 0.32, 0.05  # eye widths over the lid that give way; of the lashes, which move as they are
    hinge = top - reach

    def source(v_from: Floats) -> Floats:
        px = left[0] + u * width * along[0] + v_from * width * down[0]
        py = left[1] + u * width * along[1] + v_from * width * down[1]
        return _bilinear(out, px, py)

    stretch = (reach - lash) / (reach - lash + moved)
    from_above = np.where(v < line - lash, hinge + (v - hinge) * stretch, v - moved)
    above = source(np.where((v > hinge) & (v < line + 0.3), from_above, v))
    covered = np.clip((line - v) / 0.02 + 0.5, 0, 1) * np.clip((v - hinge) / 0.01, 0, 1)
    covered = np.where((u > -0.05) & (u < 1.05) & (moved > 1e-3), covered, 0)
    own = source(v)
    lid = above
    if way != "stretched":
        skin_above, skin_below = source(np.full_like(v, 0) + top - 0.16), source(bottom + 0.12)
        if way == "mirrored":
            inner = source(bottom + 0.06 + np.clip(line - v, 0, None) * 0.6)
        else:
            mix = np.clip((v - top + 0.16) / (line - top + 0.28), 0, 1)[..., None]
            inner = skin_above * (1 - mix) + skin_below * mix
            inner = _soft(inner, max(1.0, 0.03 * width))
        # only what the eye was and its lash line: above, the skin stays as it is
        into = np.clip((v - (top - 0.09)) / 0.05, 0, 1)[..., None]
        lid = above * (1 - into) + inner * into
        at_line = np.exp(-(((v - line + thick) / thick) ** 2)) * np.clip(fade, 0, 1)
        lid = lid * (1 - depth * at_line[..., None])
    shade = 1 + bulge * np.clip(1 - np.abs(v - line + 0.12) / 0.15, 0, 1) * fade
    lid = lid * shade[..., None] + dice.normal(0, 1.5, v.shape)[..., None] * fade[..., None]
    mixed = own * (1 - covered[..., None]) + lid * covered[..., None]
    out[y0:y1, x0:x1] = np.clip(mixed + 0.5, 0, 255).astype(np.uint8)


def _bilinear(rgb: RGB, x: Floats, y: Floats) -> Floats:
    x, y = np.clip(x, 0, rgb.shape[1] - 1.001), np.clip(y, 0, rgb.shape[0] - 1.001)
    x0, y0 = x.astype(int), y.astype(int)
    fx, fy = (x - x0)[..., None], (y - y0)[..., None]
    rows = [rgb[y0 + i, x0] * (1 - fx) + rgb[y0 + i, x0 + 1] * fx for i in (0, 1)]
    return np.asarray(rows[0] * (1 - fy) + rows[1] * fy)


def _soft(colours: Floats, sigma: float) -> Floats:
    image = Image.fromarray(np.clip(colours, 0, 255).astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(sigma)), np.float64)
