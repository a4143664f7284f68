"""The customer's signature: pen samples become strokes, strokes are judged, and one picture is kept. Pure.

Times, pressures and the order of strokes serve the judgement only; the picture is made so that none of them can be
read from it: the same pen width everywhere, no vertex where a sample was, no trace of which stroke came first.
"""

import io
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from hw.cabin import PenSample

from .fields import Rectangle

Grey = NDArray[np.uint8]
"""A picture as H × W, 0 black … 255 white."""

Reason = Literal[
    "empty", "broken", "out_of_frame", "dot", "too_small", "too_short", "straight_line", "too_quick", "faint"
]
"""Why a signature is refused; the customer's sentence is `signature.refused.<reason>` in the texts."""

PICTURE_WIDTH_MM, PICTURE_HEIGHT_MM = 40.0, 15.0
PICTURE_DPI = 600
"""The picture is always 945 × 354 px: 40 × 15 mm at the resolution of the portrait. Where in its field and how large
the customer signed stays unknown to it."""

# Our own limits, set between made signatures (initials of 6 mm, flat waves, crosses: they pass) and what is none.
OUTSIDE_MM = 2.0  # a flourish may leave the printed frame by this much
DOT_MM = 2.0  # a tap with a slip of the hand
SMALL_MM = 5.0  # handwriting's capitals are 5–8 mm high: initials pass
SHORT_MM = 15.0  # two small capitals are about 25 mm of ink
FLAT_MM, FLAT_SHARE, ONE_WAY = 0.8, 0.05, 1.15  # a ruled line wavers by 1–3 % of its length and never turns back
FAST_MM_PER_S = 2000.0  # a hand's fastest flourish stays below 1 m/s
QUICK_S = 0.15  # a hand makes about five strokes up or down in a second
FAINT = 0.01  # pads report contact from about 1 % of their range: the pen hardly touched
GAP_MM, GAP_NS = 15.0, 200_000_000  # a leap between two samples of one stroke that no hand makes, or a hole in time


@dataclass(frozen=True)
class Stroke:
    """The samples of one contact, in order, never empty. `broken`: some were lost, be it at its end."""

    samples: tuple[PenSample, ...]
    broken: bool = False

    @property
    def points_mm(self) -> NDArray[np.float64]:
        """N × 2."""
        return np.array([(sample.x_mm, sample.y_mm) for sample in self.samples])

    @property
    def length_mm(self) -> float:
        return float(np.hypot(*np.diff(self.points_mm, axis=0).T).sum())


@dataclass(frozen=True)
class SignatureVerdict:
    """Whether it is a signature; if not, the first reason against it."""

    reason: Reason | None = None

    @property
    def ok(self) -> bool:
        return self.reason is None


def strokes_in(samples: Iterable[PenSample], box: Rectangle) -> tuple[Stroke, ...]:
    """The strokes that touch the signature field. What lies wholly outside is a tap on another field."""
    strokes: list[Stroke] = []
    current: list[PenSample] = []
    for sample in samples:
        if sample.contact:
            current.append(sample)
        elif current:
            strokes.append(Stroke(tuple(current), any(one.broken for one in (*current, sample))))
            current = []
    if current:  # the pen still lies on the pad
        strokes.append(Stroke(tuple(current), any(one.broken for one in current)))
    return tuple(s for s in strokes if any(_outside_mm(box, sample) <= OUTSIDE_MM for sample in s.samples))


def judge(strokes: tuple[Stroke, ...], box: Rectangle) -> SignatureVerdict:
    """Whether these strokes are a signature within its field. A cross passes: some customers sign so."""
    return SignatureVerdict(next(_reasons(strokes, box), None))


def _reasons(strokes: tuple[Stroke, ...], box: Rectangle) -> Iterator[Reason]:
    if not strokes:
        yield "empty"
        return
    if any(_broken(stroke) for stroke in strokes) or _disordered(strokes):
        yield "broken"
    if any(_outside_mm(box, sample) > OUTSIDE_MM for stroke in strokes for sample in stroke.samples):
        yield "out_of_frame"

    points = np.concatenate([stroke.points_mm for stroke in strokes])
    side_mm = float(np.ptp(points, axis=0).max())
    length_mm = sum(stroke.length_mm for stroke in strokes)
    if max(float(np.ptp(stroke.points_mm, axis=0).max()) for stroke in strokes) < DOT_MM:
        yield "dot"  # also several taps far apart
    if side_mm < SMALL_MM:
        yield "too_small"
    if length_mm < SHORT_MM:
        yield "too_short"
    along_mm, across_mm = _extents(points)
    if across_mm < FLAT_MM or (across_mm < FLAT_SHARE * along_mm and length_mm < ONE_WAY * along_mm):
        yield "straight_line"

    contact_s = sum(stroke.samples[-1].at_ns - stroke.samples[0].at_ns for stroke in strokes) / 1e9
    if contact_s < QUICK_S or length_mm / contact_s > FAST_MM_PER_S:
        yield "too_quick"
    pressures = [sample.pressure for stroke in strokes for sample in stroke.samples]
    if max(pressures) > 0 and float(np.median(pressures)) < FAINT:  # all zero: a panel that feels no pressure
        yield "faint"


def _outside_mm(box: Rectangle, sample: PenSample) -> float:
    """How far a sample lies outside the signature field; 0 within."""
    dx = max(box.x_mm - sample.x_mm, sample.x_mm - box.x_mm - box.width_mm, 0.0)
    dy = max(box.y_mm - sample.y_mm, sample.y_mm - box.y_mm - box.height_mm, 0.0)
    return math.hypot(dx, dy)


