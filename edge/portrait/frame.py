"""The 35 × 45 mm frame: where it lies in the picture, and the portrait cut out of it. Pure; never decides.

French rule: 35 mm wide, 45 mm high, chin to crown 32 to 36 mm. The head is framed to 34 mm, the eyes level, the face's
axis in the middle. The head may slide up or down a little where the picture would otherwise end.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from .pixels import RGB, Points
from .verdict import Face

WIDTH_MM, HEIGHT_MM = 35.0, 45.0
WIDTH_PX, HEIGHT_PX = 827, 1063  # at 600 dpi
ABOVE_MM = 4.0  # wished between the upper edge and the crown: the eyes then lie at 44 % of the height
ABOVE_LEAST_MM, ABOVE_MOST_MM = 3.0, 6.0


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
    best: Frame | None = None
    for above in sorted(np.linspace(ABOVE_LEAST_MM, ABOVE_MOST_MM, 13), key=lambda mm: abs(mm - ABOVE_MM)):
        left, up = WIDTH_MM / 2 * px_per_mm, crown_up + above * px_per_mm
        x, y = mx - cos * left + sin * up, my - sin * left - cos * up
        corners = Frame(x, y, (cos, sin), px_per_mm, 0.0).corners()
        beyond = max(-corners.min(), (corners[:, 0] - width).max(), (corners[:, 1] - height).max(), 0.0)
        if best is None or beyond * face.mm_per_px < best.outside_mm - 1e-9:
            best = Frame(x, y, (cos, sin), px_per_mm, float(beyond) * face.mm_per_px)
    assert best is not None
    return best


def cut_out(rgb: RGB, frame: Frame) -> RGB:
    """The portrait: 1063 × 827 × 3 (600 dpi), or as many pixels as the sensor gives where that is less.

    Nothing is enlarged: below 600 dpi the portrait has the picture's own resolution, still 35 : 45. Parts of the frame
    outside the picture repeat its edge (the finding `margins` refuses such a picture).
    """
    width_px = min(WIDTH_PX, max(1, round(WIDTH_MM * frame.px_per_mm)))
    height_px = round(width_px * HEIGHT_PX / WIDTH_PX)
    corners = frame.corners()
    low = np.maximum(np.floor(corners.min(axis=0)).astype(int) - 4, 0)
    high = np.minimum(np.ceil(corners.max(axis=0)).astype(int) + 4, [rgb.shape[1], rgb.shape[0]])
    high = np.maximum(high, low + 1)
    low = np.minimum(low, high - 1)
    rows = Image.fromarray(rgb[low[1] : high[1]])
    step = frame.px_per_mm * WIDTH_MM / width_px  # picture pixels per portrait pixel
    shrink = max(1, int(step))
    across = (int(low[0]), 0, int(high[0]), rows.height)
    image = rows.reduce(shrink, across) if shrink > 1 else rows.crop(across)
    beyond = -np.minimum(corners.min(axis=0) - low, 0), np.maximum(corners.max(axis=0) - high, 0)
    edge = int(np.ceil(max(beyond[0].max(), beyond[1].max()) / shrink)) + 2
    if edge > 2:
        image = Image.fromarray(np.pad(np.asarray(image), [(edge, edge), (edge, edge), (0, 0)], mode="edge"))
    else:
        edge = 0
    x, y = (frame.x - low[0]) / shrink + edge, (frame.y - low[1]) / shrink + edge
    cos, sin = frame.right
    a, d = cos * step / shrink, sin * step / shrink
    data = (a, -d, x, d, a, y)
    portrait = image.transform((width_px, height_px), Image.Transform.AFFINE, data, Image.Resampling.BICUBIC)
    return np.asarray(portrait)
