"""A picture as it comes, from the camera or a file: told what it is, decoded no larger than needed, judged and framed.

Must never write anything, nor keep a picture.
"""

import errno
import io
import stat
import unicodedata
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from hw.camera.jpeg import QUALITY_LEAST, quality_of

from .portrait import LEAST_PX, Finding, Reason, Verdict
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
BAND_PX = 256  # rows that are brought to RGB together; a multiple of every reduction


class Judging(Protocol):
    """edge.portrait.Judge, as pictures need it."""

    def look(self, rgb: RGB, *, live: bool = False, shrunk: int = 1) -> Verdict: ...

    def portrait(self, rgb: RGB, verdict: Verdict, *, shrunk: int = 1) -> RGB: ...


CAUSES = {
    errno.ENOENT: "no such file; check the name",
    errno.ENOTDIR: "a part of its path is a file and no folder; check the name",
    errno.ENAMETOOLONG: "the name is longer than any file's; check it, or shorten it",
    errno.ELOOP: "is a link that leads to itself; name the file itself",
    errno.EACCES: "no permission to read it; change its rights or your user",
    errno.EPERM: "no permission to read it; change its rights or your user",
}
"""Why a file or a folder cannot be read, and what to do, by the system's number."""
NEVER_SHOWN = ("Cc", "Cs", "Zl", "Zp")  # controls, bytes that are no UTF-8, ends of lines and paragraphs


class UnreadablePictureError(Exception):
    """A picture, or a folder of them, that cannot be judged; the text says which, why, and what to do."""


def shown_name(path: Path | str) -> str:
    """A name as it is told everywhere: what would break a line, a terminal or an encoding is a "\ufffd"."""
    return "".join("\ufffd" if unicodedata.category(each) in NEVER_SHOWN else each for each in str(path))


def cause(error: OSError) -> str:
    """Why a file or a folder cannot be read, and what to do."""
    return CAUSES.get(error.errno or 0, f"is broken ({error.strerror or error}); take or copy the picture again")


def read_picture(picture: Encoded) -> RGB:
    """The picture as H × W × 3 uint8 sRGB, turned as its EXIF says. UnreadablePictureError for anything else."""
    with _opened(picture) as image:
        return _upright(image)


