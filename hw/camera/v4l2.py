"""A USB camera of a counter or studio through V4L2 (linuxpy), in the camera process only.

One stream at the still's size; a frame is that picture made smaller. Exposure, white balance and focus stay the
camera's own: V4L2 says neither whether they have settled nor what a frame was exposed with.
"""

import errno
import io
import os
import select
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
from linuxpy.video.device import BufferFlag, ControlID, Device, PixelFormat, VideoCapture, set_control
from PIL import Image

from hw.cabin import DeviceError, DeviceFault, DeviceMissing, DeviceSilent, Rgb
from hw.camera import colour
from hw.camera.jpeg import opened, quality_of
from hw.camera.lock import Controls
from hw.camera.source import now_ns, small_size
from hw.settings import Picamera, V4l2

BUFFERS = 4
BEST_JPEG = 100  # V4L2_CID_JPEG_COMPRESSION_QUALITY
HERTZ_50 = 1  # V4L2_CID_POWER_LINE_FREQUENCY_50HZ, France's mains
FIXED_RATE = 0  # V4L2_CID_EXPOSURE_AUTO_PRIORITY: in dim light no frame lasts longer than `_began_ns` subtracts
FORMATS = (PixelFormat.MJPEG, PixelFormat.YUYV)
"""Compressed first: uncompressed, USB 2 carries a full picture only a few times a second."""


class _Exposure:
    metadata: Mapping[str, Any] = {}

    def __init__(self, data: memoryview, layout: Any, at_ns: int) -> None:
        self._data = data
        self._layout = layout
        self.at_ns = at_ns

    def quality(self) -> int | None:
        """DeviceFault where the frame is torn."""
        if self._layout.pixel_format != PixelFormat.MJPEG:
            return None
        with _whole():
            return quality_of(opened(bytes(self._data)))

    def small(self) -> Rgb:
        return self._read(small_size(self._layout.width, self._layout.height))

    def full(self) -> Rgb | bytes:
        """A compressed picture stays as it is: decoding it whole would cost more than judging it."""
        if self._layout.pixel_format == PixelFormat.MJPEG:
            return bytes(self._data)
        return self._read((self._layout.width, self._layout.height))

    def _read(self, size: tuple[int, int]) -> Rgb:
        """DeviceFault where the frame is torn."""
        layout = self._layout
        with _whole():
            if layout.pixel_format == PixelFormat.MJPEG:
                with Image.open(io.BytesIO(self._data)) as image:
                    image.draft("RGB", size)  # decodes at an eighth to the whole, never below `size`
                    return np.asarray(image.convert("RGB").resize(size, Image.Resampling.BILINEAR))
            data = np.frombuffer(self._data, np.uint8)
            return colour.yuyv(data, layout.width, layout.height, layout.bytes_per_line, size, full_range=False)


class V4l2Source:
    """A hw.camera.source.Source."""

    def __init__(self) -> None:
        self._device: Any = None
        self._capture: Any = None
        self._frame_ns = 0

    def open(self, settings: Picamera | V4l2) -> frozenset[str]:
        assert isinstance(settings, V4l2)
        self._device = Device(settings.device)
        try:
            with _named(settings.device):
                self._device.open()
                self._start(settings)
        except DeviceError:
            self.close()
            raise
        return frozenset()

    def _start(self, settings: V4l2) -> None:
        self._capture = VideoCapture(self._device, size=BUFFERS)
        width, height = settings.still_px
        offered = {found.pixel_format for found in self._capture.formats()}
        for wanted in FORMATS:
            if wanted in offered:
                self._capture.set_format(width, height, wanted.human_str())
                break
        got = self._capture.get_format()
        if (got.width, got.height) != settings.still_px or got.pixel_format not in FORMATS:
            raise DeviceFault(
                "camera",
                f"stills of {width} × {height} as MJPG or YUYV are configured, it gives {got.width} × {got.height}"
                f" {got.pixel_format.name}: set still_px to a size of `v4l2-ctl --list-formats-ext`",
            )
        for control, value in (
            (ControlID.POWER_LINE_FREQUENCY, HERTZ_50),
            (ControlID.JPEG_COMPRESSION_QUALITY, BEST_JPEG),
            (ControlID.EXPOSURE_AUTO_PRIORITY, FIXED_RATE),
        ):
            with suppress(OSError):  # not every camera has it
                set_control(self._device, control, value)
        self._frame_ns = int(1e9 / max(1.0, float(self._capture.get_fps())))
        self._capture.open()

    def set(self, controls: Controls) -> None:
        assert not controls, "it offers none"

    @contextmanager
    def exposure(self, *, within_s: float) -> Iterator[_Exposure]:
        """The next frame: those that waited in the driver's queue are old, and given back unseen."""
        until_s = time.monotonic() + within_s
        with _named(str(self._device.filename)):
            for _ in range(BUFFERS):
                if self._ready(0):
                    with self._capture.buffer.queue:
                        pass
            while self._ready(until_s - time.monotonic()):
                with self._capture.buffer.queue as buffer:
                    if BufferFlag.ERROR in BufferFlag(buffer.flags) or buffer.bytesused == 0:
                        continue
                    capture = self._capture.buffer
                    with memoryview(capture.buffers[buffer.index]) as whole, whole[: buffer.bytesused] as data:
                        yield _Exposure(data, capture.format, self._began_ns(buffer))
                    return
        raise DeviceSilent("camera", f"no frame for {within_s:g} s: check its USB cable")

    def _ready(self, within_s: float) -> bool:
        return bool(select.select([self._device], [], [], max(0.0, within_s))[0])

    def _began_ns(self, buffer: Any) -> int:
        """The driver's stamp is CLOCK_MONOTONIC at a frame's end, or its read-out: it began up to a frame earlier."""
        stamp_ns: int = buffer.timestamp.secs * 1_000_000_000 + buffer.timestamp.usecs * 1000
        return stamp_ns + now_ns() - time.monotonic_ns() - self._frame_ns

    def close(self) -> None:
        """An unplugged camera refuses every order, also these."""
        with suppress(OSError):
            if self._capture is not None:
                self._capture.close()
        with suppress(OSError):
            self._device.close()


@contextmanager
def _whole() -> Iterator[None]:
    try:
        yield
    except (OSError, SyntaxError, ValueError) as error:
        raise DeviceFault("camera", f"a frame came torn ({error}): check its USB cable") from error


@contextmanager
def _named(device: str) -> Iterator[None]:
    """The system's errors as those of a device, with what to do."""
    try:
        yield
    except OSError as error:
        match error.errno:
            case errno.ENOENT | errno.ENODEV | errno.ENXIO:
                raise DeviceMissing("camera", f"{device} is not there: plug it in, or see `booth devices`") from error
            case errno.EBUSY:
                raise DeviceFault("camera", f"{device} is used by another program: stop that") from error
            case errno.EACCES:
                raise DeviceFault("camera", f"{device} may not be opened: add this user to the group video") from error
            case errno.ENOTTY:
                why = f"{device} is no camera: name one of /dev/v4l/by-id/…, `booth devices` lists them"
                raise DeviceFault("camera", why) from error
            case number:
                why = f"{device} refuses ({os.strerror(number or 0)}): unplug it and plug it in again"
                raise DeviceFault("camera", why) from error
