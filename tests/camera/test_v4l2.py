"""A USB camera is told what it must keep, and a device that is none is named as such."""

import errno
from types import SimpleNamespace
from typing import Any

import pytest
from linuxpy.video.device import PixelFormat

from hw.cabin import DeviceFault
from hw.camera import v4l2
from hw.settings import V4l2

DYNAMIC_FRAME_RATE = 0x009A0903  # V4L2_CID_EXPOSURE_AUTO_PRIORITY [linux/v4l2-controls.h]


class Capture:
    """Stands for linuxpy's: it offers the still's size as MJPG, 30 times a second."""

    def __init__(self, device: Any, size: int) -> None:
        self._format = SimpleNamespace(width=1920, height=1080, pixel_format=PixelFormat.MJPEG)

    def formats(self) -> list[Any]:
        return [self._format]

    def set_format(self, width: int, height: int, name: str) -> None:
        pass

    def get_format(self) -> Any:
        return self._format

    def get_fps(self) -> float:
        return 30.0

    def open(self) -> None:
        pass


def opened(monkeypatch: pytest.MonkeyPatch, offered: set[int]) -> dict[int, int]:
    """What a camera that offers these controls has been set to once it is open."""
    kept: dict[int, int] = {}

    def set_control(device: Any, control: int, value: int) -> None:
        if control not in offered:
            raise OSError(errno.EINVAL, "Invalid argument")
        kept[int(control)] = value

    monkeypatch.setattr(v4l2, "Device", lambda path: SimpleNamespace(open=lambda: None))
    monkeypatch.setattr(v4l2, "VideoCapture", Capture)
    monkeypatch.setattr(v4l2, "set_control", set_control)
    v4l2.V4l2Source().open(V4l2(device="/dev/v4l/by-id/usb-webcam"))
    return kept


def test_no_frame_is_exposed_for_longer_than_its_frame_rate_says(monkeypatch: pytest.MonkeyPatch) -> None:
    assert opened(monkeypatch, {DYNAMIC_FRAME_RATE}) == {DYNAMIC_FRAME_RATE: 0}


def test_a_camera_without_any_of_these_controls_opens_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    assert opened(monkeypatch, set()) == {}


def test_what_is_no_camera_is_named_with_what_to_do() -> None:
    with pytest.raises(DeviceFault, match=r"/dev/null is no camera.*/dev/v4l/by-id/.*`booth devices`"):
        v4l2.V4l2Source().open(V4l2(device="/dev/null"))
