"""Which input device is the pen, and where on its pad in millimetres a raw position lies. Pure.

Must never take one of several pens: which hangs on the booth stands in the configuration.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from hw.cabin import DeviceFault, DeviceMissing
from hw.pen_events import ABS_MT_POSITION_X, ABS_PRESSURE, ABS_X, BTN_TOOL_PEN, BTN_TOUCH

RESIDUAL_MM = 1.0
"""A calibration that misses one of its own points by more was measured wrongly; the smallest field is 5 mm high."""

Kind = Literal["pen", "touch"]


@dataclass(frozen=True)
class Axis:
    """Raw values from `least` to `most`; `per_mm`: how many of them make a millimetre, 0 where it does not say."""

    least: int
    most: int
    per_mm: int = 0


@dataclass(frozen=True)
class Node:
    """An input device as it describes itself. `pointer`: it moves a pointer from afar, as a laptop's touch pad does."""

    path: str
    name: str
    keys: frozenset[int] = frozenset()
    axes: frozenset[int] = frozenset()
    pointer: bool = False

    @property
    def kind(self) -> Kind | None:
        """A pen feels pressure; a touch panel is told by contact alone. None: neither."""
        if BTN_TOUCH not in self.keys or not self.axes & {ABS_X, ABS_MT_POSITION_X}:
            return None
        if BTN_TOOL_PEN in self.keys:
            return "pen" if ABS_PRESSURE in self.axes else None
        return None if self.pointer else "touch"

    def __str__(self) -> str:
        return f"“{self.name}” at {self.path}"


def usable(node: Node) -> Kind:
    """Its kind. DeviceFault where it is no pen, and why not."""
    if node.kind is not None:
        return node.kind
    if BTN_TOOL_PEN in node.keys and ABS_PRESSURE not in node.axes:
        raise DeviceFault("pen", f"{node} feels no pressure, which a signature needs; plug in a tablet that does")
    raise DeviceFault("pen", f"{node} is neither a pen tablet nor a touch panel; `booth devices` names those that are")


def choose(nodes: Sequence[Node], forbidden: int = 0) -> Node:
    """The one pen, or without a pen the one touch panel. DeviceMissing for none, DeviceFault for several.

    `forbidden`: how many more devices there are that we may not open.
    """
    for kind in ("pen", "touch"):
        fitting = [node for node in nodes if node.kind == kind]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            names = ", ".join(str(node) for node in fitting)
            raise DeviceFault("pen", f"{len(fitting)} could be it: {names}; name one as cabin.pen.device")
    for node in nodes:
        if BTN_TOOL_PEN in node.keys:
            usable(node)  # says what it lacks
    if forbidden:
        raise DeviceFault("pen", f"no permission for {forbidden} input devices; add the booth's user to group `input`")
    raise DeviceMissing("pen", "no pen tablet is there; plug it in, see `booth devices`")


@dataclass(frozen=True)
class Pad:
    """The pad's size, and (raw x, raw y, 1) → mm as two rows."""

    width_mm: float
    height_mm: float
    rows: tuple[tuple[float, float, float], tuple[float, float, float]]

    def mm(self, x: int, y: int) -> tuple[float, float]:
        (ax, ay, a), (bx, by, b) = self.rows
        return ax * x + ay * y + a, bx * x + by * y + b


def pad(
    x: Axis,
    y: Axis,
    size_mm: tuple[float, float] | None,
    calibration: Sequence[tuple[float, float, float, float]] | None,
) -> Pad:
    """By calibration if there is one, else by the configured size, else by the device's own resolution. DeviceFault."""
    if x.most <= x.least or y.most <= y.least:
        raise DeviceFault("pen", "the device tells no range of positions; it cannot serve as a pen")
    if calibration is not None:
        rows, _ = fit(calibration)
        corners = np.array([(cx, cy, 1) for cx in (x.least, x.most) for cy in (y.least, y.most)]) @ np.array(rows).T
        width, height = size_mm or corners.max(axis=0)
        return Pad(float(width), float(height), rows)
    if size_mm is None:
        if not (x.per_mm > 0 and y.per_mm > 0):
            raise DeviceFault(
                "pen", "the device tells no resolution; measure its active area: cabin.pen.width_mm and height_mm"
            )
        size_mm = (x.most - x.least) / x.per_mm, (y.most - y.least) / y.per_mm
    across, down = size_mm[0] / (x.most - x.least), size_mm[1] / (y.most - y.least)
    return Pad(*size_mm, ((across, 0.0, -across * x.least), (0.0, down, -down * y.least)))


Rows = tuple[tuple[float, float, float], tuple[float, float, float]]


def fit(calibration: Sequence[tuple[float, float, float, float]]) -> tuple[Rows, float]:
    """The affine map that fits (raw x, raw y, x mm, y mm) best, and by how many mm it misses the worst point.

    Four points leave one over, so that a wrong one shows. ValueError where they lie on one line.
    """
    points = np.array(calibration, dtype=np.float64)
    raw = np.column_stack([points[:, :2], np.ones(len(points))])
    scale = np.abs(raw).max(axis=0)
    scale[scale == 0] = 1.0
    solved, _, rank, _ = np.linalg.lstsq(raw / scale, points[:, 2:], rcond=1e-9)
    if rank < 3:
        raise ValueError("its points lie on one line; touch the pad near its four corners")
    solved = solved / scale[:, None]
    missed = float(np.hypot(*(raw @ solved - points[:, 2:]).T).max())
    across, down = (tuple(float(value) for value in column) for column in solved.T)
    return (across, down), missed  # type: ignore[return-value]  # three values each
