"""The small networks (Apache-2.0, see docs/norm.md), each as one call: picture in, points or mask out.

Conventions are those of the models' own pipeline. Must never read a file: the models come as bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .pixels import Grey, Points, Square, cut, stretched

NAMES = (
    "face_detection_short_range", "face_landmark", "iris_landmark", "selfie_segmentation",
    "selfie_segmentation_landscape",
)  # fmt: skip
SURE = 0.5  # a face's score: 322 of 322 portraits are found at it
DOUBTFUL = (
    0.1  # of second faces 0.2 times as large as the first 82 % reach it, 60 % reach 0.2; 0.46 places a portrait do
)


@dataclass(frozen=True, eq=False)
class Detected:
    """One face of the detector, in pixels: box (x0, y0, x1, y1), six points (eyes, nose, mouth, ears), score 0…1."""

    box: tuple[float, float, float, float]
    points: Points
    score: float

    @property
    def area(self) -> float:
        """Of the box, in square pixels."""
        return (self.box[2] - self.box[0]) * (self.box[3] - self.box[1])


def _anchors() -> Points:
    rows = []
    for grid, each in ((16, 2), (8, 6)):
        y, x = np.mgrid[0:grid, 0:grid]
        centres = np.stack([(x + 0.5) / grid, (y + 0.5) / grid], axis=-1).reshape(-1, 2)
        rows.append(np.repeat(centres, each, axis=0))
    return np.concatenate(rows)


class Network:
    """One model, ready to run on `threads` threads."""

    def __init__(self, model: bytes, threads: int) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._run = Interpreter(model_content=model, num_threads=threads)
        self._run.allocate_tensors()
        self._in: int = self._run.get_input_details()[0]["index"]
        self._out: dict[str, int] = {each["name"]: each["index"] for each in self._run.get_output_details()}

    def __call__(self, crop: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """The outputs by name for one H × W × 3 crop."""
        self._run.set_tensor(self._in, crop[np.newaxis])
        self._run.invoke()
        return {name: self._run.get_tensor(index) for name, index in self._out.items()}


class Networks:
    """All networks of one judge. Not to be used from two threads at once."""

    def __init__(self, models: Mapping[str, bytes], threads: int = 1) -> None:
        absent = [name for name in NAMES if name not in models]
        if absent:
            raise ValueError(f"face models missing: {', '.join(absent)}; run provisioning/fetch_models.py")
        self._detector, self._mesh, self._iris, self._selfie, self._wide_selfie = (
            Network(models[name], threads) for name in NAMES
        )
        self._anchors = _anchors()

    def faces(self, picture: Image.Image) -> tuple[list[Detected], list[Detected]]:
        """The faces in a picture, largest first; and what might be one, likeliest first."""
        side = float(max(picture.size))
        square = Square(picture.width / 2, picture.height / 2, side)
        shown = picture if side <= 256 else picture.reduce(max(1, int(side // 256)))
        inner = Square(shown.width / 2, shown.height / 2, float(max(shown.size)))
        out = self._detector(cut(shown, inner, 128) * np.float32(2) - np.float32(1))
        raw = out["classificators"][0, :, 0]
        likely = np.flatnonzero(raw > np.log(DOUBTFUL / (1 - DOUBTFUL)))
        found: list[tuple[float, Points]] = []
        for index in likely[np.argsort(-raw[likely], kind="stable")]:
            numbers = out["regressors"][0, index].astype(np.float64) / 128
            centre = self._anchors[index] + numbers[:2]
            corners = np.array([centre - numbers[2:4] / 2, centre + numbers[2:4] / 2])
            points = np.concatenate([corners, self._anchors[index] + numbers[4:].reshape(6, 2)])
            found.append((float(1 / (1 + np.exp(-raw[index]))), points))
        sure, doubtful = (
            [_pixels(group, square) for group in _groups([each for each in found if (each[0] > SURE) == is_sure])]
            for is_sure in (True, False)
        )
        return sorted(sure, key=lambda face: -face.area), doubtful

    def mesh(self, picture: Image.Image, square: Square, *, quick: bool = False) -> tuple[Points, float]:
        """468 points (x, y, z in pixels; z grows away from the camera) and the probability that a face is there."""
        out = self._mesh(cut(picture, square, 192, quick=quick))
        points = out["conv2d_21"].reshape(468, 3).astype(np.float64) / 192
        return square.to_picture(points), float(1 / (1 + np.exp(-out["conv2d_31"].reshape(-1)[0])))

    def iris(self, picture: Image.Image, square: Square, *, right: bool) -> tuple[Points, Points]:
        """Five iris points (centre first) and 71 of the eye and brow, in pixels. `right` is the person's right eye."""
        out = self._iris(cut(picture, square, 64, mirrored=right))
        both = []
        for name in ("output_iris", "output_eyes_contours_and_brows"):
            points = out[name].reshape(-1, 3).astype(np.float64)[:, :2] / 64
            if right:
                points[:, 0] = 1 - points[:, 0]
            both.append(square.to_picture(points))
        return both[0], both[1]

    def person(self, picture: Image.Image) -> Grey:
        """The probability of `person` over the whole picture, 256 × 256 whatever its shape."""
        shown = picture.resize((256, 256), Image.Resampling.BILINEAR, reducing_gap=2.0)
        out: Any = self._selfie(np.asarray(shown, np.float32) * np.float32(1 / 255))
        return np.asarray(out["activation_10"][0, :, :, 0], np.float32)

    def person_in_frame(self, frame: Image.Image) -> Grey:
        """As `person`, for a wide live frame, in half the time: 144 × 256, the crown's mask within 0.4 mm of it."""
        out = self._wide_selfie(stretched(frame.reduce(2), 256, 144))
        return np.asarray(out["segment_back"][0, :, :, 0], np.float32)


def _groups(found: list[tuple[float, Points]]) -> list[tuple[float, Points]]:
    """Overlapping detections become their mean, weighted by score (found is sorted, best first)."""
    groups: list[list[tuple[float, Points]]] = []
    for score, points in found:
        for group in groups:
            if _overlap(group[0][1], points) > 0.3:
                group.append((score, points))
                break
        else:
            groups.append([(score, points)])
    out = []
    for group in groups:
        weights = np.array([score for score, _ in group])
        out.append((group[0][0], np.tensordot(weights / weights.sum(), np.stack([p for _, p in group]), 1)))
    return out


def _overlap(a: Points, b: Points) -> float:
    """Intersection over union of the boxes in the first two rows."""
    low, high = np.maximum(a[0], b[0]), np.minimum(a[1], b[1])
    common = float(np.prod(np.maximum(high - low, 0)))
    return common / (float(np.prod(a[1] - a[0])) + float(np.prod(b[1] - b[0])) - common)


def _pixels(face: tuple[float, Points], square: Square) -> Detected:
    score, points = face
    pixels = square.to_picture(points)
    (x0, y0), (x1, y1) = pixels[0], pixels[1]
    return Detected((float(x0), float(y0), float(x1), float(y1)), pixels[2:], score)
