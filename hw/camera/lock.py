"""Exposure, white balance and focus, held for a still: what to set, when, and whether a shot kept them.

Pure: the metadata of one frame after the other in, controls out; names, units and states are libcamera's
(control_ids_core.yaml). Must never let a shot pass whose metadata are not what was held.
"""

from collections.abc import Mapping
from typing import Any

from hw.settings import Picamera, V4l2

Controls = dict[str, Any]

AE_CONVERGED = 2
AF_MANUAL, AF_AUTO, AF_CONTINUOUS = 0, 1, 2
AF_START = 0
AF_FOCUSED, AF_FAILED = 2, 3
FLICKER_MANUAL = 1
NOISE_HIGH_QUALITY = 2
LONGEST_FRAME_US = 200_000
"""The longest exposure of the configuration; a frame's duration clips its exposure."""
TOLERANCE = 0.02
"""Sensors count exposures in lines (some 10-30 µs) and gains in steps of 1/1024 to 1/16; this is above both."""
LENS_TOLERANCE = 0.1
"""In dioptres: one step of the IMX708's lens is about 0.015."""
STEADY = 0.01
"""White balance has settled when two frames in a row differ by less."""


def running(offered: frozenset[str], settings: Picamera | V4l2) -> Controls:
    """The controls between stills: measured values hold, the rest the camera follows by itself.

    ValueError names a measured value that this camera cannot hold.
    """
    if not isinstance(settings, Picamera):
        return {}
    period_us = _flicker_us(settings)
    wanted: Controls = {
        "FrameDurationLimits": (100, LONGEST_FRAME_US),
        "NoiseReductionMode": NOISE_HIGH_QUALITY,  # one configuration serves frames and stills
        "AeFlickerMode": FLICKER_MANUAL,
        "AeFlickerPeriod": period_us,
        "AeEnable": True,
        "AwbEnable": True,
        "AfMode": AF_CONTINUOUS,
    }
    held = measured(settings)
    for name in held:
        if name not in offered:
            key = {
                "ExposureTime": "exposure_us",
                "AnalogueGain": "gain",
                "ColourGains": "colour_gains",
                "LensPosition": "lens_dioptres",
            }[name]
            raise ValueError(f"this camera cannot hold {key}; remove it from the configuration")
    return {name: value for name, value in (wanted | _holding(held)).items() if name in offered}


def measured(settings: Picamera | V4l2) -> Controls:
    """What the configuration fixes: ExposureTime, AnalogueGain, ColourGains, LensPosition."""
    if not isinstance(settings, Picamera):
        return {}
    found = {
        "ExposureTime": settings.exposure_us,
        "AnalogueGain": settings.gain,
        "ColourGains": settings.colour_gains,
        "LensPosition": settings.lens_dioptres,
    }
    return {name: value for name, value in found.items() if value is not None}


class Lock:
    """One still's: fed with each frame exposed after the shutter, until `kept` says that a frame is the shot."""

    def __init__(self, offered: frozenset[str], settings: Picamera | V4l2) -> None:
        self._period_us = _flicker_us(settings) if isinstance(settings, Picamera) else 0
        self._measured = measured(settings)
        self._open = {"ExposureTime", "AnalogueGain", "ColourGains", "LensPosition"} & offered - self._measured.keys()
        self._held: Controls | None = None if self._open else self._measured
        self._gains: tuple[float, float] | None = None
        self._focusing = False
        self.why = "no frame came"
        """What it waits for, for the error of a still that ran out of time."""

    def feed(self, metadata: Mapping[str, Any]) -> Controls:
        """The controls to set after a frame with this metadata; often none."""
        if self._held is not None:
            return {}
        if "LensPosition" in self._open and not self._focusing:
            self._focusing = True
            return {"AfMode": AF_AUTO, "AfTrigger": AF_START}
        if not self._settled(metadata):
            return {}
        self._held = self._measured | {name: metadata[name] for name in self._open}
        if "ExposureTime" in self._open and "AnalogueGain" in self._open:
            self._held |= self._without_flicker(metadata["ExposureTime"], metadata["AnalogueGain"])
        return _holding(self._held)

    def kept(self, metadata: Mapping[str, Any]) -> bool:
        """Whether this frame was exposed with the held values; `why` names the first that it was not."""
        if self._held is None:
            return False
        for name, wanted in self._held.items():
            got = metadata.get(name)
            if got is None or not _alike(name, wanted, got):
                self.why = f"{name} is {got}, not {wanted}"
                return False
        return True

    def _settled(self, metadata: Mapping[str, Any]) -> bool:
        if missing := sorted(name for name in self._open if name not in metadata):
            self.why = f"frames do not say their {missing[0]}"
        elif {"ExposureTime", "AnalogueGain"} & self._open and not (
            metadata.get("AeState") == AE_CONVERGED or metadata.get("AeLocked")
        ):
            self.why = "exposure does not settle: are the lamps steady? Or measure it, and set exposure_us and gain"
        elif "ColourGains" in self._open and not self._white_is_steady(tuple(metadata["ColourGains"])):
            self.why = "white balance does not settle: measure it, and set colour_gains"
        elif "LensPosition" in self._open and metadata.get("AfState") != AF_FOCUSED:
            self.why = "focus is not found: measure it, and set lens_dioptres"
            self._focusing = metadata.get("AfState") != AF_FAILED  # tried again
        else:
            return True
        return False

    def _white_is_steady(self, gains: tuple[float, float]) -> bool:
        before, self._gains = self._gains, gains
        return before is not None and all(abs(a - b) < STEADY * b for a, b in zip(before, gains, strict=True))

    def _without_flicker(self, exposure_us: int, gain: float) -> Controls:
        """A whole number of the lamps' half periods, the gain making up for what is cut; shorter than one stays."""
        periods = int(exposure_us * (1 + TOLERANCE / 2)) // self._period_us
        if periods == 0:
            return {"ExposureTime": exposure_us, "AnalogueGain": gain}
        held_us = periods * self._period_us
        return {"ExposureTime": held_us, "AnalogueGain": max(1.0, gain * exposure_us / held_us)}


def _holding(held: Controls) -> Controls:
    """The held values with what keeps the camera from changing them: it ignores gains while its own loops run."""
    controls = dict(held)
    if "ExposureTime" in held or "AnalogueGain" in held:
        controls["AeEnable"] = False
    if "ColourGains" in held:
        controls["AwbEnable"] = False
    if "LensPosition" in held:
        controls["AfMode"] = AF_MANUAL
    return controls


def _alike(name: str, wanted: Any, got: Any) -> bool:
    if name == "ColourGains":
        return all(abs(a - b) <= TOLERANCE * a for a, b in zip(wanted, got, strict=True))
    if name == "LensPosition":
        return bool(abs(wanted - got) <= LENS_TOLERANCE)
    return bool(abs(wanted - got) <= TOLERANCE * wanted)


def _flicker_us(settings: Picamera) -> int:
    """Half a period of the mains in µs: lamps flicker twice in each."""
    return 500_000 // settings.mains_hz
