"""The 35 × 45 mm frame: where it lies in the picture, and the portrait cut out of it. Pure; never decides.

French rule: 35 mm wide, 45 mm high, chin to crown 32 to 36 mm. The head is framed to 34 mm, the eyes level, the face's
axis in the middle. The head may slide up or down a little where the picture would otherwise end.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from .pixels import RGB, Points, reduced
from .threads import part_by_part
from .verdict import Face

WIDTH_MM, HEIGHT_MM = 35.0, 45.0
WIDTH_PX, HEIGHT_PX = 827, 1063  # at 600 dpi
ABOVE_MM = 4.0  # wished between the upper edge and the crown: the eyes then lie at 44 % of the height
ABOVE_LEAST_MM, ABOVE_MOST_MM = 3.0, 6.0
BAND_PX = 64  # rows of the portrait that are cut out together
MIDDLE_STEP = 1.7  # picture pixels per portrait pixel wished for: fewer are soft, more leave pixels out
LEAST_LINEAR_STEP = 1.25
_ABOVE_MM = np.array(sorted(np.linspace(ABOVE_LEAST_MM, ABOVE_MOST_MM, 13), key=lambda mm: abs(mm - ABOVE_MM)))


@dataclass(frozen=True)
class Frame:
    """The frame in pixels of the picture: its upper left corner, unit vectors to the right and down, px per mm."""

    x: float
    y: float
    right: tuple[float, float]
    px_per_mm: float
    outside_mm: float  # how far it sticks out of the picture at its worst corner, 0 when it lies inside

    def corners(self) -> Points:
        """Upper left, upper right, lower right, lower left (4 × 2)."""
        return self.at(np.array([[0, 0], [WIDTH_MM, 0], [WIDTH_MM, HEIGHT_MM], [0, HEIGHT_MM]], np.float64))

    def shrunk(self, by: int) -> "Frame":
        """The same frame in a picture at 1/by of its size."""
        return Frame(self.x / by, self.y / by, self.right, self.px_per_mm / by, self.outside_mm)

    def at(self, mm: Points) -> Points:
        """Points in mm from the upper left corner, as pixels of the picture."""
        cos, sin = self.right
        scaled = mm * self.px_per_mm
        return np.stack(
            [self.x + cos * scaled[:, 0] - sin * scaled[:, 1], self.y + sin * scaled[:, 0] + cos * scaled[:, 1]], axis=1
        )


def frame(face: Face, width: int, height: int) -> Frame:
    """The frame for a face in a picture of that size, slid so that as little as can be lies outside."""
    px_per_mm = 1 / face.mm_per_px
    cos, sin = float(np.cos(np.radians(face.roll))), float(np.sin(np.radians(face.roll)))
    mx, my = face.middle_px
    crown_up = (face.crown_px[0] - mx) * sin - (face.crown_px[1] - my) * cos  # along the axis, from the eyes
    left, up = WIDTH_MM / 2 * px_per_mm, crown_up + _ABOVE_MM * px_per_mm
    x, y = mx - cos * left + sin * up, my - sin * left - cos * up
    corners = Frame(0.0, 0.0, (cos, sin), px_per_mm, 0.0).corners()
    over_x, over_y = (
        np.maximum(-(at + along.min()), at + along.max() - end)
        for at, along, end in zip((x, y), corners.T, (width, height), strict=True)
    )
    beyond = np.maximum(np.maximum(over_x, over_y), 0.0) * face.mm_per_px
    best = int(np.argmax(beyond <= beyond.min() + 1e-9))  # the first of the equally good
    return Frame(float(x[best]), float(y[best]), (cos, sin), px_per_mm, float(beyond[best]))


def cut_out(rgb: RGB, frame: Frame) -> RGB:
    """The portrait: 1063 × 827 × 3 (600 dpi), or as many pixels as the sensor gives where that is less.

    Nothing is enlarged: below 600 dpi the portrait has the picture's own resolution, still 35 : 45. Parts of the frame
    outside the picture repeat its edge (the finding `margins` refuses such a picture).
    """
    width_px = min(WIDTH_PX, max(1, round(WIDTH_MM * frame.px_per_mm)))
    height_px = round(width_px * HEIGHT_PX / WIDTH_PX)
    step = frame.px_per_mm * WIDTH_MM / width_px  # picture pixels per portrait pixel
    shrink = max(1, round(step / MIDDLE_STEP))
    # between few picture pixels a straight line would blur
    filter_ = Image.Resampling.BILINEAR if step / shrink >= LEAST_LINEAR_STEP else Image.Resampling.BICUBIC
    cos, sin = frame.right
    a, d = cos * step / shrink, sin * step / shrink
    portrait = np.empty((height_px, width_px, 3), np.uint8)

    def lay(top: int) -> None:
        rows = min(BAND_PX, height_px - top)
        ends = np.array([[0, top], [width_px, top], [width_px, top + rows], [0, top + rows]]) * step / frame.px_per_mm
        part, (left, above) = _part(rgb, frame.at(ends), shrink)
        origin = frame.x - top * sin * step, frame.y + top * cos * step
        data = (a, -d, (origin[0] - left) / shrink, d, a, (origin[1] - above) / shrink)
        portrait[top : top + rows] = np.asarray(part.transform((width_px, rows), Image.Transform.AFFINE, data, filter_))

    # band by band, so that no large copy of the picture is made
    part_by_part(lay, range(0, height_px, BAND_PX))
    return portrait


def _part(rgb: RGB, corners: Points, shrink: int) -> tuple[Image.Image, tuple[int, int]]:
    """The picture about the corners at 1/shrink of its size, its edge repeated outside, and where its corner lies."""
    height, width = rgb.shape[:2]
    around = 3 * shrink  # what the filters reach to
    x0, y0 = (int(each) // shrink * shrink for each in np.floor(corners.min(axis=0)) - around)
    x1, y1 = (int(each) for each in np.ceil(corners.max(axis=0)) + around)
    if x0 < 0 or y0 < 0 or x1 > width or y1 > height:
        columns, rows = np.arange(x0, x1).clip(0, width - 1), np.arange(y0, y1).clip(0, height - 1)
        return reduced(rgb[rows[:, None], columns], shrink, (0, 0, x1 - x0, y1 - y0)), (x0, y0)
    return reduced(rgb, shrink, (x0, y0, x1, y1)), (x0, y0)
