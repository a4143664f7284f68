"""Crops and colours: the few picture operations the norm needs, on numpy arrays and Pillow's resampler.

Pure: no file is opened here. Must never change an array it was given.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from .threads import part_by_part

RGB = NDArray[np.uint8]  # H × W × 3, sRGB
Grey = NDArray[np.float32]  # H × W, 0…1
Points = NDArray[np.float64]  # n × 2 (x, y) or n × 3, pixels


@dataclass(frozen=True)
class Square:
    """A turned square in a picture: what a network is shown. Centre and side in pixels, angle in radians, clockwise."""

    x: float
    y: float
    side: float
    angle: float = 0.0

    def to_picture(self, points: Points) -> Points:
        """Points given in 0…1 of the square, in pixels of the picture (a third column is scaled by the side)."""
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        u, v = (points[:, 0] - 0.5) * self.side, (points[:, 1] - 0.5) * self.side
        out = points * self.side
        out[:, 0] = self.x + cos * u - sin * v
        out[:, 1] = self.y + sin * u + cos * v
        return out


def cut(
    picture: Image.Image, square: Square, size: int, *, mirrored: bool = False, quick: bool = False
) -> NDArray[np.float32]:
    """The square as size × size × 3 in 0…1, bilinear, black outside the picture; mirrored left to right if asked.

    `quick`: the mean of two picture pixels instead, in a third of the time; the mesh moves by 0.24 px (rms), less than
    by a step of 0.5 px aside.
    """
    cos, sin, step = np.cos(square.angle), np.sin(square.angle), square.side / size
    half = size / 2
    a, b, d, e = cos * step, -sin * step, sin * step, cos * step
    # Pillow samples at (x + 0.5); so the corner of the square, not the centre of its first pixel, is the offset
    c, f = square.x - a * half - b * half, square.y - d * half - e * half
    if mirrored:
        a, c, d, f = -a, c + a * size, -d, f + d * size
    affine = (float(a), float(b), float(c), float(d), float(e), float(f))
    if quick:
        return two_samples(picture, (size, size), affine)
    crop = picture.transform((size, size), Image.Transform.AFFINE, affine, Image.Resampling.BILINEAR)
    return np.asarray(crop, np.float32) * np.float32(1 / 255)


def stretched(picture: Image.Image, width: int, height: int) -> NDArray[np.float32]:
    """The whole picture as height × width × 3 in 0…1, quickly: the mean of two picture pixels each."""
    affine = (picture.width / width, 0.0, 0.0, 0.0, picture.height / height, 0.0)
    return two_samples(picture, (width, height), affine)


def two_samples(
    picture: Image.Image, size: tuple[int, int], affine: tuple[float, float, float, float, float, float]
) -> NDArray[np.float32]:
    """What Pillow's affine transform shows, in 0…1: of each pixel the nearest to its quarter and three quarters."""
    a, b, c, d, e, f = affine
    samples = [
        np.asarray(
            picture.transform(
                size,
                Image.Transform.AFFINE,
                (a, b, c + aside * (a + b), d, e, f + aside * (d + e)),
                Image.Resampling.NEAREST,
            )
        )
        for aside in (-0.25, 0.25)
    ]
    return np.asarray(np.add(*samples, dtype=np.float32) * np.float32(1 / 510), np.float32)


