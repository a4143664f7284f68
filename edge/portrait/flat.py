"""The face laid flat: its light, colour and texture on a fixed grid over the mesh, the same places on every face.

The grid reaches from the brows to just below the chin; hair that falls on the forehead is nobody's fault. Pure; never
decides.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .pixels import RGB, Points, linear

SIDE = 48  # of the grid: about 4 pixels of the scene a step
STEPS_OF_E = 40  # a step of the reduced picture is so small a part of the distance of the eyes
MOST = 4.0  # stops from the face's own median that are told apart
EYE_CORNERS = ((33, 133), (263, 362))
DARKEST = np.float32(0.004)  # added before a logarithm


@dataclass(frozen=True, eq=False)
class Grid:
    """Where the grid lies on a mesh: of each place the points near it (n × 8) and how they weigh (n × 8)."""

    near: NDArray[np.int64]
    weights: NDArray[np.float64]
    inside: NDArray[np.bool_]  # SIDE × SIDE: within the face's outline or next to it

    def on(self, mesh: Points) -> Points:
        """The grid's places on this mesh: n × 2, row by row."""
        return np.stack([np.einsum("nk,nk->n", self.weights, mesh[:, axis][self.near]) for axis in (0, 1)], axis=1)


def flat(rgb: RGB, mesh: Points, grid: Grid) -> NDArray[np.float32]:
    """4 × SIDE × SIDE: lightness, red over green, green over blue, steps from pixel to pixel, each in stops.

    All against the face's own median, so that neither skin tone nor light shows; 0 outside the face.
    """
    right, left = (mesh[list(corners), :2].mean(axis=0) for corners in EYE_CORNERS)
    step = max(1, round(float(np.hypot(*(left - right))) / STEPS_OF_E))
    places = grid.on(mesh)
    size = np.array([rgb.shape[1], rgb.shape[0]])
    x0, y0 = np.clip(np.floor(places.min(axis=0)).astype(int), 0, size - 8)
    x1, y1 = np.clip(np.ceil(places.max(axis=0)).astype(int) + 1, (x0 + 8, y0 + 8), size)
    part = Image.fromarray(np.ascontiguousarray(rgb[y0:y1, x0:x1]))
    light = linear(np.asarray(part.reduce(step)))
    texture = np.asarray(_steps(part).reduce(step), np.float32) / np.float32(255)
    last = np.array([light.shape[1], light.shape[0]]) - 1
    x, y = np.clip(((places - (x0, y0)) / step).astype(int), 0, last).T
    red, green, blue = np.log2(light[y, x] + DARKEST).T
    maps = np.stack([(red + green + blue) / 3, red - green, green - blue, np.log2(texture[y, x] + DARKEST)])
    own = np.median(maps[:, grid.inside.ravel()], axis=1, keepdims=True)
    return np.asarray(np.clip(maps - own, -MOST, MOST).reshape(-1, SIDE, SIDE) * grid.inside, np.float32)


def _steps(part: Image.Image) -> Image.Image:
    """How much each pixel's grey differs from its neighbours' to the left and above."""
    grey = np.asarray(part.convert("L"))
    steps = np.zeros(grey.shape, np.uint16)
    left, above = grey[:, :-1], grey[:-1]
    steps[:, 1:] += np.maximum(grey[:, 1:], left) - np.minimum(grey[:, 1:], left)
    steps[1:] += np.maximum(grey[1:], above) - np.minimum(grey[1:], above)
    return Image.fromarray(np.minimum(steps, 255).astype(np.uint8))
