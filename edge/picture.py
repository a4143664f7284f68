"""A picture as it comes, from the camera or a file: told what it is, decoded no larger than needed, judged and framed.

Must never write anything, nor keep a picture.
"""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from hw.camera.jpeg import QUALITY_LEAST, quality_of

from .portrait import Finding, Reason, Verdict
from .portrait.find import EYES_APART_PX
from .portrait.pixels import RGB

Encoded = Path | bytes
"""A picture's file, or a camera's JPEG."""
Picture = Encoded | RGB
"""That, or H × W × 3 uint8 sRGB."""

LARGEST_PIXELS = 120_000_000  # more is refused before it is decoded, so that memory stays bounded
ENOUGH_PX = 900  # the longer side to which a JPEG may be reduced while it is decoded
PORTRAIT_DPI = 600
WHOLE_PX = 2**21  # up to here a copy more or less is no matter
BAND_PX = 256  # rows that are brought to RGB together


class Judging(Protocol):
    """edge.portrait.Judge, as pictures need it."""

    def look(self, rgb: RGB, *, live: bool = False, shrunk: int = 1) -> Verdict: ...

    def portrait(self, rgb: RGB, verdict: Verdict, *, shrunk: int = 1) -> RGB: ...


class UnreadablePictureError(Exception):
    """A picture that cannot be judged; the text says which, why, and what to do."""


def read_picture(picture: Encoded) -> RGB:
    """The picture as H × W × 3 uint8 sRGB, turned as its EXIF says. UnreadablePictureError for anything else."""
    with _opened(picture) as image:
        return _upright(image)


def judge_picture(judge: Judging, picture: Picture) -> Verdict:
    """The verdict on a picture. A large JPEG is decoded no larger than the norm needs, coarsest first.

    UnreadablePictureError as `read_picture`.
    """
    if isinstance(picture, np.ndarray):
        return judge.look(picture)
    with _opened(picture) as image:
        quality, longest = quality_of(image), max(image.size)
    steps = [n for n in (4, 2) if quality is not None and longest / n >= ENOUGH_PX]
    for shrink in (*steps, 1):
        rgb, shrunk = _decoded(picture, shrink)
        verdict = judge.look(rgb, shrunk=shrunk)
        if verdict.face is not None and verdict["inter_eye_distance"].value / shrunk >= 0.85 * EYES_APART_PX:
            break
    return verdict if quality is None else _with_compression(verdict, quality)


def portrait_of(judge: Judging, picture: Picture, verdict: Verdict) -> RGB:
    """The finished portrait out of the picture that `judge_picture` judged, as `Judge.portrait`.

    A JPEG is decoded no larger than 600 dpi need. UnreadablePictureError as `read_picture`.
    """
    if isinstance(picture, np.ndarray):
        return judge.portrait(picture, verdict)
    dpi = 25.4 / verdict.face.mm_per_px if verdict.face is not None else 0.0
    rgb, shrunk = _decoded(picture, next((n for n in (8, 4, 2) if dpi / n >= PORTRAIT_DPI), 1))
    return judge.portrait(rgb, verdict, shrunk=shrunk)


def _decoded(picture: Encoded, shrink: int) -> tuple[RGB, int]:
    """The picture upright at about 1/shrink of its size where its file lets it be, and what that came to be."""
    with _opened(picture) as image:
        width = image.width
        if shrink > 1:
            image.draft("RGB", (image.width // shrink, image.height // shrink))
        shrunk = round(width / image.width)
        return _upright(image), shrunk


def _with_compression(verdict: Verdict, quality: int) -> Verdict:
    passed = quality >= QUALITY_LEAST
    reason = None if passed else Reason("norm.compression.low", {"value": quality})
    finding = Finding("compression", quality, "JPEG quality", QUALITY_LEAST, None, quality, passed, reason)
    return Verdict(verdict.face, (*verdict.findings, finding), verdict.passed and passed)


@contextmanager
def _opened(picture: Encoded) -> Iterator[Image.Image]:
    """The picture, opened; whatever is wrong with it becomes an UnreadablePictureError in one line."""
    name = "the camera's picture" if isinstance(picture, bytes) else str(picture)
    try:
        if isinstance(picture, Path) and picture.is_dir():
            raise UnreadablePictureError(f"{name}: is a folder; name the pictures in it")
        if (len(picture) if isinstance(picture, bytes) else picture.stat().st_size) == 0:
            raise UnreadablePictureError(f"{name}: is empty (0 bytes); take or copy the picture again")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit comes next
            image = Image.open(io.BytesIO(picture) if isinstance(picture, bytes) else picture)
        with image:
            if image.width * image.height > LARGEST_PIXELS:
                raise UnreadablePictureError(
                    f"{name}: {image.width} × {image.height} pixels are too many; reduce it below 120 megapixels"
                )
            yield image
    except FileNotFoundError:
        raise UnreadablePictureError(f"{name}: no such file; check the name") from None
    except PermissionError:
        raise UnreadablePictureError(f"{name}: no permission to read it; change its rights or your user") from None
    except UnidentifiedImageError:
        raise UnreadablePictureError(f"{name}: is not a picture; JPEG, PNG, TIFF and WebP can be judged") from None
    except Image.DecompressionBombError:
        raise UnreadablePictureError(f"{name}: has too many pixels; reduce it below 120 megapixels") from None
    except (OSError, SyntaxError, ValueError) as error:
        raise UnreadablePictureError(f"{name}: is broken ({error}); take or copy the picture again") from None


def _upright(image: Image.Image) -> RGB:
    """The picture turned as its EXIF says, in 8-bit RGB.

    Band by band: beside the decoded picture and the answer no third copy of it is made, whatever its mode.
    """
    ImageOps.exif_transpose(image, in_place=True)
    if image.mode == "RGB" and "transparency" not in image.info and image.width * image.height <= WHOLE_PX:
        return np.asarray(image)
    brightest: Any = image.getextrema()[1] if image.mode.startswith(("I", "F")) else 0
    rgb = np.empty((image.height, image.width, 3), np.uint8)
    for top in range(0, image.height, BAND_PX):
        band = image.crop((0, top, image.width, min(image.height, top + BAND_PX)))
        rgb[top : top + BAND_PX] = np.asarray(_as_rgb(band, deep=brightest > 255))
    return rgb


def _as_rgb(image: Image.Image, *, deep: bool) -> Image.Image:
    """Any mode as 8-bit RGB: 16 bits (`deep`) scaled down, transparency laid on white."""
    if image.mode.startswith(("I", "F")):
        top = 65535.0 if deep else 255.0
        grey = np.asarray(image, np.float64).clip(0, top) * (255 / top)
        return Image.fromarray(grey.astype(np.uint8)).convert("RGB")
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        clear = image.convert("RGBA")
        white = Image.new("RGBA", clear.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, clear).convert("RGB")
    return image.convert("RGB")
