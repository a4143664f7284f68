"""`booth judge`: pictures from files, their verdicts as a table or JSON, and drawn on the picture.

Never runs in a visit; the pure norm is in edge/portrait. Must never write anywhere but beside the picture or to --out.
"""

import argparse
import json
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

from edge.config import DEFAULT_CONFIG
from edge.judge_folder import (
    TILE_PX,
    Sheet,
    UnwritableError,
    is_folder,
    pictures_of,
    play,
    progress,
    say,
    written,
)
from edge.picture import UnreadablePictureError, judge_picture, portrait_of, read_small, shown_name
from edge.portrait import Finding, Judge, Verdict
from edge.texts import LANGUAGES, Texts

PASSED, REFUSED, UNREAD = 0, 1, 2  # exit status
OWN = ("norm", "cover")  # trained here (bench/norm_train.py, bench/norm_cover_train.py)


def load_models() -> dict[str, bytes]:
    """The face models and the norm's own figures by name, out of the installed package.

    FileNotFoundError, with what to do, where the models were not fetched at set-up.
    """
    here = files("edge.portrait")
    models = {name: (here / f"{name}.npz").read_bytes() for name in OWN}
    folder = here / "models"
    if folder.is_dir():
        for entry in folder.iterdir():
            if entry.name.endswith(".tflite"):
                models[entry.name.removesuffix(".tflite")] = entry.read_bytes()
    if len(models) == len(OWN):
        raise FileNotFoundError("the face models are not there; run: python provisioning/fetch_models.py")
    return models


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


def _named(given: str) -> Path:
    """A folder's path. ArgumentTypeError for an empty one, which pathlib takes for the current folder."""
    if not given:
        raise argparse.ArgumentTypeError("an empty name; name a folder (. is the one you are in)")
    return Path(given)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `booth judge`."""
    parser.description = (
        "Judges pictures by the photo norm. Exit status: 0 all meet it, 1 one does not, 2 one could not be read."
    )
    parser.add_argument("pictures", nargs="*", metavar="PICTURE", help="a picture file, or a folder of them")
    parser.add_argument("--json", action="store_true", help="one JSON object a picture instead of the table")
    parser.add_argument("--out", type=_named, metavar="DIR", help="where the drawn pictures go (default: beside each)")
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
            with written(args.out):
                args.out.mkdir(parents=True, exist_ok=True)
        if args.watch:
            return _play(judge, args, texts)
        return max(_judge_given(judge, given, args, texts) for given in args.pictures)
    except (OSError, UnwritableError) as error:
        text = str(error)
        if isinstance(error, OSError) and error.filename is not None:  # of the models; all others name it themselves
            text = f"{error.filename}: {error.strerror}; mend its rights, or set the software up again"
        print(f"booth judge: {text}", file=sys.stderr)
        return UNREAD


def _play(judge: Judge, args: argparse.Namespace, texts: Texts) -> int:
    """The pictures as live frames; those that cannot be read are told and left out."""
    frames: list[Path] = []
    worst = PASSED
    for given in args.pictures:
        try:
            frames += pictures_of(given)
        except UnreadablePictureError as error:
            say(f"booth judge: {error}", error=True)
            worst = UNREAD
    return worst if play(judge, frames, args.out or Path(), texts) else UNREAD


def _judge_given(judge: Judge, given: str, args: argparse.Namespace, texts: Texts) -> int:
    """One argument, a picture or a folder. What is wrong with it is told, and the next one is judged all the same."""
    try:
        paths, path = pictures_of(given), Path(given)
        return (
            _judge_folder(judge, path, paths, args, texts) if is_folder(path) else _judge_file(judge, path, args, texts)
        )
    except (UnreadablePictureError, UnwritableError) as error:
        _say_unread(Path(given) if given else "", error, args)
        return UNREAD


def _judge_folder(judge: Judge, folder: Path, paths: list[Path], args: argparse.Namespace, texts: Texts) -> int:
    """Every picture of a folder: one line or object each, verdicts.csv and contact-sheet.png; the worst status."""
    sheet, worst = Sheet(folder.resolve().name, args.out or folder, texts), PASSED
    for done, path in enumerate(paths, 1):
        try:
            verdict = judge_picture(judge, path)
            shown = read_small(path, max(TILE_PX))[0] if verdict.face is None else portrait_of(judge, path, verdict)
        except UnreadablePictureError as error:
            _say_unread(path, error, args)
            sheet.add(path, None, None)
            worst = UNREAD
        else:
            sheet.add(path, verdict, shown)
            worst = max(worst, PASSED if verdict.passed else REFUSED)
            if args.json:
                say(json.dumps(as_json(shown_name(path), verdict, texts), ensure_ascii=False))
            else:
                word = "passed" if verdict.passed else "refused"
                names = ", ".join(texts(f"norm.name.{each.name}") for each in verdict.failed)
                say(f"{shown_name(path.name)}: {texts(f'norm.verdict.{word}')}{': ' if names else ''}{names}")
        progress(done, len(paths))
    for written_to in sheet.save():
        print(shown_name(written_to), file=sys.stderr)
    return worst


def _say_unread(path: Path | str, error: UnreadablePictureError | UnwritableError, args: argparse.Namespace) -> None:
    """What cannot be read has its object too, so that a program counts as many as it named."""
    say(f"booth judge: {error}", error=True)
    if args.json:
        unread: dict[str, Any] = {
            "picture": shown_name(path),
            "passed": None,
            "face": None,
            "findings": [],
            "error": str(error),
        }
        say(json.dumps(unread, ensure_ascii=False))


def _judge_file(judge: Judge, path: Path, args: argparse.Namespace, texts: Texts) -> int:
    from edge.judge_drawing import WIDTH_PX, draw

    verdict, name = judge_picture(judge, path), shown_name(path)
    print(
        json.dumps(as_json(name, verdict, texts), ensure_ascii=False) if args.json else as_table(name, verdict, texts)
    )
    # --json alone is for programs: it writes no picture unless told where to
    if args.out is not None or not args.json:
        drawn = (args.out or path.parent) / f"{path.stem}.verdict.png"
        rgb, shrunk = read_small(path, WIDTH_PX)
        try:
            with written(drawn):
                draw(rgb, verdict, texts, shrunk=shrunk).save(drawn)
        except UnwritableError as error:  # the picture's verdict has been told
            print(f"booth judge: {error}", file=sys.stderr)
            return UNREAD
    return PASSED if verdict.passed else REFUSED


def main(arguments: list[str] | None = None) -> int:
    """`booth judge` by itself."""
    parser = argparse.ArgumentParser(prog="booth judge")
    add_arguments(parser)
    return run(parser.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
