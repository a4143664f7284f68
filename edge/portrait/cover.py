"""What covers the face: hands, objects, masks. Pure; never decides."""

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from .find import Scene
from .flat import Grid, flat
from .pixels import luma

# mesh: what of a face has edges in everyone: the lower lip and the line between the lips, the nose's base, the lids of
# the person's right eye, of the left
FEATURES = (
    (13, 14, 17, 81, 82, 84, 87, 88, 91, 146, 178, 181, 311, 312, 314, 317, 318, 321, 375, 402, 405),
    (2, 20, 64, 94, 97, 98, 99, 129, 141, 240, 250, 294, 326, 327, 328, 358, 370, 460),
    (7, 33, 133, 144, 145, 153, 154, 155, 157, 158, 159, 160, 161, 163, 173, 246),
    (249, 263, 362, 373, 374, 380, 381, 382, 384, 385, 386, 387, 388, 390, 398, 466),
)
# log2 of their contrast in people who give no cause: medians by bench/norm_train.py
USUAL = np.array([-3.94, -4.22, -3.36, -3.36])
PATCH = np.stack(np.meshgrid(np.arange(-3, 4), np.arange(-3, 4)), axis=-1).reshape(-1, 2) * 0.01  # in E


Layers = tuple[tuple[NDArray[np.float32], NDArray[np.float32]], ...]
"""Weights and offsets of three convolutions and two dense layers."""
LAYERS = 5


@dataclass(frozen=True, eq=False)
class Net:
    """Small networks on the face laid flat, trained alike from other starts: their mean counts."""

    grid: Grid
    members: tuple[Layers, ...]  # by bench/norm_cover_train.py


def read_net(npz: bytes) -> Net:
    """Out of the bytes of cover.npz."""
    with np.load(BytesIO(npz)) as own:
        grid = Grid(own["near"].astype(np.int64), own["weights"].astype(np.float64), own["inside"])
        numbers = range(sum(name.endswith("_weight0") for name in own.files))
        members = [
            tuple(
                (own[f"{member}_weight{n}"].astype(np.float32), own[f"{member}_offset{n}"].astype(np.float32))
                for n in range(LAYERS)
            )
            for member in numbers
        ]
    return Net(grid, tuple(members))


def covered(scene: Scene, net: Net) -> float:
    """Log odds that something lies before the face between brows and chin: a hand, a card, a scarf, hair, a phone.

    Two networks of 48,000 weights on the face laid flat, trained on 322 people and on what was laid before them by
    chance (bench/norm_cover.py). Their beards, glasses, teeth and light are no covers. Of people left out 236 of 239
    clean portraits lie below 3.5; what hides a cheek, the chin or an eye, and made hands, lie above nineteen times of
    twenty.
    """
    return score(flat(scene.rgb, scene.mesh, net.grid), net)


def score(maps: NDArray[np.float32], net: Net) -> float:
    """What the networks make of one face laid flat and of its mirror image: the mean of their log odds."""
    ways = maps, maps[:, :, ::-1]
    return sum(_answer(way, layers) for layers in net.members for way in ways) / (len(ways) * len(net.members))


def _answer(maps: NDArray[np.float32], layers: Layers) -> float:
    *convolutions, inner, outer = layers
    for weight, offset in convolutions:
        maps = np.maximum(_convolved(maps, weight) + offset[:, None, None], 0)
    inside = np.maximum(inner[0] @ maps.ravel() + inner[1], 0)
    return float((outer[0] @ inside + outer[1])[0])


def _convolved(maps: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each second place of the maps (in × H × W) under the kernels (out × in × k × k), 0 beyond the rim."""
    size = weight.shape[-1]
    padded = np.pad(maps, ((0, 0), *((size // 2, size // 2),) * 2))
    windows = sliding_window_view(padded, (size, size), axis=(1, 2))[:, ::2, ::2]
    return np.asarray(np.tensordot(weight, windows, axes=((1, 2, 3), (0, 3, 4))), np.float32)


def contrasts(scene: Scene) -> NDArray[np.float64]:
    """Log2 of the contrast of each of `FEATURES`: 40th percentile over its points of luma's spread around each."""
    points = scene.mesh[[point for feature in FEATURES for point in feature], :2]
    around = points[:, None] + scene.eyes_apart * PATCH
    spread = luma(scene.at(around.reshape(-1, 2))).reshape(len(points), -1).std(axis=1)
    ends = np.cumsum([len(feature) for feature in FEATURES])[:-1]
    return np.array([np.percentile(np.log2(own + 0.002), 40) for own in np.split(spread, ends)])


def faintest_feature(scene: Scene) -> float:
    """How much less contrast mouth, nose or an eye has than the three others, each against its usual one, in stops.

    What hides one of them, of whatever colour, has seldom as many edges; blur, haze and light take from all alike.
    Calibrated on clean portraits (99.5th percentile 1.3, heads half turned away up to 1.9) and shaded ovals of the
    skin's own colour that hide one feature wholly, 2.2 and more.
    """
    seen = contrasts(scene) - USUAL
    return float(min(own - np.delete(seen, feature).mean() for feature, own in enumerate(seen)))
