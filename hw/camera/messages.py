"""What the booth and its camera process say to each other: one message a datagram, a picture as a sealed memory file.

A picture's memory has no name and belongs to whoever holds it open, so nothing of it is left when both are gone,
however they ended. It must never pass through a file or a pipe.
"""

import fcntl
import mmap
import os
import socket
from collections.abc import Callable
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from hw.cabin import DeviceError, DeviceFault, DeviceMissing, DeviceSilent, Rgb
from hw.settings import Picamera, V4l2

LARGEST = 65_536
"""Bytes of a message; the texts in it are short."""
SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL


# --- the booth asks ----------------------------------------------------------------------------------------------


class Open(msgspec.Struct, tag=True, frozen=True):
    """Opens the camera; one that is open is closed first. Answered by Done."""

    id: int
    camera: Picamera | V4l2


class Look(msgspec.Struct, tag=True, frozen=True):
    """The next frame of the small stream. Answered by Picture."""

    id: int


class Shoot(msgspec.Struct, tag=True, frozen=True):
    """A still whose exposure begins after `after_ns` (CLOCK_BOOTTIME), within `within_s`. Answered by Picture."""

    id: int
    after_ns: int
    within_s: float


Asked = Open | Look | Shoot

# --- the camera process says -------------------------------------------------------------------------------------


class Done(msgspec.Struct, tag=True, frozen=True):
    id: int


class Picture(msgspec.Struct, tag=True, frozen=True):
    """A picture in the memory file that comes with it: height × width × 3 bytes of sRGB, or a JPEG of that size."""

    id: int
    height: int
    width: int
    at_ns: int
    form: Literal["rgb", "jpeg"] = "rgb"
    exposure_us: int | None = None
    gain: float | None = None


class Failed(msgspec.Struct, tag=True, frozen=True):
    """What was asked for did not come; with no `id`: no frame came, though nobody asked for one."""

    id: int | None
    kind: Literal["missing", "silent", "fault"]
    why: str


class Seen(msgspec.Struct, tag=True, frozen=True):
    """A frame came; told twice to four times a second. `at_ns`: when its exposure began."""

    at_ns: int


Said = Done | Picture | Failed | Seen

_KINDS: dict[str, Callable[[str, str], DeviceError]] = {
    "missing": DeviceMissing,
    "silent": DeviceSilent,
    "fault": DeviceFault,
}


def failed(number: int | None, error: DeviceError) -> Failed:
    """The error as a message, without the device's name before its text."""
    kind: Literal["missing", "silent", "fault"] = "fault"
    if isinstance(error, DeviceMissing):
        kind = "missing"
    elif isinstance(error, DeviceSilent):
        kind = "silent"
    return Failed(number, kind, error.why)


def error(message: Failed) -> DeviceError:
    return _KINDS[message.kind]("camera", message.why)


def send(line: socket.socket, message: Asked | Said, fd: int | None = None) -> None:
    """BlockingIOError where the other side no longer reads, other OSErrors where it is gone."""
    data = msgspec.msgpack.encode(message)
    if fd is None:
        line.send(data)
    else:
        socket.send_fds(line, [data], [fd])


def picture_file(size: int, draw: Callable[[NDArray[np.uint8]], None]) -> int:
    """A sealed memory file of `size` bytes that `draw` fills; the caller closes it."""
    fd = os.memfd_create("picture", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.ftruncate(fd, size)
        memory = mmap.mmap(fd, size)
        draw(np.frombuffer(memory, np.uint8))
        memory.close()  # nobody can write any more: only so can it be sealed
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, SEALS)
    except BaseException:
        os.close(fd)
        raise
    return fd


def picture(message: Picture, fd: int) -> Rgb | bytes:
    """An array in place, not copied: its memory lives as long as it; a JPEG as bytes. ValueError for a part of one."""
    size, came = message.height * message.width * 3, os.fstat(fd).st_size
    if size <= 0 or came == 0 or (came != size and message.form == "rgb"):
        raise ValueError(f"a picture of {message.width} × {message.height} came with {came} bytes")
    memory = mmap.mmap(fd, came, mmap.MAP_SHARED, mmap.PROT_READ)
    if message.form == "jpeg":
        with memory:
            return bytes(memory)
    return np.frombuffer(memory, np.uint8).reshape(message.height, message.width, 3)
