"""The table of the norm: every requirement with its source, unit, limits, score and pure function, in one place.

Adding a requirement is adding a row and a function. Figures come from ../../docs/norm.md; (FR) the French rule, (ICAO)
the portrait quality report, (OFIQ) the reference implementation 1.0.3, (own) calibrated here.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from . import light, shape
from .measures import Measures
from .verdict import HEAD_MM, Finding, Reason

Measure = Callable[[Measures], float | None]
Score = Callable[[float], float]


def sigmoid(x: float, x0: float, w: float) -> float:
    """0…1, one half at x0."""
    return float(1 / (1 + np.exp(np.clip((x0 - x) / w, -60, 60))))


def rising(x0: float, w: float) -> Score:
    return lambda x: 100 * sigmoid(x, x0, w)


def falling(x0: float, w: float, top: float = 100) -> Score:
    return lambda x: top * (1 - sigmoid(x, x0, w))


def cosine(degrees: float) -> float:
    """OFIQ's scale of a pose angle."""
    return 100 * max(0.0, float(np.cos(np.radians(degrees)))) ** 2


def within(low: float, high: float, soft: float) -> Score:
    """100 in the middle, 50 at a limit, falling over `soft` beyond it."""
    return lambda x: 100 * sigmoid(min(x - low, high - x), 0.0, soft)


@dataclass(frozen=True)
class Requirement:
    """One row. `low` and `high` are the limits in effect, the measure's own uncertainty already granted."""

    name: str
    unit: str
    source: str
    low: float | None
    high: float | None
    score: Score
    measure: Measure
    overridable: bool = False
    live: bool = True
    guard: Callable[[Measures], float] | None = None  # an uncertainty that must fit between the limits as well

    @property
    def reported_only(self) -> bool:
        return self.low is None and self.high is None

    def judge(self, measures: Measures) -> Finding | None:
        """The finding, None where the picture does not let it be measured."""
        value = self.measure(measures)
        if value is None:
            return None
        return self.finding(value, 0.0 if self.guard is None else self.guard(measures))

    def finding(self, value: float, guard: float = 0.0) -> Finding:
        """The finding for a measured value, the limits drawn in by `guard`."""
        score = int(np.clip(round(self.score(value)), 0, 100))
        if self.reported_only:
            return Finding(self.name, value, self.unit, None, None, score, None, None, self.overridable)
        low = None if self.low is None else self.low + guard
        high = None if self.high is None else self.high - guard
        side = "low" if low is not None and value < low else "high" if high is not None and value > high else None
        reason = None if side is None else Reason(f"norm.{self.name}.{side}", {"value": value})
        return Finding(self.name, value, self.unit, low, high, score, side is None, reason, self.overridable)


def _ofiq(name: str) -> Measure:
    return lambda m: m.ofiq[name]


def _ground(name: str) -> Measure:
    return lambda m: None if m.ground is None else float(getattr(m.ground, name))


def _inter_eye(m: Measures) -> float:
    return m.scene.eyes_apart / m.scene.scale / max(0.3, float(np.cos(np.radians(m.pose.yaw))))


def _gaze(m: Measures) -> float:
    return m.gaze[0]


YAW_UNSURE, PITCH_UNSURE, ROLL_UNSURE = 3.5, 7.0, 0.7  # degrees, docs/norm.md ("Pose")

TABLE: tuple[Requirement, ...] = (
    Requirement("one_face", "faces", "FR, ICAO", 1, 1, lambda x: 100 if x == 1 else 0, lambda m: len(m.scene.faces)),
    Requirement("inter_eye_distance", "px", "ICAO; OFIQ scale", 90, None, rising(70, 20), _inter_eye),
    Requirement(
        "head_size", "T/height", "OFIQ scale", 0.1, 0.5,
        lambda x: 200 * (1 - sigmoid(abs(x - 0.45), 0, 0.05)),
        lambda m: m.scene.eye_to_chin / m.scene.scale / m.scene.picture_size[1],
    ),
    Requirement("margins", "mm", "FR", None, 0.25, falling(0.25, 0.3), lambda m: m.frame.outside_mm),
    Requirement(
        "head_height", "mm", "FR", 32, 36, within(32, 36, 0.5), lambda _: HEAD_MM,
        guard=lambda m: m.face.crown_uncertainty_mm,
    ),
    Requirement(
        "yaw", "°", "ICAO; OFIQ scale", -5 - YAW_UNSURE, 5 + YAW_UNSURE, cosine, lambda m: m.pose.yaw, overridable=True
    ),
    Requirement(
        "pitch", "°", "ICAO; OFIQ scale", -5 - PITCH_UNSURE, 5 + PITCH_UNSURE, cosine, lambda m: m.pose.pitch,
        overridable=True,
    ),
    Requirement(
        "roll", "°", "ICAO; OFIQ scale", -8 - ROLL_UNSURE, 8 + ROLL_UNSURE, cosine, lambda m: m.face.roll,
        overridable=True,
    ),
    Requirement(
        "eyes_open", "T", "OFIQ scale; own limit", 0.03, None, rising(0.02, 0.01), lambda m: shape.lid_opening(m.scene),
        overridable=True,
    ),
    Requirement(
        "mouth_closed", "T", "OFIQ scale; own limit", None, 0.056, falling(0.2, 0.06),
        lambda m: shape.mouth(m.scene), overridable=True,
    ),
    Requirement("gaze", "eye width", "own", -0.14, 0.14, within(-0.14, 0.14, 0.02), _gaze, overridable=True),
    Requirement(
        "exposure", "luma", "own", 0.65, 0.98, within(0.65, 0.98, 0.02), lambda m: light.bright_end(m.skin)
    ),
    Requirement("even_light", "stops", "own", -2.0, 2.0, within(-2, 2, 0.3), lambda m: light.cheek_ratio(*m.cheeks)),
    Requirement("sharpness", "", "own", 0.36, None, rising(0.36, 0.03), lambda m: light.detail(m.scene)),
    Requirement("background_uniform", "", "OFIQ scale; own limit", None, 6, falling(10, 100, 190), _ground("gradient")),
    Requirement("background_colour", "L*", "FR", 60, 96, within(60, 96, 2), _ground("lightness")),
    Requirement("background_shadow", "L*", "FR", None, 8, falling(8, 2), _ground("shadow")),
    Requirement(
        "luminance_mean", "", "OFIQ", None, None,
        lambda x: 100 * sigmoid(x, 0.2, 0.05) * (1 - sigmoid(x, 0.8, 0.05)), _ofiq("luminance_mean"), live=False,
    ),
    Requirement(
        "luminance_variance", "", "OFIQ", None, None,
        lambda x: 100 * float(np.sin(np.pi * 60 * x / (60 * x + 1))), _ofiq("luminance_variance"), live=False,
    ),
    Requirement(
        "under_exposure", "share", "OFIQ", None, None, lambda x: 120 * (1 - 0.832 * sigmoid(x, 0.92, 0.05)),
        _ofiq("under_exposure"), live=False,
    ),
    Requirement(
        "over_exposure", "share", "OFIQ", None, None, lambda x: 1 / (x + 0.01), _ofiq("over_exposure"), live=False
    ),
    Requirement("dynamic_range", "bit", "OFIQ", None, None, lambda x: 12.5 * x, _ofiq("dynamic_range"), live=False),
)  # fmt: skip
