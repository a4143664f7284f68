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

HEIGHT_PX: Final = 900
COLUMN_PX: Final = 620
WELL, BAD, ONLY_TOLD, INK, PAPER = "#1a7f37", "#c0262d", "#8a8f98", "#20242b", "#ffffff"


def draw(rgb: RGB, verdict: Verdict, texts: Texts) -> Image.Image:
    """The picture at most 900 px high with frame, eyes, chin and crown; the findings in a column at its right."""
    height, width = rgb.shape[:2]
    scale = min(1.0, HEIGHT_PX / height, HEIGHT_PX * 1.4 / width)
    shown = Image.fromarray(rgb).resize((round(width * scale), round(height * scale)), Image.Resampling.LANCZOS)
    sheet = Image.new("RGB", (shown.width + COLUMN_PX, max(HEIGHT_PX, shown.height)), PAPER)
    sheet.paste(shown, (0, 0))
    pen = ImageDraw.Draw(sheet)
    if verdict.face is not None:
        _marks(pen, verdict, (width, height), scale)
    _column(pen, verdict, texts, shown.width + 24)
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


def _column(pen: ImageDraw.ImageDraw, verdict: Verdict, texts: Texts, x: int) -> None:
    big, plain, small = font(26), font(17), font(14)
    head = texts("norm.verdict.passed" if verdict.passed else "norm.verdict.refused")
    pen.text((x, 20), head, font=big, fill=WELL if verdict.passed else BAD)
    y = 66
    order: list[Finding] = [*verdict.failed, *(each for each in verdict.findings if each.passed is not False)]
    for each in order:
        colour = {True: WELL, False: BAD, None: ONLY_TOLD}[each.passed]
        pen.ellipse([x, y + 5, x + 10, y + 15], fill=colour if each.passed is not None else None, outline=colour)
        pen.text((x + 20, y), texts(f"norm.name.{each.name}"), font=plain, fill=INK)
        value = f"{each.value:.3g} {each.unit}".strip()
        pen.text((x + COLUMN_PX - 60, y), value, font=plain, fill=colour, anchor="ra")
        y += 24
        if each.reason is not None:
            for line in _lines(texts(each.reason.key, **each.reason.params), small, COLUMN_PX - 90):
                pen.text((x + 20, y), line, font=small, fill=BAD)
                y += 18
            y += 4


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """The house's font, which has all accents."""
    with as_file(files("edge.fonts") / "DejaVuSans.ttf") as path:
        return ImageFont.truetype(str(path), size)


def _lines(sentence: str, face: ImageFont.FreeTypeFont, width: int) -> list[str]:
    lines = [""]
    for word in sentence.split():
        longer = f"{lines[-1]} {word}".strip()
        if face.getlength(longer) > width and lines[-1]:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
