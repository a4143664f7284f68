"""The picture with its verdict drawn on it: frame, marks, and the findings beside it. Values in, a picture out."""

from functools import cache
from importlib.resources import as_file, files
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from edge.portrait import Finding, Verdict
from edge.portrait.frame import WIDTH_MM, frame
from edge.portrait.pixels import RGB
from edge.texts import Texts

HEIGHT_PX, WIDTH_PX = 900, 1260  # of the picture at most
COLUMN_PX: Final = 620
HEAD_PX, ROW_PX, LINE_PX = 66, 24, 18  # of the column: above its rows, a finding, a line of its reason
WELL, BAD, ONLY_TOLD, INK, PAPER = "#1a7f37", "#c0262d", "#8a8f98", "#20242b", "#ffffff"


def draw(rgb: RGB, verdict: Verdict, texts: Texts, *, shrunk: int = 1) -> Image.Image:
    """The picture at most 900 px high with frame, eyes, chin and crown; all findings in a column at its right.

    `shrunk`: the array shows the judged picture at 1/shrunk of its size.
    """
    height, width = rgb.shape[0] * shrunk, rgb.shape[1] * shrunk
    scale = min(1.0, HEIGHT_PX / height, WIDTH_PX / width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    shown = Image.fromarray(rgb).resize(size, Image.Resampling.LANCZOS)
    entries = _entries(verdict, texts)
    sheet = Image.new("RGB", (shown.width + COLUMN_PX, max(HEIGHT_PX, HEAD_PX + sum(map(_height, entries)))), PAPER)
    sheet.paste(shown, (0, 0))
    pen = ImageDraw.Draw(sheet)
    if verdict.face is not None:
        _marks(pen, verdict, (width, height), scale)
    x = shown.width + 24
    head = texts("norm.verdict.passed" if verdict.passed else "norm.verdict.refused")
    pen.text((x, 20), head, font=font(26), fill=WELL if verdict.passed else BAD)
    _column(pen, entries, texts, x)
    return sheet


def _marks(pen: ImageDraw.ImageDraw, verdict: Verdict, size: tuple[int, int], scale: float) -> None:
    face = verdict.face
    assert face is not None
    colour = WELL if verdict.passed else BAD
    cut = frame(face, *size)
    corners = [(float(x) * scale, float(y) * scale) for x, y in cut.corners()]
    pen.line([*corners, corners[0]], fill=colour, width=3)
    for x, y in face.eyes_px:
        pen.ellipse([x * scale - 4, y * scale - 4, x * scale + 4, y * scale + 4], outline=colour, width=2)
    along = np.array(cut.right) * WIDTH_MM / 2 * cut.px_per_mm * 0.6
    for x, y in (face.chin_px, face.crown_px):
        ends = [((x + sign * along[0]) * scale, (y + sign * along[1]) * scale) for sign in (-1, 1)]
        pen.line(ends, fill=colour, width=2)
    # the band of the crown, 90 %
    band = face.crown_uncertainty_mm * cut.px_per_mm * np.array([-cut.right[1], cut.right[0]])
    x, y = face.crown_px
    pen.line(
        [((x - band[0]) * scale, (y - band[1]) * scale), ((x + band[0]) * scale, (y + band[1]) * scale)], colour, 4
    )


Entry = tuple[Finding, list[str]]
"""A finding, and the lines of its reason."""


def _entries(verdict: Verdict, texts: Texts) -> list[Entry]:
    """All findings, those that refuse the picture first."""
    order = [*verdict.failed, *(each for each in verdict.findings if each.passed is not False)]
    reasons = ("" if each.reason is None else texts(each.reason.key, **each.reason.params) for each in order)
    return [(each, _lines(why, font(14), COLUMN_PX - 90)) for each, why in zip(order, reasons, strict=True)]


def _height(entry: Entry) -> int:
    lines = len(entry[1])
    return ROW_PX + (LINE_PX * lines + 4 if lines else 0)


def _column(pen: ImageDraw.ImageDraw, entries: list[Entry], texts: Texts, x: int) -> None:
    y = HEAD_PX
    for each, lines in entries:
        colour = {True: WELL, False: BAD, None: ONLY_TOLD}[each.passed]
        pen.ellipse([x, y + 5, x + 10, y + 15], fill=colour if each.passed is not None else None, outline=colour)
        pen.text((x + 20, y), texts(f"norm.name.{each.name}"), font=font(17), fill=INK)
        value = f"{each.value:.3g} {each.unit}".strip()
        pen.text((x + COLUMN_PX - 60, y), value, font=font(17), fill=colour, anchor="ra")
        for number, line in enumerate(lines):
            pen.text((x + 20, y + ROW_PX + number * LINE_PX), line, font=font(14), fill=BAD)
        y += _height((each, lines))


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """The house's font, which has all accents."""
    with as_file(files("edge.fonts") / "DejaVuSans.ttf") as path:
        return ImageFont.truetype(str(path), size)


def _lines(sentence: str, face: ImageFont.FreeTypeFont, width: int) -> list[str]:
    lines: list[str] = []
    for word in sentence.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and face.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
