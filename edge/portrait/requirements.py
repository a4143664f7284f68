"""The table of the norm: every requirement with its source, unit, limits, score and pure function, in one place.

Adding a requirement is adding a row and a function. Figures come from ../../docs/norm.md; (FR) the French rule, (ICAO)
the portrait quality report, (OFIQ) the reference implementation 1.0.3, (own) calibrated here.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from . import cover, eyes, ground, light, shape
from .measures import Measures
from .verdict import HEAD_MM, Finding, Reason

Measure = Callable[[Measures], float | None]
Score = Callable[[float], float]


def sigmoid(x: float, x0: float, w: float) -> float:
    """0…1, one half at x0."""
    return 1 / (1 + math.exp(min(max((x0 - x) / w, -60), 60)))


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
    every: int = 1  # live: 1 judged in every frame; more in turns, a row a frame, kept between; 0 never
    guard: Callable[[Measures], float] | None = None  # an uncertainty that must fit between the limits as well
    says: Callable[[Measures], str] | None = None  # which of its sentences, where low and high do not tell enough

    @property
    def reported_only(self) -> bool:
        return self.low is None and self.high is None

    def judge(self, measures: Measures) -> Finding | None:
        """The finding, None where the picture does not let it be measured."""
        value = self.measure(measures)
        if value is None:
            return None
        finding = self.finding(value, 0.0 if self.guard is None else self.guard(measures))
        if finding.reason is None or self.says is None:
            return finding
        return replace(finding, reason=Reason(f"norm.{self.name}.{self.says(measures)}", finding.reason.params))

    def finding(self, value: float, guard: float = 0.0) -> Finding:
        """The finding for a measured value, the limits drawn in by `guard`."""
        score = min(max(round(self.score(value)), 0), 100)
        if self.reported_only:
            return Finding(self.name, value, self.unit, None, None, score, None, None, self.overridable)
        low = None if self.low is None else self.low + guard
        high = None if self.high is None else self.high - guard
        side = "low" if low is not None and value < low else "high" if high is not None and value > high else None
        reason = None if side is None else Reason(f"norm.{self.name}.{side}", {"value": value})
        return Finding(self.name, value, self.unit, low, high, score, side is None, reason, self.overridable)


def _ofiq(name: str) -> Measure:
    return lambda m: m.ofiq[name]


def _crop(side: str) -> Measure:
    return lambda m: m.crop[side]


def _ground(measure: Callable[[Measures, ground.Ground], float]) -> Measure:
    return lambda m: None if m.ground is None else measure(m, m.ground)


def _inter_eye(m: Measures) -> float:
    return m.scene.eyes_apart / m.scene.scale / max(0.3, float(np.cos(np.radians(m.pose.turned))))


def _left_at(m: Measures) -> str:
    """The one side at which the frame leaves the picture; `high` where there are several."""
    corners, (width, height) = m.frame.corners(), m.scene.picture_size
    (left, above), (right, below) = -corners.min(axis=0), corners.max(axis=0) - (width, height)
    beyond = {"left": left, "right": right, "above": above, "below": below}
    sides = [side for side, px in beyond.items() if px > MARGIN_MM * m.frame.px_per_mm]
    return sides[0] if len(sides) == 1 else "high"


def _second_face(m: Measures) -> float:
    """Area of the second largest face's box over the largest's, 0 where there is none."""
    largest, *others = sorted((face.area for face in m.scene.faces), reverse=True)
    return others[0] / largest if others else 0.0


MARGIN_MM = 0.25  # of the frame may lie outside the picture
# uncertainties granted before a pose is refused, degrees (docs/norm.md, "Where the limits come from")
YAW_UNSURE, PITCH_UNSURE, ROLL_UNSURE = 7.65, 7.9, 0.7
# a*, b* of the cheeks: 1st to 99th percentile of 322 people, a little widened
SKIN_RED, SKIN_BLUE = (5.0, 33.0), (4.0, 42.0)


def _smile(m: Measures) -> float:
    """Mouth width / E and twice the corners' lift: a neutral mouth is narrow and level, a smile wide and lifted.

    Calibrated on 66 portraits with closed mouths, mild smiles among them: it refuses broad smiles only.
    """
    width, lift = shape.smile(m.scene)
    return width + 2 * lift


def _by_cheeks(measure: Callable[[Measures], float]) -> Measure:
    """None where the picture's border cuts off both cheeks, which `margins` refuses."""
    return lambda m: measure(m) if len(m.both_cheeks) else None


