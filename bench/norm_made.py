"""Pictures made for the norm's benches and the demo: real portraits laid on a plain background, and defects of them.

The background is laid behind the head by the person mask, refined along the picture's own edges. Never part of a booth.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from edge.portrait.find import find
from edge.portrait.networks import Networks
from edge.portrait.pixels import RGB, Grey, box_blur, luma

LIGHT_GREY = (203, 206, 208)
LIGHT_BLUE = (186, 205, 222)


@dataclass(frozen=True, eq=False)
class Cutout:
    """A person cut out of a picture: colours (H × W × 3, float 0…255), alpha 0…1, eye middle and T in pixels."""

    colours: np.ndarray  # type: ignore[type-arg]
    alpha: Grey
    middle: tuple[float, float]
    eye_to_chin: float


def cut_person(rgb: RGB, networks: Networks) -> Cutout | None:
    """The person of the largest face, None where no face is found."""
    scene = find(rgb, networks)
    if scene is None or scene.person is None:
        return None
    x0, y0 = (round(each) for each in scene.origin)
    region = rgb[y0 : y0 + round(scene.rgb.shape[0] / scene.scale), x0 : x0 + round(scene.rgb.shape[1] / scene.scale)]
    size = (region.shape[1], region.shape[0])
    rough = np.asarray(Image.fromarray(scene.person).resize(size, Image.Resampling.BICUBIC), np.float32)
    alpha = _along_edges(luma(region), rough, max(2, round(4 / scene.scale)))
    alpha = np.clip((alpha - 0.45) / 0.45, 0, 1)
    middle = scene.to_picture(scene.middle.copy())
    colours = _spread_inwards(region.astype(np.float32), alpha)
    return Cutout(colours, alpha, (float(middle[0]) - x0, float(middle[1]) - y0), scene.eye_to_chin / scene.scale)


def lay(person: Cutout, colour: tuple[int, int, int] = LIGHT_GREY, *, above: float = 1.9, seed: int = 0) -> RGB:
    """The person on a plain wall with faint sensor noise; `above`: room over the eyes in eye-to-chin distances.

    The sides end where the picture's did, so that no shoulder is cut off in the air.
    """
    height, width = person.alpha.shape
    top = max(0, round(above * person.eye_to_chin - person.middle[1]))
    wall = np.empty((height + top, width, 3), np.float32)
    # a lit wall is a little brighter in the middle
    y, x = np.mgrid[0 : height + top, 0:width].astype(np.float32)
    fall = 1 - 0.03 * (((x / width - 0.5) * 2) ** 2 + ((y / (height + top) - 0.4) * 2) ** 2) / 2
    wall[:] = np.array(colour, np.float32) * fall[..., None]
    alpha = person.alpha[..., None]
    wall[top:] = wall[top:] * (1 - alpha) + person.colours * alpha
    noise = np.random.default_rng(seed).normal(0, 1.0, wall.shape[:2]).astype(np.float32)
    return np.asarray(np.clip(wall + noise[..., None] + 0.5, 0, 255).astype(np.uint8))


def _along_edges(guide: Grey, rough: Grey, radius: int) -> Grey:
    """Guided filter (He 2013): the rough mask drawn to the edges of the picture."""
    mean_g, mean_m = box_blur(guide, radius), box_blur(rough, radius)
    slope = (box_blur(guide * rough, radius) - mean_g * mean_m) / (
        box_blur(guide * guide, radius) - mean_g * mean_g + 4e-4
    )
    offset = mean_m - slope * mean_g
    return box_blur(slope, radius) * guide + box_blur(offset, radius)


def _spread_inwards(colours: np.ndarray, alpha: Grey) -> np.ndarray:  # type: ignore[type-arg]
    """Takes the old background's colour out of the soft rim: there the colour is that of the sure person nearby."""
    sure = (alpha > 0.97).astype(np.float32)
    radius = 9
    weight = box_blur(sure, radius) + np.float32(1e-4)
    near = np.stack([box_blur(colours[..., c] * sure, radius) / weight for c in range(3)], axis=-1)
    keep = np.clip((alpha - 0.6) / 0.37, 0, 1)[..., None]
    return colours * keep + near * (1 - keep)
