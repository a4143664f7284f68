"""Planes of luma and chroma → sRGB, at any size, in Pillow's C; without it a frame would cost a third of a second."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hw.cabin import Rgb

Plane = NDArray[np.uint8]


def rgb(y: Plane, cb: Plane, cr: Plane, size: tuple[int, int], *, full_range: bool) -> Rgb:
    """Width × height of `size`. `full_range`: luma 0-255 as in JPEG and sYCC; else 16-235 (ITU-R BT.601)."""
    planes = [_fitted(plane, size) for plane in (y, cb, cr)]
    if not full_range:
        planes = [planes[0].point(_LUMA), planes[1].point(_CHROMA), planes[2].point(_CHROMA)]
    return np.asarray(Image.merge("YCbCr", planes).convert("RGB"))


def i420(data: Plane, width: int, height: int, stride: int, size: tuple[int, int], *, full_range: bool) -> Rgb:
    """Planar: luma, then both chroma planes of half the stride (libcamera's YUV420)."""
    luma, half = data[: stride * height].reshape(height, stride), stride // 2
    chroma = data[stride * height : stride * height + half * height].reshape(2, height // 2, half)[:, :, : width // 2]
    return rgb(luma[:, :width], chroma[0], chroma[1], size, full_range=full_range)


def nv12(data: Plane, width: int, height: int, stride: int, size: tuple[int, int], *, full_range: bool) -> Rgb:
    """Luma, then one plane of chroma pairs."""
    luma = data[: stride * height].reshape(height, stride)[:, :width]
    pairs = data[stride * height : stride * height * 3 // 2].reshape(height // 2, stride)[:, :width]
    return rgb(luma, pairs[:, 0::2], pairs[:, 1::2], size, full_range=full_range)


def yuyv(data: Plane, width: int, height: int, stride: int, size: tuple[int, int], *, full_range: bool) -> Rgb:
    """Luma and chroma interleaved, two pixels in four bytes."""
    rows = data[: stride * height].reshape(height, stride)[:, : width * 2]
    return rgb(rows[:, 0::2], rows[:, 1::4], rows[:, 3::4], size, full_range=full_range)


def _fitted(plane: Plane, size: tuple[int, int]) -> Image.Image:
    image = Image.fromarray(np.ascontiguousarray(plane))
    if image.size == size:
        return image
    return image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)


_LUMA = [min(255, max(0, round((value - 16) * 255 / 219))) for value in range(256)]
_CHROMA = [min(255, max(0, round((value - 128) * 255 / 224 + 128))) for value in range(256)]
