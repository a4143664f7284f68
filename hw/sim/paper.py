"""What a ticket printer's paper shows: rows of dots as a picture of the sheet that came out."""

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

DOTS = 576  # of 640 on 80 mm at 203 dpi
MARGIN = 32


@dataclass(frozen=True, eq=False)
class Sheet:
    """One piece of paper. `whole`: cut, and nothing of its data was lost. `rows`: H × 576, True = black.

    `escpos`: the bytes received for it, status requests included.
    """

    n: int
    whole: bool
    rows: NDArray[np.bool_]
    escpos: bytes

    @property
    def png(self) -> bytes:
        """White paper at one pixel per dot, 80 mm = 640 wide, with its cut (dashes) or torn edge at the foot."""
        height = len(self.rows)
        paper = np.full((height + 2 * MARGIN, DOTS + 2 * MARGIN), 255, np.uint8)
        paper[MARGIN : MARGIN + height, MARGIN : MARGIN + DOTS][self.rows] = 0
        image = Image.fromarray(paper)
        draw = ImageDraw.Draw(image)
        foot = image.height - 1
        if self.whole:
            for x in range(0, image.width, 16):
                draw.line((x, foot, x + 7, foot), fill=128)
        else:
            edge = [(x, foot - x * x // 16 * 31 % 23) for x in range(0, image.width + 16, 16)]
            draw.polygon([(0, foot + 1), *edge, (image.width, foot + 1)], fill=128)
        out = io.BytesIO()
        image.save(out, "PNG", optimize=False)
        return out.getvalue()
