"""`booth judge`: pictures from files, their verdicts as a table or JSON, and drawn on the picture.

Never runs in a visit; the pure norm is in edge/portrait. Must never write anywhere but beside the picture or to --out.
"""

import argparse
import json
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from edge.config import DEFAULT_CONFIG
from edge.judge_folder import Sheet, pictures_in, play, progress
from edge.portrait import Finding, Judge, Reason, Verdict
from edge.portrait.find import EYES_APART_PX
from edge.portrait.pixels import RGB
from edge.texts import LANGUAGES, Texts

LARGEST_PIXELS = 120_000_000  # more is refused before it is decoded, so that memory stays bounded
ENOUGH_PX = 900  # the longer side to which a JPEG may be reduced while it is decoded
PORTRAIT_DPI = 600
WHOLE_PX = 2**21  # up to here a copy more or less is no matter
BAND_PX = 256  # rows that are brought to RGB together
QUALITY_LEAST = 90  # of a JPEG (norm.md)
# the luminance table of ITU-T T.81, annex K, which libjpeg scales by the quality
STANDARD_TABLE = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51,
    87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101,
    72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip
PASSED, REFUSED, UNREAD = 0, 1, 2  # exit status


class UnreadablePictureError(Exception):
    """A picture file that cannot be judged; the text says which, why, and what to do."""


def load_models() -> dict[str, bytes]:
    """The face models and the norm's own figures by name, out of the installed package.

    FileNotFoundError, with what to do, where the models were not fetched at set-up.
    """
    here = files("edge.portrait")
    models = {"norm": (here / "norm.npz").read_bytes()}
    folder = here / "models"
    if folder.is_dir():
        for entry in folder.iterdir():
            if entry.name.endswith(".tflite"):
                models[entry.name.removesuffix(".tflite")] = entry.read_bytes()
    if len(models) == 1:
        raise FileNotFoundError("the face models are not there; run: python provisioning/fetch_models.py")
    return models


def read_picture(path: Path) -> RGB:
    """The picture as H × W × 3 uint8 sRGB, turned as its EXIF says. UnreadablePictureError for anything else."""
    with _opened(path) as image:
        return _upright(image)


def judge_file(judge: Judge, path: Path) -> Verdict:
    """The verdict on a picture file. A large JPEG is decoded no larger than the norm needs, coarsest first.

    UnreadablePictureError as `read_picture`.
    """
    with _opened(path) as image:
        quality, longest = jpeg_quality(image), max(image.size)
    steps = [n for n in (4, 2) if quality is not None and longest / n >= ENOUGH_PX]
    for shrink in (*steps, 1):
        rgb, shrunk = _decoded(path, shrink)
        verdict = judge.look(rgb, shrunk=shrunk)
        if verdict.face is not None and verdict["inter_eye_distance"].value / shrunk >= 0.85 * EYES_APART_PX:
            break
    return verdict if quality is None else _with_compression(verdict, quality)


def portrait_of(judge: Judge, path: Path, verdict: Verdict) -> RGB:
    """The finished portrait out of the picture file that `judge_file` judged, as `Judge.portrait`.

    A JPEG is decoded no larger than 600 dpi need. UnreadablePictureError as `read_picture`.
    """
    dpi = 25.4 / verdict.face.mm_per_px if verdict.face is not None else 0.0
    rgb, shrunk = _decoded(path, next((n for n in (8, 4, 2) if dpi / n >= PORTRAIT_DPI), 1))
    return judge.portrait(rgb, verdict, shrunk=shrunk)