def reduced(rgb: RGB, shrink: int, box: tuple[int, int, int, int]) -> Image.Image:
    """The part x0, y0, x1, y1 of a picture at 1/shrink of its size, each pixel the mean of its block.

    Band by band, two at a time: Pillow's copy of a large part would cost more than its reduction.
    """
    x0, y0, x1, y1 = box
    rows = max(1, BAND_PX // shrink) * shrink
    if shrink == 1 or (x1 - x0) * (y1 - y0) <= SMALL_PX:
        whole = _part(rgb, box)
        return whole if shrink == 1 else whole.reduce(shrink)
    whole = Image.new("RGB", (-(-(x1 - x0) // shrink), -(-(y1 - y0) // shrink)), None)

    def lay(y: int) -> None:
        band = _part(rgb, (x0, y, x1, min(y1, y + rows)))
        whole.paste(band.reduce(shrink), (0, (y - y0) // shrink))

    part_by_part(lay, range(y0, y1, rows))
    return whole


def shrunk_by(picture: Image.Image, factor: float) -> Image.Image:
    """The picture at `factor` (below 1) of its size, the same on both axes, bilinear; two halves at a time."""
    width, height = max(1, round(picture.width * factor)), max(1, round(picture.height * factor))
    # what the size covers, to a fraction of a pixel
    right, bottom = min(width / factor, picture.width), min(height / factor, picture.height)
    out = Image.new("RGB", (width, height), None)

    def lay(rows: tuple[int, int]) -> None:
        box = (0.0, bottom * rows[0] / height, right, bottom * rows[1] / height)
        out.paste(picture.resize((width, rows[1] - rows[0]), Image.Resampling.BILINEAR, box=box), (0, rows[0]))

    part_by_part(lay, ((0, height // 2), (height // 2, height)))
    return out


def _part(rgb: RGB, box: tuple[int, int, int, int]) -> Image.Image:
    """The part x0, y0, x1, y1 of a picture, read where it lies: `fromarray` would copy it once more."""
    x0, y0, x1, y1 = box
    rows = np.ascontiguousarray(rgb[y0:y1]).reshape(-1)  # a view, of a picture laid out as usual
    out = Image.new("RGB", (x1 - x0, y1 - y0), None)
    out.frombytes(rows[x0 * 3 :].data, "raw", "RGB", rgb.shape[1] * 3, 1)
    return out


def luma(rgb: NDArray[np.uint8]) -> Grey:
    """Gamma luma 0…1 (Rec. 709 weights on the sRGB values as they are)."""
    return _weighed(rgb.astype(np.float32), _REC_709 / np.float32(255))


def linear(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """sRGB to linear light 0…1 (IEC 61966-2-1)."""
    return np.asarray(_LINEAR.take(rgb), np.float32)


def luminance(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Luminance 0…1 of linearised sRGB, as OFIQ measures it."""
    return _weighed(linear(rgb), _REC_709)


def _weighed(channels: NDArray[np.float32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """The sum of the three channels by weight. A matrix product rounds otherwise from one processor to the next, and on
    some by where a pixel lies: a plain wall would have edges."""
    out = channels[..., 0] * weights[0]
    out += channels[..., 1] * weights[1]
    out += channels[..., 2] * weights[2]
    return np.asarray(out, np.float32)


def lab(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """CIE L*a*b* (D65), last axis L* 0…100, a*, b*; to 0.01 (0.06 in the deepest shadow)."""
    steps = linear(rgb) @ _TO_XYZ_STEPS + np.float32(0.5)
    f = _LAB_CURVE.take(steps.astype(np.uint16))
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    out = np.empty(rgb.shape, np.float32)
    np.subtract(116 * y, 16, out=out[..., 0])
    np.multiply(500, x - y, out=out[..., 1])
    np.multiply(200, y - z, out=out[..., 2])
    return out


def gradients(grey: Grey) -> tuple[Grey, Grey]:
    """Sobel differences in x and y, in units of the grey values per pixel times 8; one pixel smaller on each side."""
    smooth_y = 2 * grey[1:-1]
    smooth_y += grey[:-2]
    smooth_y += grey[2:]
    smooth_x = 2 * grey[:, 1:-1]
    smooth_x += grey[:, :-2]
    smooth_x += grey[:, 2:]
    return smooth_y[:, 2:] - smooth_y[:, :-2], smooth_x[2:] - smooth_x[:-2]


def box_blur(grey: Grey, radius: int) -> Grey:
    """Mean over a square of 2 · radius + 1, edges repeated."""
    if radius < 1:
        return grey
    out = grey
    for axis in (0, 1):
        padded = np.pad(out, [(radius + 1, radius) if i == axis else (0, 0) for i in (0, 1)], mode="edge")
        total = np.cumsum(padded, axis=axis, dtype=np.float64)
        span = 2 * radius + 1
        ahead = np.take(total, range(span, total.shape[axis]), axis=axis)
        behind = np.take(total, range(total.shape[axis] - span), axis=axis)
        out = ((ahead - behind) / span).astype(np.float32)
    return out


def within(polygon: Points, rgb: RGB) -> RGB:
    """The pixels (n × 3) of a picture inside a polygon given in its pixels; only the polygon's box is looked at."""
    low = np.maximum(np.floor(polygon[:, :2].min(axis=0)).astype(int), 0)
    high = np.ceil(polygon[:, :2].max(axis=0)).astype(int) + 1
    box = rgb[low[1] : max(high[1], 0), low[0] : max(high[0], 0)]
    if not box.size:
        return np.empty((0, 3), np.uint8)
    mask = Image.new("L", (box.shape[1], box.shape[0]))
    ImageDraw.Draw(mask).polygon([(float(x - low[0]), float(y - low[1])) for x, y in polygon[:, :2]], fill=1)
    inside = np.flatnonzero(np.asarray(mask))
    return np.ascontiguousarray(box).reshape(-1, 3).take(inside, axis=0)


SMALL_PX = 2**20  # reduced in one go: a live frame needs no second thread
BAND_PX = 64  # rows of the picture that are reduced together
_REC_709 = np.array([0.2126, 0.7152, 0.0722], np.float32)
_LINEAR = np.where(
    np.arange(256) / 255 <= 0.04045, np.arange(256) / 255 / 12.92, ((np.arange(256) / 255 + 0.055) / 1.055) ** 2.4
).astype(np.float32)
# linear sRGB to X, Y, Z over those of white, in steps of the curve below
_TO_XYZ_STEPS = (
    np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    / np.array([[0.9505], [1.0], [1.089]])
    * 65535
).T.astype(np.float32)
_LAB_CURVE = np.where(
    np.arange(65536) / 65535 > 0.008856,
    np.cbrt(np.arange(65536) / 65535),
    7.787 * np.arange(65536) / 65535 + 16 / 116,
).astype(np.float32)
