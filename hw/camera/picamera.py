"""A Pi's camera module through picamera2, in the camera process only.

One configuration for frames and stills: switching modes costs part of a second and exhausts a Pi 4's contiguous memory.
No call without `wait`; what hangs all the same (stop, close) is left to the booth, which kills this process.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from libcamera import ColorSpace
from numpy.typing import NDArray
from picamera2 import MappedArray, Picamera2

from hw.cabin import DeviceFault, DeviceMissing, DeviceSilent, Rgb
from hw.camera import colour
from hw.camera.lock import Controls
from hw.camera.source import small_size
from hw.settings import Picamera, V4l2

BUFFERS = 2
"""Of each stream; an IMX477's still of 37 MB is the reason for no more."""


class _Exposure:
    def __init__(self, request: Any) -> None:
        self._request = request
        self.metadata: dict[str, Any] = request.get_metadata()
        # the stamp is that of the first line's read-out: its exposure began as much earlier as it lasted
        self.at_ns = int(self.metadata["SensorTimestamp"]) - 1000 * int(self.metadata.get("ExposureTime", 0))

    def quality(self) -> int | None:
        return None

    def small(self) -> Rgb:
        return self._read("lores", small_size(*self._request.config["main"]["size"]))

    def full(self) -> Rgb:
        return self._read("main", self._request.config["main"]["size"])

    def _read(self, name: str, size: tuple[int, int]) -> Rgb:
        stream = self._request.config[name]
        (width, height), stride = stream["size"], stream["stride"]
        with MappedArray(self._request, name, reshape=False, write=False) as mapped:
            data: NDArray[np.uint8] = (
                mapped.array
            )  # stays mapped, and synchronised for reading, until the request is released
            if stream["format"] == "BGR888":  # which lies in memory as R, G, B
                return data[: stride * height].reshape(height, stride)[:, : 3 * width].reshape(height, width, 3)
            planes = colour.nv12 if stream["format"] == "NV12" else colour.i420
            full_range = self._request.config["colour_space"].range == ColorSpace.Range.Full
            return planes(data, width, height, stride, size, full_range=full_range)


class PicameraSource:
    """A hw.camera.source.Source."""

    def __init__(self) -> None:
        self._camera: Any = None

    def open(self, settings: Picamera | V4l2) -> frozenset[str]:
        assert isinstance(settings, Picamera)
        number = _number(settings.model)
        try:
            self._camera = Picamera2(number)
        except (RuntimeError, IndexError) as error:
            raise DeviceFault("camera", f"does not open ({error}): does another program use it?") from error
        try:
            self._start(settings)
        except (RuntimeError, OSError) as error:
            self.close()
            raise DeviceFault("camera", f"does not start ({error})") from error
        except DeviceFault:
            self.close()
            raise
        return frozenset(self._camera.camera_controls)

    def _start(self, settings: Picamera) -> None:
        configuration = self._camera.create_still_configuration(
            main={"size": settings.still_px, "format": "BGR888"},
            lores={"size": small_size(*settings.still_px), "format": "YUV420"},
            raw=None,
            buffer_count=BUFFERS,
            queue=False,  # a frame that waits in a queue is an old frame, and holds one of two buffers
        )
        self._camera.configure(configuration)
        main = self._camera.camera_configuration()["main"]
        if main["size"] != settings.still_px or main["format"] not in ("BGR888", "NV12", "YUV420"):
            wanted, got = "{} × {}".format(*settings.still_px), "{} × {} {}".format(*main["size"], main["format"])
            raise DeviceFault("camera", f"stills of {wanted} are configured, it gives {got}: set still_px to that")
        self._camera.start()

    def set(self, controls: Controls) -> None:
        if controls:
            self._camera.set_controls(controls)

    @contextmanager
    def exposure(self, *, within_s: float) -> Iterator[_Exposure]:
        try:
            request = self._camera.capture_request(wait=within_s)
        except TimeoutError:
            self._camera.cancel_all_and_flush()  # else the job would take a later frame and keep it
            raise DeviceSilent("camera", f"no frame for {within_s:g} s: check its ribbon cable") from None
        try:
            yield _Exposure(request)
        finally:
            request.release()

    def close(self) -> None:
        self._camera.close()


def _number(model: str | None) -> int:
    """Of the configured model, or of the first camera. DeviceMissing where there is none."""
    found = [(info["Num"], info["Model"]) for info in Picamera2.global_camera_info()]
    for number, its_model in found:
        if model in (None, its_model):
            return int(number)
    if found:
        raise DeviceMissing("camera", f"no {model} found, but {', '.join(name for _, name in found)}")
    raise DeviceMissing("camera", "no camera found: check its ribbon cable, then `rpicam-hello --list-cameras`")