def _decoded(path: Path, shrink: int) -> tuple[RGB, int]:
    """The picture upright at about 1/shrink of its size where its file lets it be, and what that came to be."""
    with _opened(path) as image:
        width = image.width
        if shrink > 1:
            image.draft("RGB", (image.width // shrink, image.height // shrink))
        shrunk = round(width / image.width)
        return _upright(image), shrunk


def jpeg_quality(image: Image.Image) -> int | None:
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


def _with_compression(verdict: Verdict, quality: int) -> Verdict:
    passed = quality >= QUALITY_LEAST
    reason = None if passed else Reason("norm.compression.low", {"value": quality})
    finding = Finding("compression", quality, "JPEG quality", QUALITY_LEAST, None, quality, passed, reason)
    return Verdict(verdict.face, (*verdict.findings, finding), verdict.passed and passed)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """The picture file, opened; whatever is wrong with it becomes an UnreadablePictureError in one line."""
    try:
        if path.is_dir():
            raise UnreadablePictureError(f"{path}: is a folder; name the pictures in it")
        if path.stat().st_size == 0:
            raise UnreadablePictureError(f"{path}: is empty (0 bytes); take or copy the picture again")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit comes next
            image = Image.open(path)
        with image:
            if image.width * image.height > LARGEST_PIXELS:
                raise UnreadablePictureError(
                    f"{path}: {image.width} × {image.height} pixels are too many; reduce it below 120 megapixels"
                )
            yield image
    except FileNotFoundError:
        raise UnreadablePictureError(f"{path}: no such file; check the name") from None
    except PermissionError:
        raise UnreadablePictureError(f"{path}: no permission to read it; change its rights or your user") from None
    except UnidentifiedImageError:
        raise UnreadablePictureError(f"{path}: is not a picture; JPEG, PNG, TIFF and WebP can be judged") from None
    except Image.DecompressionBombError:
        raise UnreadablePictureError(f"{path}: has too many pixels; reduce it below 120 megapixels") from None
    except (OSError, SyntaxError, ValueError) as error:
        raise UnreadablePictureError(f"{path}: is broken ({error}); take or copy the picture again") from None


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


def as_json(picture: str, verdict: Verdict, texts: Texts) -> dict[str, Any]:
    """The answer as norm.md lays it down; pixels are those of the picture after its EXIF rotation."""
    face = verdict.face
    return {
        "picture": picture,
        "passed": verdict.passed,
        "face": None
        if face is None
        else {
            "eyes_px": [[round(x, 2), round(y, 2)] for x, y in face.eyes_px],
            "chin_px": [round(each, 2) for each in face.chin_px],
            "crown_px": [round(each, 2) for each in face.crown_px],
            "crown_uncertainty_mm": round(face.crown_uncertainty_mm, 2),
            "mm_per_px": round(face.mm_per_px, 6),
        },
        "findings": [
            {
                "name": each.name,
                "value": round(each.value, 5),
                "unit": each.unit,
                "low": each.low,
                "high": each.high,
                "score": each.score,
                "passed": each.passed,
                "reason": None if each.reason is None else texts(each.reason.key, **each.reason.params),
            }
            for each in verdict.findings
        ],
    }


def as_table(picture: str, verdict: Verdict, texts: Texts) -> str:
    """The verdict as a person reads it."""
    lines = [f"{picture}: {texts('norm.verdict.passed' if verdict.passed else 'norm.verdict.refused')}"]
    for each in verdict.findings:
        mark = {True: "✓", False: "✗", None: "·"}[each.passed]
        reason = "" if each.reason is None else texts(each.reason.key, **each.reason.params)
        name = texts(f"norm.name.{each.name}")
        lines.append(f"  {mark} {name:32s} {_number(each):>16s} {_limits(each):>14s} {each.score:4d}  {reason}")
    return "\n".join(line.rstrip() for line in lines)


def _number(finding: Finding) -> str:
    return f"{finding.value:.4g} {finding.unit}".strip()


def _limits(finding: Finding) -> str:
    if finding.low is None and finding.high is None:
        return ""
    low = "" if finding.low is None else f"{finding.low:g}"
    high = "" if finding.high is None else f"{finding.high:g}"
    return f"{low}…{high}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `booth judge`."""
    parser.description = (
        "Judges pictures by the photo norm. Exit status: 0 all meet it, 1 one does not, 2 one could not be read."
    )
    parser.add_argument("pictures", nargs="*", type=Path, metavar="PICTURE", help="a picture file, or a folder of them")
    parser.add_argument("--json", action="store_true", help="one JSON object a picture instead of the table")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where the drawn pictures go (default: beside each)")
    parser.add_argument(
        "--watch",
        action="store_true",
        help="say the live guidance: on the booth's camera, or on pictures played as frames",
    )
    parser.add_argument(
        "--config", type=Path, default=DEFAULT_CONFIG, metavar="FILE", help=f"whose camera to watch ({DEFAULT_CONFIG})"
    )
    parser.add_argument("--lang", choices=LANGUAGES, default="fr", help="language of the reasons (default: fr)")


def run(args: argparse.Namespace) -> int:
    """Judges all pictures of the command line; the worst of them is the exit status."""
    texts = Texts(args.lang)
    if not args.pictures and not args.watch:
        print("booth judge: name a picture or a folder, or --watch for the booth's camera", file=sys.stderr)
        return UNREAD
    try:
        judge = Judge(load_models())
        if not args.pictures:
            from edge.technician import watching

            return watching.run(args, judge, texts)
        if args.out is not None:
            args.out.mkdir(parents=True, exist_ok=True)
        if args.watch:
            frames = [path for given in args.pictures for path in (pictures_in(given) if given.is_dir() else [given])]
            return play(judge, frames, read_picture, args.out or Path(), texts)
        return max(
            _judge_folder(judge, path, args, texts) if path.is_dir() else _judge_file(judge, path, args, texts)
            for path in args.pictures
        )
    except (OSError, UnreadablePictureError) as error:
        text = str(error)
        if isinstance(error, OSError) and error.filename is not None:  # of a folder: a picture's own are told above
            text = f"{error.filename}: {error.strerror}; mend its rights, or name another folder (--out to write to)"
        print(f"booth judge: {text}", file=sys.stderr)
        return UNREAD


def _judge_folder(judge: Judge, folder: Path, args: argparse.Namespace, texts: Texts) -> int:
    """Every picture of a folder: one line or object each, verdicts.csv and contact-sheet.png; the worst status."""
    paths, sheet, worst = pictures_in(folder), Sheet(folder.resolve().name, texts), PASSED
    if not paths:
        print(f"booth judge: {folder}: holds no picture; name a folder with JPEG, PNG, TIFF or WebP", file=sys.stderr)
        return UNREAD
    for done, path in enumerate(paths, 1):
        try:
            verdict = judge_file(judge, path)
            portrait = read_picture(path) if verdict.face is None else portrait_of(judge, path, verdict)
        except (UnreadablePictureError, ValueError) as error:
            print(f"booth judge: {error}", file=sys.stderr)
            sheet.add(path, None, None)
            worst = UNREAD
        else:
            sheet.add(path, verdict, portrait)
            worst = max(worst, PASSED if verdict.passed else REFUSED)
            if args.json:
                print(json.dumps(as_json(str(path), verdict, texts), ensure_ascii=False))
            else:
                word = "passed" if verdict.passed else "refused"
                names = ", ".join(texts(f"norm.name.{each.name}") for each in verdict.failed)
                print(f"{path.name}: {texts(f'norm.verdict.{word}')}{': ' if names else ''}{names}")
        progress(done, len(paths))
    table, picture = sheet.save(args.out or folder)
    print(f"{table}\n{picture}", file=sys.stderr)
    return worst


def _judge_file(judge: Judge, path: Path, args: argparse.Namespace, texts: Texts) -> int:
    from edge.judge_drawing import draw

    try:
        verdict = judge_file(judge, path)
    except (UnreadablePictureError, ValueError) as error:
        print(f"booth judge: {error}", file=sys.stderr)
        return UNREAD
    print(
        json.dumps(as_json(str(path), verdict, texts), ensure_ascii=False)
        if args.json
        else as_table(str(path), verdict, texts)
    )
    # --json alone is for programs: it writes no picture unless told where to
    if args.out is not None or not args.json:
        drawn = (args.out or path.parent) / f"{path.stem}.verdict.png"
        try:
            draw(read_picture(path), verdict, texts).save(drawn)
        except OSError as error:
            print(f"booth judge: {drawn}: could not be written ({error}); name a folder with --out", file=sys.stderr)
            return UNREAD
    return PASSED if verdict.passed else REFUSED


def main(arguments: list[str] | None = None) -> int:
    """`booth judge` by itself."""
    parser = argparse.ArgumentParser(prog="booth judge")
    add_arguments(parser)
    return run(parser.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
