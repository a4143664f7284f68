"""What is held for a still is found, set, and proven by the shot's own metadata."""

from collections import deque
from typing import Any

import pytest

from hw.camera.lock import AE_CONVERGED, AF_FOCUSED, TOLERANCE, Controls, Lock, running
from hw.settings import Picamera, V4l2

EVERY = frozenset(
    {"FrameDurationLimits", "NoiseReductionMode", "AeFlickerMode", "AeFlickerPeriod", "AeEnable", "ExposureTime"}
    | {"AnalogueGain", "AwbEnable", "ColourGains", "AfMode", "AfTrigger", "LensPosition"}
)
NO_LENS = EVERY - {"AfMode", "AfTrigger", "LensPosition"}


class Sensor:
    """libcamera as a still sees it: a control takes effect some frames later, loops that run change what they hold."""

    def __init__(self, latency: int = 3) -> None:
        self.now: dict[str, Any] = {
            "ExposureTime": 16_700,
            "AnalogueGain": 2.0,
            "ColourGains": (1.8, 1.5),
            "LensPosition": 0.5,
            "AeState": 1,
            "AfState": 0,
        }
        self._coming: deque[Controls] = deque({} for _ in range(latency))
        self.frames = 0
        self.auto = {"AeEnable": True, "AwbEnable": True}
        self.focuses_after = 6

    def frame(self, controls: Controls) -> dict[str, Any]:
        self._coming.append(controls)
        due = self._coming.popleft()
        self.frames += 1
        self.auto |= {name: value for name, value in due.items() if name in self.auto}
        if self.auto["AeEnable"]:
            self.now["AeState"] = AE_CONVERGED if self.frames > 8 else 1
        if self.auto["AwbEnable"] and self.frames < 10:
            red, blue = self.now["ColourGains"]
            self.now["ColourGains"] = (red * 1.02, blue)
        if "AfTrigger" in due or (self.now["AfState"] == 1 and self.frames > self.focuses_after):
            self.now["AfState"] = 1 if "AfTrigger" in due else AF_FOCUSED
            self.now["LensPosition"] = 2.2
        self.now |= {name: value for name, value in due.items() if name in self.now}
        return dict(self.now)


def shoot(lock: Lock, sensor: Sensor, frames: int = 60) -> dict[str, Any] | None:
    controls: Controls = {}
    for _ in range(frames):
        metadata = sensor.frame(controls)
        if lock.kept(metadata):
            return metadata
        controls = lock.feed(metadata)
    return None


def test_what_the_camera_found_is_held_without_flicker_and_the_shot_has_it() -> None:
    shot = shoot(Lock(EVERY, Picamera()), Sensor())
    assert shot is not None
    assert shot["ExposureTime"] == 10_000 and shot["AnalogueGain"] == pytest.approx(3.34)  # the same light
    assert shot["LensPosition"] == 2.2 and shot["AeState"] == AE_CONVERGED


def test_at_60_hertz_the_lamps_flicker_120_times_a_second() -> None:
    shot = shoot(Lock(NO_LENS, Picamera(mains_hz=60)), Sensor())
    assert shot is not None and shot["ExposureTime"] == pytest.approx(16_667, rel=TOLERANCE)


@pytest.mark.parametrize(("found_us", "held_us"), [(4_000, 4_000), (9_960, 10_000), (10_030, 10_000), (39_000, 30_000)])
def test_an_exposure_is_cut_to_whole_half_periods_and_a_short_one_stays(found_us: int, held_us: int) -> None:
    sensor = Sensor()
    sensor.now["ExposureTime"] = found_us
    shot = shoot(Lock(NO_LENS, Picamera()), sensor)
    assert shot is not None and shot["ExposureTime"] == pytest.approx(held_us, rel=TOLERANCE)


def test_measured_values_are_set_at_once_and_need_no_waiting() -> None:
    settings = Picamera(exposure_us=20_000, gain=1.5, colour_gains=(2.1, 1.4), lens_dioptres=1.9)
    controls = running(EVERY, settings)
    assert controls["ExposureTime"] == 20_000 and not controls["AeEnable"] and not controls["AwbEnable"]
    lock, sensor = Lock(EVERY, settings), Sensor(latency=2)
    shot = shoot(lock, sensor, frames=4)
    assert shot is None and "ExposureTime is 16700, not 20000" in lock.why  # nothing was set: nothing may pass
    sensor.frame(controls)
    shot = shoot(lock, sensor, frames=4)
    assert shot is not None and shot["ColourGains"] == (2.1, 1.4)


@pytest.mark.parametrize(
    ("name", "value"),
    [("ExposureTime", 9_700), ("AnalogueGain", 1.1), ("ColourGains", (2.1, 1.5)), ("LensPosition", 2.2)],
)
def test_a_shot_whose_metadata_are_not_what_was_held_is_not_the_shot(name: str, value: Any) -> None:
    held = {"ExposureTime": 10_000, "AnalogueGain": 1.0, "ColourGains": (2.1, 1.4), "LensPosition": 1.9}
    lock = Lock(EVERY, Picamera(exposure_us=10_000, gain=1.0, colour_gains=(2.1, 1.4), lens_dioptres=1.9))
    assert lock.kept(held)
    assert lock.kept(held | {"ExposureTime": 9_985})  # a line of the sensor less
    assert not lock.kept(held | {name: value}) and name in lock.why
    assert not lock.kept({key: held[key] for key in held.keys() - {name}})


@pytest.mark.parametrize("stuck", ["AeState", "AfState", "ColourGains"])
def test_what_never_settles_is_named_with_what_to_do(stuck: str) -> None:
    lock, sensor = Lock(EVERY, Picamera()), Sensor()
    controls: Controls = {}
    for frame in range(40):
        metadata = sensor.frame(controls)
        metadata[stuck] = (1.5 + frame % 2, 1.5) if stuck == "ColourGains" else 1
        assert not lock.kept(metadata)
        controls = lock.feed(metadata)
    assert "set " in lock.why


def test_a_measured_value_that_the_camera_cannot_hold_is_named() -> None:
    with pytest.raises(ValueError, match="lens_dioptres"):
        running(NO_LENS, Picamera(lens_dioptres=2.0))


def test_a_camera_without_controls_has_nothing_to_hold() -> None:
    assert running(frozenset(), V4l2(device="/dev/video0")) == {}
    assert Lock(frozenset(), V4l2(device="/dev/video0")).kept({})
    assert Lock(frozenset({"FrameDurationLimits"}), Picamera()).kept({})
