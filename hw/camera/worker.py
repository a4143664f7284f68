"""The camera process: holds the camera's library, answers the booth, and says that frames come.

One thread: whatever hangs in the library hangs here, is heard by the booth as silence, and is killed. It must never
read a picture that was not asked for, and dies with the booth.
"""

import ctypes
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Literal

import msgspec
import numpy as np

from hw.cabin import DeviceError, DeviceFault, DeviceSilent, Rgb
from hw.camera import messages
from hw.camera.jpeg import QUALITY_LEAST, upright
from hw.camera.lock import Lock, running
from hw.camera.messages import Done, Look, Open, Picture, Seen, Shoot
from hw.camera.source import Exposure, Source
from hw.settings import Picamera, V4l2

SEEN_S = 0.5
"""So often a frame is awaited while nobody asks for one, and told."""
FRAME_S = 1.0
"""Without a frame for so long the camera is frozen: libcamera itself says nothing but a log line."""
PR_SET_PDEATHSIG = 1  # linux/prctl.h
Choose = Callable[[Picamera | V4l2], Source]


def serve(line: socket.socket, choose: Choose) -> None:
    """Answers until the booth is gone."""
    camera = _Camera(line, choose)
    line.settimeout(SEEN_S)
    with suppress(ConnectionError):  # the booth is gone: so is this process
        while True:
            try:
                data = line.recv(messages.LARGEST)
            except TimeoutError:
                camera.watch()
                continue
            if not data:
                return
            camera.answer(msgspec.msgpack.decode(data, type=messages.Asked))


class _Camera:
    def __init__(self, line: socket.socket, choose: Choose) -> None:
        self._line = line
        self._choose = choose
        self._source: Source | None = None
        self._settings: Picamera | V4l2
        self._offered: frozenset[str] = frozenset()
        self._told_s = 0.0
        self._tried = False

    def watch(self) -> None:
        """Nobody asks: sees that frames still come, and looks at none."""
        if self._source is None:
            return
        try:
            with self._source.exposure(within_s=FRAME_S) as exposure:
                self._seen(exposure)
        except DeviceError as error:
            messages.send(self._line, messages.failed(None, error))

    def answer(self, asked: messages.Asked) -> None:
        try:
            match asked:
                case Open():
                    self._open(asked.camera)
                    messages.send(self._line, Done(asked.id))
                case Look():
                    self._look(asked)
                case Shoot():
                    self._shoot(asked)
        except DeviceError as error:
            messages.send(self._line, messages.failed(asked.id, error))

    def _open(self, settings: Picamera | V4l2) -> None:
        if self._source is not None:
            self._source.close()
            self._source = None
        source = self._choose(settings)
        offered = source.open(settings)
        try:
            source.set(running(offered, settings))
        except ValueError as error:
            source.close()
            raise DeviceFault("camera", str(error)) from error
        self._source, self._settings, self._offered, self._tried = source, settings, offered, False

    def _look(self, asked: Look) -> None:
        with self._opened().exposure(within_s=FRAME_S) as exposure:
            self._seen(exposure)  # before its picture is made, which takes a slow processor its time
            self._give(asked.id, exposure, exposure.small())

    def _shoot(self, asked: Shoot) -> None:
        """Frame after frame, until one that began after the shutter was exposed with what was held for it."""
        source, lock = self._opened(), Lock(self._offered, self._settings)
        until_s = time.monotonic() + asked.within_s
        shot = False
        while not shot and time.monotonic() < until_s:
            with source.exposure(within_s=FRAME_S) as exposure:
                self._seen(exposure)
                if exposure.at_ns <= asked.after_ns:
                    lock.why = "frames come late"
                elif shot := lock.kept(exposure.metadata):
                    self._give(asked.id, exposure, exposure.full())
                elif controls := lock.feed(exposure.metadata):
                    source.set(controls)
        source.set(running(self._offered, self._settings))
        if not shot:
            raise DeviceSilent("camera", f"no shot within {asked.within_s:g} s: {lock.why}")

    def _opened(self) -> Source:
        if self._source is None:
            raise DeviceSilent("camera", "is not open")
        return self._source

    def _give(self, number: int, exposure: Exposure, picture: Rgb | bytes) -> None:
        """Upright, and copied once, into memory that goes to the booth. DeviceFault where a JPEG came torn."""
        form: Literal["rgb", "jpeg"] = "rgb"
        if isinstance(picture, bytes):
            form = "jpeg"
            try:
                jpeg, height, width = upright(picture, self._settings.rotation)
            except ValueError as error:
                raise DeviceFault("camera", f"a picture came torn ({error}): check its cable") from error
            source = np.frombuffer(jpeg, np.uint8)
        else:
            source = np.rot90(picture, -self._settings.rotation // 90)
            height, width = source.shape[:2]
        facts = exposure.metadata
        said = Picture(
            number, height, width, exposure.at_ns, form, facts.get("ExposureTime"), facts.get("AnalogueGain")
        )
        fd = messages.picture_file(source.size, lambda target: np.copyto(target.reshape(source.shape), source))
        try:
            messages.send(self._line, said, fd)
        finally:
            os.close(fd)

    def _seen(self, exposure: Exposure) -> None:
        """A camera's first frame says how much it compresses: too much is a fault now, not a refusal of each shot that
        somebody paid for."""
        if not self._tried:
            if (quality := exposure.quality()) is not None and quality < QUALITY_LEAST:
                raise DeviceFault(
                    "camera",
                    f"it compresses its pictures to JPEG quality {quality}, the norm asks for {QUALITY_LEAST}: "
                    "raise it (`v4l2-ctl --list-ctrls`), or take a smaller still_px or another camera",
                )
            self._tried = True
        if time.monotonic() - self._told_s >= SEEN_S / 2:
            self._told_s = time.monotonic()
            messages.send(self._line, Seen(exposure.at_ns))


def choose(settings: Picamera | V4l2) -> Source:
    """The library that the configuration names; only that one is imported. DeviceFault if it is not installed."""
    try:
        if isinstance(settings, Picamera):
            from hw.camera.picamera import PicameraSource

            return PicameraSource()
        from hw.camera.v4l2 import V4l2Source

        return V4l2Source()
    except ImportError as error:
        package = "python3-picamera2" if isinstance(settings, Picamera) else "linuxpy"
        raise DeviceFault("camera", f"{package} cannot be imported ({error}): install it") from error


def main(choose: Choose) -> None:
    """`… FD PID`: the line's file descriptor, and the booth's process, with which this one ends."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is for the booth, which ends this one
    if os.getppid() != int(sys.argv[2]):
        return  # the booth ended before it could be followed
    # not closed by an exception: the booth, which takes that for the end, would kill it before its traceback is out
    serve(socket.socket(fileno=int(sys.argv[1])), choose)


if __name__ == "__main__":
    main(choose)
