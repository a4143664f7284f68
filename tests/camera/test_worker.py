"""The camera process from inside: what it reads, and what it never reads."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest

from hw.camera import colour, messages
from hw.camera.messages import Done, Look, Open, Picture, Seen, Shoot, picture_file
from hw.camera.source import now_ns, small_size
from hw.camera.worker import serve
from hw.settings import Picamera


class Watched:
    """A source that tells which pictures were read."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def open(self, settings: Picamera) -> frozenset[str]:
        return frozenset()

    def set(self, controls: dict) -> None: ...

    def close(self) -> None: ...

    @contextmanager
    def exposure(self, *, within_s: float) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(at_ns=now_ns(), metadata={}, quality=lambda: None, small=self._small, full=self._full)

    def _small(self) -> np.ndarray:
        self.read.append("small")
        return np.zeros((480, 640, 3), np.uint8)

    def _full(self) -> np.ndarray:
        self.read.append("full")
        return np.zeros((600, 800, 3), np.uint8)


@contextmanager
def served(source: Watched) -> Iterator[socket.socket]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    serving = threading.Thread(target=serve, args=(theirs, lambda settings: source))
    serving.start()
    try:
        yield ours
    finally:
        ours.close()
        serving.join()
        theirs.close()


def said(line: socket.socket) -> messages.Said:
    data, fds, _, _ = socket.recv_fds(line, messages.LARGEST, 1)
    assert len(fds) <= 1
    return msgspec.msgpack.decode(data, type=messages.Said)


def test_while_nobody_asks_frames_are_told_and_none_is_looked_at() -> None:
    source = Watched()
    with served(source) as line:
        messages.send(line, Open(1, Picamera()))
        assert said(line) == Done(1)
        for _ in range(3):
            assert isinstance(said(line), Seen)
        assert source.read == []
        messages.send(line, Look(2))
        while not isinstance(said(line), Picture):
            pass
        assert source.read == ["small"]
        messages.send(line, Shoot(3, now_ns(), 2.0))
        while not isinstance(said(line), Picture):
            pass
        assert source.read == ["small", "full"]


def test_nobody_can_change_a_picture_that_was_given() -> None:
    import mmap
    import os

    fd = picture_file(12, lambda target: target.fill(7))
    for attempt in (
        lambda: mmap.mmap(fd, 12, mmap.MAP_SHARED, mmap.PROT_WRITE),
        lambda: os.pwrite(fd, b"x", 0),
        lambda: os.ftruncate(fd, 0),
    ):
        with pytest.raises(PermissionError):
            attempt()
    rgb = messages.picture(Picture(1, 2, 2, 0), fd)
    os.close(fd)
    assert rgb.tolist() == [[[7, 7, 7]] * 2] * 2


def test_a_picture_that_is_shorter_than_it_says_is_refused() -> None:
    with pytest.raises(ValueError, match="12 bytes"):
        messages.picture(Picture(1, 2, 3, 0), picture_file(12, lambda target: None))


@pytest.mark.parametrize(
    ("size", "small"), [((4056, 3040), (640, 480)), ((4608, 2592), (640, 360)), ((480, 640), (360, 480))]
)
def test_the_small_stream_keeps_the_stills_shape(size: tuple[int, int], small: tuple[int, int]) -> None:
    assert small_size(*size) == small


@pytest.mark.parametrize("full_range", [True, False])
@pytest.mark.parametrize("layout", ["i420", "nv12", "yuyv"])
@pytest.mark.parametrize("rgb", [(200, 90, 30), (20, 130, 240), (255, 255, 255), (0, 0, 0)])
def test_planes_become_the_colours_they_are(layout: str, rgb: tuple[int, int, int], full_range: bool) -> None:
    """ITU-R BT.601, written out here by itself."""
    red, green, blue = rgb
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    chroma = (blue - luma) / 1.772, (red - luma) / 1.402
    y = luma if full_range else 16 + luma * 219 / 255
    cb, cr = (round(128 + c * (1 if full_range else 224 / 255)) for c in chroma)
    y = round(y)
    width, height, stride = 8, 4, 16
    chroma_rows = {"i420": [cb] * 16 + [cr] * 16, "nv12": [cb, cr] * 16}
    if layout == "yuyv":
        data = np.array([y, cb, y, cr] * (stride // 4 * height), np.uint8)
    else:
        data = np.array([y] * stride * height + chroma_rows[layout], np.uint8)
    got = getattr(colour, layout)(data, width, height, stride, (width, height), full_range=full_range)
    assert got.shape == (height, width, 3)
    assert np.abs(got.astype(int) - rgb).max() <= 3
