"""The pen's fields: named rectangles in mm of the pad or touch panel, and which of them a stroke taps. Pure.

Without rectangles in the configuration they lie as on the standard overlay (docs/pictures/overlay.png), which fills the
pad: services in the top row, then shots, then the signature between `redo`/`cancel` and `yes`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from hw.cabin import PenSample

TAP_MM = 6.0
"""A tap moves less than this; a resting hand shakes about 1 mm, the smallest field is 5 mm high."""

NAMES = ("language", "yes", "redo", "cancel", "signature", "shot.1", "shot.2", "shot.3")


class Rectangle(Protocol):
    @property
    def x_mm(self) -> float: ...
    @property
    def y_mm(self) -> float: ...
    @property
    def width_mm(self) -> float: ...
    @property
    def height_mm(self) -> float: ...


@dataclass(frozen=True)
class Box:
    """A rectangle in mm from the pad's top-left corner."""

    x_mm: float
    y_mm: float
    width_mm: float
    height_mm: float

    @property
    def centre_mm(self) -> tuple[float, float]:
        return self.x_mm + self.width_mm / 2, self.y_mm + self.height_mm / 2


def contains(box: Rectangle, x_mm: float, y_mm: float) -> bool:
    return box.x_mm <= x_mm < box.x_mm + box.width_mm and box.y_mm <= y_mm < box.y_mm + box.height_mm


def overlay(
    service_ids: Sequence[str], width_mm: float, height_mm: float, configured: Mapping[str, Rectangle] | None = None
) -> dict[str, Rectangle]:
    """All fields of a pad; `configured` rectangles take the place of the standard ones."""
    row, gap = height_mm / 5, 2.0
    fields: dict[str, Rectangle] = {}

    def lay(names: Sequence[str], x: float, y: float, width: float, height: float) -> None:
        each = (width - gap * (len(names) - 1)) / len(names)
        for i, name in enumerate(names):
            fields[name] = Box(x + i * (each + gap), y, each, height)

    lay([f"service.{id}" for id in service_ids], gap, gap, width_mm - 2 * gap, row)
    lay(["shot.1", "shot.2", "shot.3", "language"], gap, row + 2 * gap, width_mm - 2 * gap, row * 0.8)
    top = row * 1.8 + 3 * gap
    side, rest = width_mm * 0.2, height_mm - top - gap
    fields["redo"] = Box(gap, top, side, rest * 0.6)
    fields["cancel"] = Box(gap, top + rest * 0.6 + gap, side, rest * 0.4 - gap)
    fields["signature"] = Box(gap + side + gap, top, width_mm - 2 * side - 4 * gap, rest)
    fields["yes"] = Box(width_mm - side - gap, top, side, rest)
    return fields | dict(configured or {})


def tapped(fields: Mapping[str, Rectangle], stroke: Sequence[PenSample]) -> str | None:
    """The field that a stroke taps: it begins and ends there and hardly moves. None for a drawn stroke or a miss."""
    if not stroke or any(sample.broken for sample in stroke):
        return None
    xs, ys = [s.x_mm for s in stroke], [s.y_mm for s in stroke]
    if max(xs) - min(xs) > TAP_MM or max(ys) - min(ys) > TAP_MM:
        return None
    for name, box in fields.items():
        if contains(box, xs[0], ys[0]) and contains(box, xs[-1], ys[-1]):
            return name
    return None


def problems(configured: Mapping[str, Rectangle], service_ids: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(key, problem) of configured rectangles: unknown names, and rectangles that overlap."""
    known = {*NAMES, *(f"service.{id}" for id in service_ids)}
    names = sorted(configured)
    for name in names:
        if name not in known:
            yield f"fields.{name}", f"is no field; fields are {', '.join(sorted(known))}"
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            if _overlap(configured[first], configured[second]):
                yield f"fields.{first}", f"overlaps fields.{second}"


def _overlap(a: Rectangle, b: Rectangle) -> bool:
    return (
        a.x_mm < b.x_mm + b.width_mm
        and b.x_mm < a.x_mm + a.width_mm
        and a.y_mm < b.y_mm + b.height_mm
        and b.y_mm < a.y_mm + a.height_mm
    )