def read_small(picture: Encoded, enough_px: int) -> tuple[RGB, int]:
    """The picture as `read_picture`, but at 1/n of its size, its longer side not below `enough_px`; and n.

    For what is only shown: nobody needs to hold 100 megapixels for a thumbnail.
    """
    with _opened(picture) as image:
        n = next((n for n in (8, 4, 2) if max(image.size) / n >= enough_px), 1)
        return _upright(image, reduce=n // _draft(image, n)), n


def judge_picture(judge: Judging, picture: Picture) -> Verdict:
    """The verdict on a picture. A large JPEG is decoded no larger than the norm needs, coarsest first.

    UnreadablePictureError as `read_picture`.
    """
    if isinstance(picture, np.ndarray):
        return judge.look(picture)
    with _opened(picture) as image:
        quality, (shortest, longest) = quality_of(image), sorted(image.size)
    steps = [n for n in (4, 2) if quality is not None and longest / n >= ENOUGH_PX and shortest / n >= LEAST_PX]
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
        shrunk = _draft(image, shrink)
        return _upright(image), shrunk


def _draft(image: Image.Image, shrink: int) -> int:
    """Has a JPEG decoded at about 1/shrunk of its size, at most `shrink`, and answers what that is; else 1."""
    width = image.width
    if shrink > 1:
        image.draft("RGB", (image.width // shrink, image.height // shrink))
    return round(width / image.width)


def _with_compression(verdict: Verdict, quality: int) -> Verdict:
    passed = quality >= QUALITY_LEAST
    reason = None if passed else Reason("norm.compression.low", {"value": quality})
    finding = Finding("compression", quality, "JPEG quality", QUALITY_LEAST, None, quality, passed, reason)
    return Verdict(verdict.face, (*verdict.findings, finding), verdict.passed and passed)


@contextmanager
def _opened(picture: Encoded) -> Iterator[Image.Image]:
    """The picture, opened; whatever is wrong with it becomes an UnreadablePictureError in one line."""
    name = "the camera's picture" if isinstance(picture, bytes) else shown_name(picture)
    try:
        if (len(picture) if isinstance(picture, bytes) else _size(picture, name)) == 0:
            raise UnreadablePictureError(f"{name}: is empty (0 bytes); take or copy the picture again")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit comes next
            warnings.simplefilter("ignore", UserWarning)  # a broken EXIF block: it turns nothing
            image = Image.open(io.BytesIO(picture) if isinstance(picture, bytes) else picture)
            with image:
                if image.width * image.height > LARGEST_PIXELS:
                    raise UnreadablePictureError(
                        f"{name}: {image.width} × {image.height} pixels are too many; reduce it below 120 megapixels"
                    )
                if min(image.size) < LEAST_PX:
                    raise UnreadablePictureError(
                        f"{name}: {image.width} × {image.height} pixels are too few for a face; a portrait has "
                        "at least 300 × 400"
                    )
                yield image
    except UnidentifiedImageError:
        raise UnreadablePictureError(
            f"{name}: is not a picture that can be read; save it as JPEG, PNG, TIFF or WebP"
        ) from None
    except Image.DecompressionBombError:
        raise UnreadablePictureError(f"{name}: has too many pixels; reduce it below 120 megapixels") from None
    except OSError as error:
        raise UnreadablePictureError(f"{name}: {cause(error)}") from None
    except (SyntaxError, ValueError, RuntimeError) as error:  # RuntimeError: of AVIF and BLP
        raise UnreadablePictureError(f"{name}: is broken ({error}); take or copy the picture again") from None


def _size(path: Path, name: str) -> int:
    """Bytes of a file. UnreadablePictureError for anything else, of which nothing is read: a pipe may never end."""
    found = path.stat()
    if stat.S_ISDIR(found.st_mode):
        raise UnreadablePictureError(f"{name}: is a folder; name the pictures in it")
    if not stat.S_ISREG(found.st_mode):
        raise UnreadablePictureError(
            f"{name}: is no file but a pipe or a device; save the picture as a file and name that"
        )
    return found.st_size


def _upright(image: Image.Image, *, reduce: int = 1) -> RGB:
    """The picture turned as its EXIF says, in 8-bit sRGB by its own colour profile, `reduce` pixels made one.

    Band by band: beside the decoded picture and the answer no third copy of it is made, whatever its mode.
    """
    ImageOps.exif_transpose(image, in_place=True)
    to_srgb = _to_srgb(image)
    plain = image.mode == "RGB" and "transparency" not in image.info and to_srgb is None
    if plain and reduce == 1 and image.width * image.height <= WHOLE_PX:
        return np.asarray(image)
    white = _white(image)
    rgb = np.empty((-(-image.height // reduce), -(-image.width // reduce), 3), np.uint8)
    for top in range(0, image.height, BAND_PX):
        band = image.crop((0, top, image.width, min(image.height, top + BAND_PX)))
        if to_srgb is not None:
            band = to_srgb(band)
        band = _as_rgb(band, white)
        rgb[top // reduce : (top + BAND_PX) // reduce] = np.asarray(band.reduce(reduce) if reduce > 1 else band)
    return rgb


def _to_srgb(image: Image.Image) -> Callable[[Image.Image], Image.Image] | None:
    """Out of the picture's own colour profile, transparency kept. None where it has none, a broken one, or sRGB's."""
    profile = image.info.get("icc_profile")
    target = {"RGB": "RGB", "RGBA": "RGBA", "CMYK": "RGB"}.get(image.mode)
    if not profile or target is None or "transparency" in image.info:
        return None
    try:
        given = ImageCms.getOpenProfile(io.BytesIO(profile))
        if "sRGB" in ImageCms.getProfileDescription(given):
            return None
        transform = ImageCms.buildTransform(given, ImageCms.createProfile("sRGB"), image.mode, target)
    except ImageCms.PyCMSError:
        return None
    return lambda band: ImageCms.applyTransform(band, transform)  # type: ignore[return-value]  # None only in place


def _white(image: Image.Image) -> float:
    """The value that is white in a picture of one deep channel: of floats up to 1 that, of 16 bits all, else 255."""
    if not image.mode.startswith(("I", "F")):
        return 255.0
    brightest: Any = image.getextrema()[1]
    return 1.0 if image.mode == "F" and brightest <= 1 else 65535.0 if brightest > 255 else 255.0


def _as_rgb(image: Image.Image, white: float) -> Image.Image:
    """Any mode as 8-bit RGB: one deep channel scaled down by what is `white` in it, transparency laid on white."""
    if image.mode.startswith(("I", "F")):
        grey = np.nan_to_num(np.asarray(image, np.float64)).clip(0, white) * (255 / white)
        return Image.fromarray(grey.astype(np.uint8)).convert("RGB")
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        clear = image.convert("RGBA")
        wall = Image.new("RGBA", clear.size, (255, 255, 255, 255))
        return Image.alpha_composite(wall, clear).convert("RGB")
    return image.convert("RGB")
