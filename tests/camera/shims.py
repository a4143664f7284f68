"""The camera process on libcamera's `virtual` pipeline, in the rig only: what picamera2 expects of a Pi, and it lacks.

`python -m tests.camera.shims FD PID` is the camera process; picamera2 and our driver run unchanged under it.
"""

from types import SimpleNamespace
from typing import Any

import libcamera
from picamera2 import Picamera2
from picamera2.allocators import dmaallocator

from hw.camera import worker


def _modes(self: Any) -> list[dict[str, Any]]:
    """The pipeline has no raw role: its processed modes stand in, as a USB camera's do."""
    formats = self.camera.generate_configuration([libcamera.StreamRole.Viewfinder]).at(0).formats
    return [
        {"format": str(found), "size": (size.width, size.height)}
        for found in formats.pixel_formats
        for size in formats.sizes(found)
    ]


class _FrameBuffer:
    """NV12 in two planes, as the pipeline wants it; picamera2 gives one."""

    Plane = libcamera.FrameBuffer.Plane

    def __new__(cls, planes: list[Any]) -> Any:
        luma, whole = planes[0], planes[0].length
        luma.length = whole * 2 // 3
        chroma = libcamera.FrameBuffer.Plane()
        chroma.fd, chroma.offset, chroma.length = luma.fd, luma.length, whole - luma.length
        return libcamera.FrameBuffer([luma, chroma])


Picamera2._get_raw_modes = _modes
dmaallocator.libcamera = SimpleNamespace(FrameBuffer=_FrameBuffer)

if __name__ == "__main__":
    worker.main(worker.choose)
