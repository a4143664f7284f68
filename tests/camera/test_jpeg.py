"""A camera's JPEG as it is handed on: whole, padded, broken, turned; and V4L2's, which is not decoded for a still."""

import io

import numpy as np
import pytest
from linuxpy.video.device import PixelFormat
from PIL import Image

from edge.picture import read_picture
from hw.camera.jpeg import END, START, upright
from hw.camera.v4l2 import _Exposure
from hw.sim.camera import compressed

WIDTH, HEIGHT = 320, 240
PICTURE = np.random.default_rng(3).integers(0, 256, (HEIGHT // 8, WIDTH // 8, 3), np.uint8).repeat(8, 0).repeat(8, 1)
JPEG = compressed(PICTURE, 90)


class Layout:
    width, height = WIDTH, HEIGHT
    pixel_format = PixelFormat.MJPEG


def without_huffman_tables(jpeg: bytes) -> bytes:
    """As many USB cameras send it: a reader has to know the usual tables (ITU-T T.81, annex K)."""
    while (at := jpeg.find(b"\xff\xc4")) >= 0:
        jpeg = jpeg[:at] + jpeg[at + 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big") :]
    return jpeg


def test_what_a_driver_pads_it_with_is_cut_off() -> None:
    assert upright(JPEG + bytes(500), 0) == (JPEG, HEIGHT, WIDTH)


@pytest.mark.parametrize(
    "broken",
    [b"", START, START + END, JPEG[:-2], JPEG[2:], JPEG + b"more", b"GIF89a" + JPEG, JPEG[:300] + END],
    ids=["nothing", "a start", "a start and an end", "no end", "no start", "more behind", "another's", "half a header"],
)
def test_what_is_no_whole_jpeg_is_refused(broken: bytes) -> None:
    with pytest.raises(ValueError):
        upright(broken, 0)


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_its_size_is_told_as_it_is_once_turned(rotation: int) -> None:
    jpeg, height, width = upright(JPEG, rotation)
    assert read_picture(jpeg).shape == (height, width, 3)
    assert np.array_equal(read_picture(jpeg), np.rot90(read_picture(JPEG), -rotation // 90))


@pytest.mark.parametrize("tables", [True, False], ids=["with tables", "without Huffman tables"])
def test_a_usb_cameras_jpeg_is_a_still_as_it_came_and_a_frame_decoded(tables: bool) -> None:
    data = JPEG if tables else without_huffman_tables(JPEG)
    exposure = _Exposure(memoryview(data), Layout, 0)
    still = exposure.full()
    assert still == data
    assert np.array_equal(read_picture(upright(data, 0)[0]), np.asarray(Image.open(io.BytesIO(JPEG))))
    assert exposure.quality() == 90
    assert exposure.small().shape == (HEIGHT, WIDTH, 3)
