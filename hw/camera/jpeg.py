"""A camera's own JPEG, handed on as it is: how much it is compressed, whether it is whole, how it is turned upright.

Must never decode one: who judges it decodes no more than needed.
"""

import io
from functools import cache

from PIL import Image

EXIF_ORIENTATION = 0x0112
TURNED = {90: 6, 180: 3, 270: 8}
"""Degrees clockwise that turn a picture upright → the EXIF orientation that says so (TIFF 6.0)."""
QUALITY_LEAST = 90  # the norm's (norm.md): no portrait out of a picture compressed more can pass
# the luminance table of ITU-T T.81, annex K, which libjpeg scales by the quality
STANDARD_TABLE = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51,
    87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101,
    72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip
START, END = b"\xff\xd8", b"\xff\xd9"
APP1 = b"\xff\xe1"


def upright(jpeg: bytes, rotation: int) -> tuple[bytes, int, int]:
    """The JPEG with an EXIF that turns it by `rotation` degrees clockwise, and its height and width once it is turned.

    What a driver pads it with is cut off. ValueError where it is no JPEG or not whole.
    """
    whole = jpeg[: jpeg.rfind(END) + len(END)]
    if not jpeg.startswith(START) or len(whole) <= len(START) or jpeg[len(whole) :].strip(b"\0"):
        raise ValueError(f"its {len(jpeg)} bytes do not begin and end as a JPEG does")
    width, height = opened(whole).size
    if not rotation:
        return whole, height, width
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = TURNED[rotation]
    said = exif.tobytes()
    turned = START + APP1 + (len(said) + 2).to_bytes(2, "big") + said + whole[len(START) :]
    return turned, *((height, width) if rotation == 180 else (width, height))


def opened(jpeg: bytes) -> Image.Image:
    """Its header, nothing decoded. ValueError where it is no JPEG."""
    try:
        return Image.open(io.BytesIO(jpeg), formats=["JPEG"])
    except (OSError, SyntaxError) as error:
        raise ValueError(str(error)) from error


def quality_of(image: Image.Image) -> int | None:
    """The quality (1…100) whose standard luminance table is nearest to the picture's own; None if it is no JPEG."""
    tables = getattr(image, "quantization", None)
    if image.format != "JPEG" or not tables:
        return None
    total = sum(tables[min(tables)])
    sums = _standard_sums()
    return min(sums, key=lambda q: (abs(sums[q] - total), -q))


@cache
def _standard_sums() -> dict[int, int]:
    """The sum of the standard table by quality, scaled as libjpeg does, entry by entry."""
    return {q: sum(_scaled(entry, q) for entry in STANDARD_TABLE) for q in range(1, 101)}


def _scaled(entry: int, quality: int) -> int:
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return min(255, max(1, (entry * scale + 50) // 100))
