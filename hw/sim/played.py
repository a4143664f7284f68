"""The camera process with a camera that plays pictures and fails in every way that a real one does.

`python -m hw.sim.played SCRIPT FD PID` serves the booth like hw.camera.worker. The script is a JSON file that a bench
replaces; it is read at every frame. With no pictures a still's first pixels are the time of its exposure.
"""

import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
from PIL import Image, ImageOps

from hw.cabin import DeviceMissing, DeviceSilent, Rgb
from hw.camera import worker
from hw.camera.lock import Controls
from hw.camera.source import SMALL, now_ns
from hw.settings import Picamera, V4l2
from hw.sim.camera import compressed

FRAME_NS = 100_000_000
IN_FLIGHT_NS = 150_000_000
"""From a frame's exposure until it can be had: at the shutter one is always under way that is too old."""


class Script(msgspec.Struct, frozen=True):
    pictures: list[str] = []
    """Played one for each still, then the last for ever."""
    turn: int = 0
    """A new number begins them anew."""
    fault: Literal["", "missing", "frozen", "hung", "hung in open", "dead", "wrong size"] = ""
    late_s: float = 0.0
    quality: int | None = None
    """Stills are JPEGs of it, as a USB camera's."""
    torn: bool = False
    """These JPEGs end in their midst."""


class _Exposure:
    def __init__(self, full: Rgb, at_ns: int, script: Script) -> None:
        self._full = full
        self._script = script
        self.at_ns = at_ns
        self.metadata: Mapping[str, Any] = {"ExposureTime": 10_000, "AnalogueGain": 1.0}
        self.taken = False

    def quality(self) -> int | None:
        return self._script.quality

    def small(self) -> Rgb:
        padded = ImageOps.pad(Image.fromarray(self._full), SMALL, Image.Resampling.BOX, color=(190, 190, 190))
        return np.asarray(padded)

    def full(self) -> Rgb | bytes:
        self.taken = True
        if self._script.quality is None:
            return self._full
        jpeg = compressed(self._full, self._script.quality)
        return jpeg[: len(jpeg) // 2] if self._script.torn else jpeg


class Played:
    """A hw.camera.source.Source that follows its script."""

    def __init__(self, script: Path) -> None:
        self._path = script
        self._turn = -1
        self._at = 0
        self._last_ns = 0
        self._size = (0, 0)
        self._loaded: tuple[str, Rgb] | None = None

    def open(self, settings: Picamera | V4l2) -> frozenset[str]:
        script = self._obey()
        if script.fault == "hung in open":
            _hang()
        self._size = settings.still_px
        return frozenset()

    def set(self, controls: Controls) -> None:
        assert not controls, "it offers none"

    def close(self) -> None:
        pass

    @contextmanager
    def exposure(self, *, within_s: float) -> Iterator[_Exposure]:
        at_ns = max(self._last_ns + FRAME_NS, now_ns() - IN_FLIGHT_NS)
        _sleep_until(at_ns + IN_FLIGHT_NS)
        script = self._obey()
        if script.fault == "frozen":
            time.sleep(within_s)
            raise DeviceSilent("camera", f"no frame for {within_s:g} s")
        if script.fault == "hung":
            _hang()
        self._last_ns = at_ns
        at_ns -= int(script.late_s * 1e9)
        exposure = _Exposure(self._picture(script, at_ns), at_ns, script)
        yield exposure
        if exposure.taken:
            self._at += 1

    def _obey(self) -> Script:
        script = msgspec.json.decode(self._path.read_bytes(), type=Script)
        if script.fault == "dead":
            os.kill(os.getpid(), signal.SIGKILL)
        if script.fault == "missing":
            raise DeviceMissing("camera", "no camera found: check its cable")
        if script.turn != self._turn:
            self._turn, self._at = script.turn, 0
        return script

    def _picture(self, script: Script, at_ns: int) -> Rgb:
        if script.pictures:
            path = script.pictures[min(self._at, len(script.pictures) - 1)]
            if self._loaded is None or self._loaded[0] != path:
                with Image.open(path) as image:
                    self._loaded = path, np.asarray(image.convert("RGB"))
            rgb = self._loaded[1]
        else:
            width, height = self._size
            rgb = np.full((height, width, 3), 120, np.uint8)
            rgb.reshape(-1)[:8] = np.frombuffer(at_ns.to_bytes(8, "little"), np.uint8)
        return rgb[::2, ::2] if script.fault == "wrong size" else rgb


def exposed_ns(rgb: Rgb) -> int:
    """What the pixels of a still without pictures say of the time of its exposure."""
    return int.from_bytes(np.ascontiguousarray(rgb).reshape(-1)[:8].tobytes(), "little")


def write(path: Path, script: Script) -> None:
    """Replaces the script whole: a camera never reads half of one."""
    fresh = path.with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode(script))
    fresh.replace(path)


def _sleep_until(at_ns: int) -> None:
    time.sleep(max(0, at_ns - now_ns()) / 1e9)


def _hang() -> None:
    """For ever, as a call into a driver does whose cable was pulled."""
    while True:
        signal.pause()


if __name__ == "__main__":
    path = Path(sys.argv.pop(1))
    worker.main(lambda settings: Played(path))
