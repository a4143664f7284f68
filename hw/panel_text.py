"""A view as a terminal shows it: lines, fields, picture in half blocks. Pure: a view and a size in, text out.

Must never send what a view says as control characters to the terminal.
"""

import io
import textwrap
from functools import cache

import numpy as np
from PIL import Image, UnidentifiedImageError

from hw.cabin import View

ESC = "\x1b"
CLEAR, HOME, HIDE, SHOW = f"{ESC}[2J", f"{ESC}[H", f"{ESC}[?25l", f"{ESC}[?25h"
PLAIN, BOLD, DIM, BUTTON = f"{ESC}[0m", f"{ESC}[1;97m", f"{ESC}[37m", f"{ESC}[97;44m"
BAR = f"{ESC}[44m"
MARGIN, GAP = 3, 3
NARROW = 60
"""With fewer columns a picture stands under the text."""

SOUNDS = {"welcome": (0.0,), "well": (0.0,), "shutter": (0.0,), "done": (0.0, 0.25), "sorry": (0.0, 0.15, 0.3)}
"""When a terminal's bell rings for each sound, in seconds: one for a step on, two at the end, three for trouble."""


def screen(view: View, columns: int, rows: int, *, colours: bool) -> str:
    """The whole screen, to be written from its top-left corner. `colours`: 24 bits are shown, else no picture."""
    inner = columns - 2 * MARGIN
    picture = _picture(view.picture, inner, rows - 4, colours) if view.picture else []
    wide = _width(picture)
    beside = bool(picture) and columns >= NARROW and inner - wide - GAP >= 24
    text_width = inner - wide - GAP if beside else inner
    text = _text(view, text_width)
    body = _side_by_side(text, text_width, picture) if beside else [*text, *picture]
    buttons = _buttons(view.fields, inner)
    if len(buttons) > rows // 2:  # a small terminal has no room for space
        buttons = [line for line in buttons if line][: rows // 2]
    room = rows - 1 - len(buttons)
    lines = [f"{BAR}{' ' * columns}{PLAIN}", "", *(" " * MARGIN + line for line in body)][:room]
    lines += [""] * (room - len(lines)) + [" " * MARGIN + line for line in buttons]
    return HIDE + HOME + "\r\n".join(f"{line}{PLAIN}{ESC}[K" for line in lines) + f"{ESC}[J"


def _text(view: View, width: int) -> list[str]:
    lines: list[str] = []
    for number, line in enumerate(view.lines):
        clean = "".join(each for each in line if each.isprintable())
        parts = textwrap.wrap(clean, max(10, width)) or [""]
        if number == 0:
            lines += [f"{BOLD}{part}{PLAIN}" for part in parts] + [f"{DIM}{'─' * min(width, len(max(parts, key=len)))}"]
        else:
            lines += [f"{DIM}{part}{PLAIN}" for part in parts]
        lines.append("")
    return lines


def _buttons(fields: tuple[str, ...], width: int) -> list[str]:
    rows: list[list[str]] = [[]]
    for name in fields:
        label = f"  {name}  "
        if rows[-1] and sum(len(each) + 2 for each in rows[-1]) + len(label) > width:
            rows.append([])
        rows[-1].append(label)
    return [part for row in rows if row for part in ("  ".join(f"{BUTTON}{each}{PLAIN}" for each in row), "")]


def _side_by_side(text: list[str], width: int, picture: list[str]) -> list[str]:
    """Each picture row begins at the same column: the terminal is told which, so that text needs no measuring."""
    count = max(len(text), len(picture))
    left = text + [""] * (count - len(text))
    right = picture + [""] * (count - len(picture))
    at = f"{ESC}[{MARGIN + width + GAP + 1}G"
    return [f"{one}{PLAIN}{at}{other}" if other else one for one, other in zip(left, right, strict=True)]


def _width(picture: list[str]) -> int:
    return max((row.count("▀") or len(row) for row in picture), default=0)


@cache
def _note() -> list[str]:
    return ["┌──────────────┐", "│   (picture)  │", "└──────────────┘"]


def _picture(encoded: bytes, columns: int, rows: int, colours: bool) -> list[str]:
    """Rows of half blocks, two pixels a character; a framed note where the terminal or the picture cannot."""
    if not colours or rows < 4:
        return _note()
    try:
        with Image.open(io.BytesIO(encoded)) as opened:
            opened.draft("RGB", (4 * columns, 8 * rows))
            image = opened.convert("RGB")
    except (UnidentifiedImageError, OSError):
        return _note()
    image.thumbnail((max(8, columns * 11 // 20), 2 * rows), Image.Resampling.BOX)
    pixels = np.asarray(image.crop((0, 0, image.width, image.height // 2 * 2)))
    return [_row(upper.tolist(), lower.tolist()) for upper, lower in zip(pixels[::2], pixels[1::2], strict=True)]


def _row(upper: list[list[int]], lower: list[list[int]]) -> str:
    parts, before = [], ""
    for (r, g, b), (r2, g2, b2) in zip(upper, lower, strict=True):
        colour = f"{ESC}[38;2;{r};{g};{b};48;2;{r2};{g2};{b2}m"
        parts.append("▀" if colour == before else f"{colour}▀")
        before = colour
    return "".join(parts)