def _covered(m: Measures) -> float:
    """Log odds of a cover, less where the network is not so sure.

    0.4 for each degree that the head is turned beyond the pose's limits: the mesh lies less well there, and the odds
    grow of themselves, up to 8 at 58° of people in even light. Yaw and pitch refuse that, or a customer who cannot help
    it lets them pass. 6 for each halving of the eyes' distance below 100 px: at 72, as in a live frame, four of 225
    free faces lie between 5.6 and 9, at 120 one of 240 above 3.5.
    """
    too_far = max(abs(m.pose.turned) - 5 - YAW_UNSURE, abs(m.pose.pitch) - 5 - PITCH_UNSURE, 0.0)
    too_small = max(0.0, math.log2(100 / m.scene.eyes_apart))
    return cover.covered(m.scene, m.fits.cover) - 0.4 * too_far - 6.0 * too_small


def _cast(m: Measures) -> float:
    """Distance of the cheeks' mean a*, b* from the range of skin in white light, 0 inside it."""
    red, blue = light.skin_colour(*m.cheeks)
    (least_red, most_red), (least_blue, most_blue) = SKIN_RED, SKIN_BLUE
    return float(np.hypot(max(least_red - red, red - most_red, 0.0), max(least_blue - blue, blue - most_blue, 0.0)))


def _tone(_: Measures, behind: ground.Ground) -> float:
    """Distance of the background's a*, b* from the line of light greys and blues (b* from 4 down to -22)."""
    red, blue = behind.mean[1:]
    return float(np.hypot(red, max(0.0, blue - 4, -22 - blue)))


