"""What a camera's library must give to the camera process; one module for each library, and a playing one in hw.sim."""

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from hw.cabin import Rgb
from hw.camera.lock import Controls
from hw.settings import Picamera, V4l2

SMALL = (640, 480)
"""Width and height into which a frame of the small stream fits, in the still's own shape (hw.cabin.Frame)."""


class Exposure(Protocol):
    """One frame of the stream; its pictures are read only if somebody asks, and only while it is held."""

    @property
    def at_ns(self) -> int:
        """CLOCK_BOOTTIME at which its exposure began, or earlier: never later."""

    @property
    def metadata(self) -> Mapping[str, Any]:
        """By libcamera's names; empty where the library gives none."""

    def quality(self) -> int | None:
        """Of the JPEG that the camera made; None where it makes none. Decodes nothing."""

    def small(self) -> Rgb: ...

    def full(self) -> Rgb | bytes:
        """As an array, or as the JPEG that the camera made of it."""


class Source(Protocol):
    """A camera that streams from `open` to `close`. Its calls may hang: the process that holds it is killed then."""

    def open(self, settings: Picamera | V4l2) -> frozenset[str]:
        """The names of the controls it offers. DeviceMissing, DeviceFault."""

    def set(self, controls: Controls) -> None: ...

    def exposure(self, *, within_s: float) -> AbstractContextManager[Exposure]:
        """The next frame. DeviceSilent where none comes, DeviceMissing where the camera is gone."""

    def close(self) -> None: ...


def small_size(width: int, height: int) -> tuple[int, int]:
    """Width and height, even, of the small stream beside stills of this size: lores is squeezed if shapes differ."""
    scale = min(SMALL[0] / width, SMALL[1] / height, 1)
    return max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)


def now_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