def _broken(stroke: Stroke) -> bool:
    """Samples were lost within it: the driver says so, or two neighbours cannot be."""
    if stroke.broken:
        return True
    steps_mm = np.hypot(*np.diff(stroke.points_mm, axis=0).T)
    steps_ns = np.diff([sample.at_ns for sample in stroke.samples])
    leaps = (steps_mm > GAP_MM) | ((steps_ns > GAP_NS) & (steps_mm > DOT_MM))  # a pen at rest may send nothing
    return bool(leaps.any())


def _disordered(strokes: tuple[Stroke, ...]) -> bool:
    times = [sample.at_ns for stroke in strokes for sample in stroke.samples]
    return any(later < earlier for earlier, later in pairwise(times))


def _extents(points_mm: NDArray[np.float64]) -> tuple[float, float]:
    """(along, across) in mm: the spread along the points' main direction and across it."""
    centred = points_mm - points_mm.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    along, across = np.ptp(centred @ axes.T, axis=0) if len(axes) == 2 else (0.0, 0.0)
    return float(along), float(across)


# --- the picture ---------------------------------------------------------------------------------------------------

PEN_MM = 0.4
MARGIN_MM = 1.0
ENLARGED_AT_MOST = 2.0
_FINE = 4  # the picture is drawn this much larger and then averaged: smooth edges
_STEP_MM = 0.06  # between two imprints of the pen
_STILL_MM = 0.15  # below this the pad's noise would bend the curve


def draw(strokes: tuple[Stroke, ...]) -> Grey:
    """Black on white, 354 × 945, the ink centred and fitted (at most twice its size). No strokes: white.

    The union of one round pen's imprints at even distances along smooth curves: reordering strokes, turning them
    round or other times change not one pixel; a slower hand or another sample rate none that the eye could find.
    """
    size = (round(PICTURE_WIDTH_MM / 25.4 * PICTURE_DPI), round(PICTURE_HEIGHT_MM / 25.4 * PICTURE_DPI))
    fine = Image.new("L", (size[0] * _FINE, size[1] * _FINE), 255)
    if strokes:
        px_per_mm = PICTURE_DPI * _FINE / 25.4
        pen = ImageDraw.Draw(fine)
        radius = PEN_MM / 2 * px_per_mm
        centres = np.concatenate(_fitted([_smooth(_one_way(stroke.points_mm)) for stroke in strokes]))
        for x, y in np.unique(np.rint(centres * px_per_mm / 2) * 2, axis=0):  # a set: no order, no second pass
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=0)
    return np.asarray(fine.resize(size, Image.Resampling.BOX), dtype=np.uint8)


def encode_png(picture: Grey) -> bytes:
    """The picture as PNG with its pixels and nothing else: no time, no text, no resolution."""
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "PNG", optimize=True)
    return out.getvalue()


def _one_way(points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same points in one of their two directions, whichever way they were drawn."""
    there = points_mm.tolist()
    back = there[::-1]
    return np.array(min(there, back))


def _smooth(points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """A centripetal Catmull-Rom curve through the points: between samples the ink bends as the hand did."""
    kept = [points_mm[0]]
    for point in points_mm[1:-1]:
        if np.hypot(*(point - kept[-1])) >= _STILL_MM:
            kept.append(point)
    if np.hypot(*(points_mm[-1] - kept[-1])) > 0:
        kept.append(points_mm[-1])
    points = np.array(kept)
    if len(points) < 3:
        return points
    ends = np.vstack([2 * points[0] - points[1], points, 2 * points[-1] - points[-2]])
    knots = np.sqrt(np.hypot(*np.diff(ends, axis=0).T))
    pieces = []
    for p0, p1, p2, p3, (d0, d1, d2) in zip(
        ends, ends[1:], ends[2:], ends[3:], np.lib.stride_tricks.sliding_window_view(knots, 3), strict=False
    ):
        leave = (p1 - p0) / d0 - (p2 - p0) / (d0 + d1) + (p2 - p1) / d1
        arrive = (p2 - p1) / d1 - (p3 - p1) / (d1 + d2) + (p3 - p2) / d2
        m1, m2 = leave * d1, arrive * d1
        t = np.linspace(0, 1, max(2, math.ceil(float(np.hypot(*(p2 - p1))) / _STEP_MM)), endpoint=False)[:, None]
        pieces.append(p1 + m1 * t + (3 * (p2 - p1) - 2 * m1 - m2) * t**2 + (2 * (p1 - p2) + m1 + m2) * t**3)
    return np.vstack([*pieces, points[-1]])


def _fitted(curves_mm: list[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    """The curves in mm of the picture, with imprints at even distances."""
    everything = np.concatenate(curves_mm)
    low, high = everything.min(axis=0), everything.max(axis=0)
    middle = np.array([PICTURE_WIDTH_MM, PICTURE_HEIGHT_MM]) / 2
    room = 2 * middle - 2 * MARGIN_MM - PEN_MM
    scale = float(min(*(room / np.maximum(high - low, 0.01)), ENLARGED_AT_MOST))
    return [_even((curve - (low + high) / 2) * scale + middle) for curve in curves_mm]


def _even(curve_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    walked = np.r_[0.0, np.hypot(*np.diff(curve_mm, axis=0).T).cumsum()]
    stops = np.linspace(0, walked[-1], max(1, math.ceil(walked[-1] / _STEP_MM)) + 1)
    return np.column_stack([np.interp(stops, walked, curve_mm[:, i]) for i in (0, 1)])
