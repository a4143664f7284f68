"""Blocks of 1-bit paper: paragraphs, rules, frames, QR codes, and the two ways to put them together. Pure.

A block is a picture, H × W, True = black. Blocks only ever grow: text wraps and lines get higher, nothing is cut off.
"""

import re
from functools import cache
from importlib.resources import files
from typing import Literal

import numpy as np
import segno
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Bits = NDArray[np.bool_]
Align = Literal["left", "middle", "right"]
Face = Literal["DejaVuSans", "DejaVuSans-Bold", "DejaVuSansMono-Bold"]
PLAIN: Face = "DejaVuSans"
BOLD: Face = "DejaVuSans-Bold"
CODE: Face = "DejaVuSansMono-Bold"
"""For what is typed from paper: its zero has a dot, its one a foot."""

WIDTH_DOTS = 576
DOTS_PER_MM = 8
"""203 dpi is 7.99 dots per mm."""


@cache
def font(face: Face, size_dots: int) -> ImageFont.FreeTypeFont:
    """One face at one size, opened once. DejaVu is hinted for 1-bit rendering, so small text stays crisp."""
    path = str(files("edge") / "fonts" / f"{face}.ttf")
    return ImageFont.truetype(path, size_dots, layout_engine=ImageFont.Layout.BASIC)


def paragraph(
    text: str, size_dots: int, width_dots: int, *, face: Face = PLAIN, align: Align = "left", tight: bool = False
) -> Bits:
    """The text, wrapped between words and, where a word is longer than the line, within it. `width_dots` wide, or
    with `tight` as wide as its longest line."""
    lines = wrap(text, face, size_dots, width_dots)
    wide = max(_span(line, face, size_dots)[1] for line in lines) if tight else width_dots
    return stack(*(_line(line, face, size_dots, wide, align) for line in lines))


def wrap(text: str, face: Face, size_dots: int, width_dots: int) -> list[str]:
    """Lines that fit. Non-breaking spaces do not break, nor do those that French sets before : ; ? ! and within « »;
    joined by spaces, the lines are the text's words again, but for words longer than a line."""
    text = re.sub(r" (?=[:;?!»])|(?<=«) ", "\u00a0", text)
    lines = [""]
    for word in re.split(r"[ \t\r\n]+", text.strip(" \t\r\n")):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if _span(longer, face, size_dots)[1] <= width_dots:
            lines[-1] = longer
            continue
        rest = word
        if lines[-1]:
            lines.append("")
        while _span(rest, face, size_dots)[1] > width_dots and len(rest) > 1:
            fits = max((n for n in range(1, len(rest)) if _span(rest[:n], face, size_dots)[1] <= width_dots), default=1)
            lines[-1] = rest[:fits]
            lines.append("")
            rest = rest[fits:]
        lines[-1] = rest
    return lines


def _span(text: str, face: Face, size_dots: int) -> tuple[int, int]:
    """(dots that the ink reaches left of the pen's start, width of ink and advance together)."""
    left, _, right, _ = font(face, size_dots).getbbox(text, mode="1", anchor="ls")
    overhang = max(0, -int(left))
    return overhang, overhang + int(np.ceil(max(right, font(face, size_dots).getlength(text, mode="1"))))


def _line(text: str, face: Face, size_dots: int, width_dots: int, align: Align) -> Bits:
    overhang, ink_dots = _span(text, face, size_dots)
    _, top, _, bottom = font(face, size_dots).getbbox(text, mode="1", anchor="ls")
    above = max(round(0.92 * size_dots), int(np.ceil(-top)))  # stacked accents reach above the usual line
    below = max(round(0.23 * size_dots), int(np.ceil(bottom)))
    paper = Image.new("1", (max(width_dots, ink_dots), above + below), 0)
    spare = {"left": 0, "middle": (paper.width - ink_dots) // 2, "right": paper.width - ink_dots}[align]
    start = overhang + spare
    ImageDraw.Draw(paper).text((start, above), text, fill=1, font=font(face, size_dots), anchor="ls")
    return np.asarray(paper, dtype=np.bool_)


# --- putting together ----------------------------------------------------------------------------------------------


def blank(height_dots: int, width_dots: int = 1) -> Bits:
    return np.zeros((height_dots, width_dots), np.bool_)


def rule(width_dots: int, thick_dots: int = 2) -> Bits:
    return np.ones((thick_dots, width_dots), np.bool_)


def stack(*blocks: Bits, gap_dots: int = 0) -> Bits:
    """One beneath the other, aligned left, as wide as the widest."""
    wide = max(block.shape[1] for block in blocks)
    parts: list[Bits] = []
    for block in blocks:
        parts += [blank(gap_dots, wide), np.pad(block, ((0, 0), (0, wide - block.shape[1])))]
    return np.concatenate(parts[1:])


def beside(*blocks: Bits, gap_dots: int, at: Literal["top", "middle", "foot"] = "top") -> Bits:
    """From left to right, aligned at their tops, middles or feet, as high as the highest."""
    high = max(block.shape[0] for block in blocks)
    parts: list[Bits] = []
    for block in blocks:
        spare = high - block.shape[0]
        above = {"top": 0, "middle": spare // 2, "foot": spare}[at]
        parts += [blank(high, gap_dots), np.pad(block, ((above, spare - above), (0, 0)))]
    return np.concatenate(parts[1:], axis=1)


def padded(block: Bits, across_dots: int, down_dots: int) -> Bits:
    return np.pad(block, ((down_dots, down_dots), (across_dots, across_dots)))


def framed(block: Bits, thick_dots: int = 2) -> Bits:
    return np.pad(block, thick_dots, constant_values=True)


def widened(block: Bits, width_dots: int) -> Bits:
    """White added at the right."""
    return np.pad(block, ((0, 0), (0, max(0, width_dots - block.shape[1]))))


def heightened(block: Bits, height_dots: int) -> Bits:
    """White added above and below alike."""
    spare = max(0, height_dots - block.shape[0])
    return np.pad(block, ((spare // 2, spare - spare // 2), (0, 0)))


def qr(text: str, side_dots: int) -> Bits:
    """A QR code (ISO/IEC 18004, level M or better) with its quiet zone of four modules, about `side_dots` wide;
    wider where modules would be smaller than 4 dots (0.5 mm), which thermal paper and phones read with ease."""
    code = segno.make(text, error="m", micro=False)
    modules = np.array([[bool(dark) for dark in row] for row in code.matrix])
    scale = max(4, side_dots // (len(modules) + 8))
    return np.kron(np.pad(modules, 4), np.ones((scale, scale), np.bool_)).astype(np.bool_)