TABLE: tuple[Requirement, ...] = (
    Requirement("one_face", "faces", "FR, ICAO", 1, 1, lambda x: 100 if x == 1 else 0, lambda m: len(m.scene.faces)),
    Requirement("inter_eye_distance", "px", "ICAO; OFIQ scale", 90, None, rising(70, 20), _inter_eye, every=0),
    Requirement(
        "head_size", "T/height", "OFIQ scale", 0.1, 0.5,
        lambda x: 200 * (1 - sigmoid(abs(x - 0.45), 0, 0.05)),
        lambda m: m.scene.eye_to_chin / m.scene.scale / m.scene.picture_size[1],
    ),
    Requirement(
        "margins", "mm", "FR", None, MARGIN_MM, falling(MARGIN_MM, 0.3), lambda m: m.frame.outside_mm, says=_left_at
    ),
    Requirement(
        "head_height", "mm", "FR", 32, 36, within(32, 36, 0.5), lambda _: HEAD_MM,
        guard=lambda m: m.face.crown_uncertainty_mm, every=6),
    Requirement(
        "yaw", "°", "ICAO; OFIQ scale", -5 - YAW_UNSURE, 5 + YAW_UNSURE, cosine, lambda m: m.pose.turned,
        overridable=True,
    ),
    Requirement(
        "pitch", "°", "ICAO; OFIQ scale", -5 - PITCH_UNSURE, 5 + PITCH_UNSURE, cosine, lambda m: m.pose.pitch,
        overridable=True,
    ),
    Requirement(
        "roll", "°", "ICAO; OFIQ scale", -8 - ROLL_UNSURE, 8 + ROLL_UNSURE, cosine, lambda m: m.roll,
        overridable=True,
    ),
    Requirement(
        "eyes_open", "log odds", "own", -1.3, None, rising(-1.3, 1.0),
        lambda m: shape.openness(m.scene, m.fits.lids), overridable=True,
    ),
    Requirement(
        "mouth_closed", "T", "own; OFIQ scale", None, 0.065, falling(0.2, 0.06),
        lambda m: shape.mouth(m.scene), overridable=True,
    ),
    Requirement(
        "expression", "", "own", None, 1.24, falling(1.24, 0.04), _smile, overridable=True,
    ),
    Requirement("gaze", "eye width", "own", None, 0.07, falling(0.07, 0.02), lambda m: m.gaze, overridable=True),
    Requirement(
        "exposure", "luma", "own", 0.65, 0.99, within(0.65, 0.99, 0.02), lambda m: light.bright_end(m.skin), every=6),
    Requirement(
        "clipping", "share", "own", None, 0.38, falling(0.38, 0.05), lambda m: light.clipped(m.skin), every=6),
    Requirement(
        "even_light", "stops", "own", -1.42, 1.42, within(-1.42, 1.42, 0.3),
        lambda m: light.side_ratio(m.scene, *m.cheeks), every=6),
    Requirement("natural_colour", "ΔE", "own", None, 3.0, falling(3, 2), _by_cheeks(_cast), every=6),
    Requirement("sharpness", "", "own", 0.445, None, rising(0.445, 0.03), lambda m: light.detail(m.scene), every=6),
    Requirement(
        "eyes_visible", "share", "own", None, 0.1, falling(0.1, 0.03),
        lambda m: eyes.glare(m.scene, m.both_cheeks), every=6),
    Requirement(
        "lenses_clear", "stops", "own", None, 2.4, falling(2.4, 0.3),
        lambda m: eyes.tint(m.scene, m.both_cheeks), every=6),
    Requirement("red_eyes", "a*", "own", None, 28, falling(28, 4), lambda m: eyes.red_pupils(m.scene), every=0),
    Requirement(
        "face_unobstructed", "log odds", "own", None, 3.5, falling(3.5, 1), _covered, every=6),
    Requirement(
        "features_visible", "stops", "own", -1.7, None, rising(-1.7, 0.15),
        lambda m: cover.faintest_feature(m.scene), every=6),
    Requirement(
        "background_uniform", "", "own", None, 5, falling(5, 1.5),
        _ground(lambda m, g: ground.gradient(m.scene, g)), every=0,
    ),
    Requirement(
        "background_patch", "ΔE", "own", None, 14, falling(14, 3), _ground(lambda _, g: ground.patch(g)), every=6
    ),
    Requirement("background_colour", "L*", "FR", 60, 96, within(60, 96, 2), _ground(lambda _, g: g.mean[0]), every=6),
    Requirement("background_tone", "ΔE", "FR", None, 6, falling(6, 2), _ground(_tone), every=6),
    Requirement(
        "background_shadow", "L*", "FR", None, 8, falling(8, 2),
        _ground(lambda m, g: ground.shadow(m.scene, g)), every=6),
    Requirement("resolution", "dpi", "ICAO", None, None, lambda x: x / 6, lambda m: 25.4 / m.face.mm_per_px, every=6),
    Requirement(
        "glasses", "log odds", "own", None, None, rising(0, 1), lambda m: eyes.glasses(m.scene, m.fits.glasses),
        every=0,
    ),
    Requirement(
        "second_face", "area share", "OFIQ scale", None, None, lambda x: 100 * (1 - math.sqrt(x)), _second_face, every=0
    ),
    *(
        Requirement(
            f"crop_{side}", unit, "OFIQ", None, None, rising(least, 0.1), _crop(side), every=0
        )
        for side, unit, least in (("left", "E", 0.9), ("right", "E", 0.9), ("above", "T", 1.4), ("below", "T", 1.8))
    ),
    Requirement(
        "lip_opening", "T", "OFIQ", None, None, falling(0.2, 0.06), lambda m: shape.lip_opening(m.scene), every=0
    ),
    Requirement(
        "background_gradient", "", "OFIQ", None, None, falling(10, 100, 190),
        lambda m: ground.ofiq_gradient(m.scene), every=0,
    ),
    Requirement(
        "lid_opening", "T", "OFIQ", None, None, rising(0.02, 0.01), lambda m: shape.lid_opening(m.scene), every=0
    ),
    Requirement(
        "cheek_overlap", "share", "OFIQ", None, None, lambda x: 100 * x**0.3,
        lambda m: light.cheek_overlap(*m.cheeks), every=0,
    ),
    Requirement(
        "colour_cast_ofiq", "ΔE", "OFIQ", None, None, lambda x: 200 * (1 - sigmoid(x, 0, 10)),
        _by_cheeks(lambda m: light.ofiq_cast(*m.cheeks)), every=0,
    ),
    Requirement(
        "luminance_mean", "", "OFIQ", None, None,
        lambda x: 100 * sigmoid(x, 0.2, 0.05) * (1 - sigmoid(x, 0.8, 0.05)), _ofiq("luminance_mean"), every=0,
    ),
    Requirement(
        "luminance_variance", "", "OFIQ", None, None,
        lambda x: 100 * float(np.sin(np.pi * 60 * x / (60 * x + 1))), _ofiq("luminance_variance"), every=0,
    ),
    Requirement(
        "under_exposure", "share", "OFIQ", None, None, lambda x: 120 * (1 - 0.832 * sigmoid(x, 0.92, 0.05)),
        _ofiq("under_exposure"), every=0,
    ),
    Requirement(
        "over_exposure", "share", "OFIQ", None, None, lambda x: 1 / (x + 0.01), _ofiq("over_exposure"), every=0
    ),
    Requirement("dynamic_range", "bit", "OFIQ", None, None, lambda x: 12.5 * x, _ofiq("dynamic_range"), every=0),
)  # fmt: skip
