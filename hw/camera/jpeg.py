"""A camera's own JPEG, handed on as it is: seen to be whole, and told by its EXIF how it is turned upright.

Must never decode one: who judges it decodes no more than needed.
"""

import io

from PIL import Image

EXIF_ORIENTATION = 0x0112
TURNED = {90: 6, 180: 3, 270: 8}
"""Degrees clockwise that turn a picture upright → the EXIF orientation that says so (TIFF 6.0)."""
START, END = b"\xff\xd8", b"\xff\xd9"
APP1 = b"\xff\xe1"


def upright(jpeg: bytes, rotation: int) -> tuple[bytes, int, int]:
    """The JPEG with an EXIF that turns it by `rotation` degrees clockwise, and its height and width once it is turned.

    What a driver pads it with is cut off. ValueError where it is no JPEG or not whole.
    """
    whole = jpeg[: jpeg.rfind(END) + len(END)]
    if not jpeg.startswith(START) or len(whole) <= len(START) or jpeg[len(whole) :].strip(b"\0"):
        raise ValueError(f"its {len(jpeg)} bytes do not begin and end as a JPEG does")
    try:
        with Image.open(io.BytesIO(whole), formats=["JPEG"]) as image:
            width, height = image.size
    except (OSError, SyntaxError) as error:
        raise ValueError(str(error)) from error
    if not rotation:
        return whole, height, width
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = TURNED[rotation]
    said = exif.tobytes()
    turned = START + APP1 + (len(said) + 2).to_bytes(2, "big") + said + whole[len(START) :]
    return turned, *((height, width) if rotation == 180 else (width, height))
