"""Pictures made of characters: pen strokes and a camera's view on a terminal. Pure: values in, text out."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hw.cabin import Rgb

# the dots of a Braille character by column and row [Unicode 1.1, U+2800 ff.]
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))


class Canvas:
    """A sheet of `columns` × `rows` characters, 2 × 4 dots each, that shows `width` × `height` of anything."""

    def __init__(self, columns: int, rows: int, width: float, height: float) -> None:
        self._cells: NDArray[np.uint8] = np.zeros((rows, columns), np.uint8)
        self._scale = 2 * columns / width, 4 * rows / height
        self._last: tuple[float, float] | None = None

    def line_to(self, x: float, y: float) -> None:
        """Draws from the last point, or sets a dot where the pen was lifted before."""
        here = x * self._scale[0], y * self._scale[1]
        start = self._last or here
        steps = max(1, round(max(abs(here[0] - start[0]), abs(here[1] - start[1]))))
        for step in range(steps + 1):
            part = step / steps
            self._dot(start[0] + (here[0] - start[0]) * part, start[1] + (here[1] - start[1]) * part)
        self._last = here

    def lift(self) -> None:
        self._last = None

    def clear(self) -> None:
        self._cells[:] = 0

    def text(self) -> str:
        return "\n".join("".join(chr(0x2800 + int(cell)) for cell in row) for row in self._cells)

    def _dot(self, x: float, y: float) -> None:
        column, row = int(x), int(y)
        if 0 <= column < 2 * self._cells.shape[1] and 0 <= row < 4 * self._cells.shape[0]:
            self._cells[row // 4, column // 2] |= _DOTS[column % 2][row % 4]


def half_blocks(rgb: Rgb, columns: int) -> Iterable[list[tuple[str, str]]]:
    """The picture in rows of (colour of the upper half, of the lower half) as `#rrggbb`, two pixels a character."""
    height = max(2, round(rgb.shape[0] / rgb.shape[1] * columns) // 2 * 2)
    small = np.asarray(Image.fromarray(rgb).resize((columns, height), Image.Resampling.BOX))
    for upper, lower in zip(small[::2], small[1::2], strict=True):
        yield [(_hex(above), _hex(below)) for above, below in zip(upper, lower, strict=True)]


def sharpness(rgb: Rgb) -> float:
    """Mean step of lightness between neighbours in the middle quarter, 0…255: grows while a lens is turned to focus."""
    height, width = rgb.shape[:2]
    middle = rgb[height // 4 : 3 * height // 4, width // 4 : 3 * width // 4].mean(axis=2)
    return float((np.abs(np.diff(middle, axis=0)).mean() + np.abs(np.diff(middle, axis=1)).mean()) / 2)


def _hex(pixel: NDArray[np.uint8]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*pixel)
