"""`booth judge FOLDER` and `--watch`: a whole folder into a CSV and a contact sheet, or played as live frames.

Must never stop at a picture that cannot be read: it stands in the CSV and on the sheet as such.
"""

import csv
import errno
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from edge.judge_drawing import BAD, INK, PAPER, WELL, font
from edge.picture import UnreadablePictureError, cause, read_small, shown_name
from edge.portrait import LEAST_PX, TABLE, Guidance, Judge, Verdict
from edge.portrait.pixels import RGB
from edge.texts import Texts

# Pillow knows their endings, but decodes none of them (EPS by Ghostscript only)
UNDECODED: Final = {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "PALM", "PDF", "WMF"}
SAVE_AS: Final = "save pictures as JPEG, PNG, TIFF or WebP"
OWN = TABLE_NAME, SHEET_NAME, STRIP_NAME = "verdicts.csv", "contact-sheet.png", "watch.png"
TILE_PX: Final = (252, 324)  # of the portrait on the sheet, 35 : 45
WORDS_PX: Final = 116  # below it: the file's name and what refuses it
LINES: Final = 4
GAP_PX: Final = 18
HEAD_PX: Final = 72
WALL, FAINT = "#eceef1", "#8a8f98"
ACROSS: Final = 6
FRAMES_PER_S: Final = 10.0
LIVE_PX: Final = (640, 480)
WIPE: Final = "\r\x1b[K"  # to the line's beginning, and all of it erased


class UnwritableError(Exception):
    """A result that cannot be written; the text says which, why, and what to do."""


@contextmanager
def written(result: Path) -> Iterator[None]:
    """Whatever keeps the block from writing this file or folder becomes an UnwritableError in one line."""
    try:
        yield
    except OSError as error:
        advice = {
            errno.ENAMETOOLONG: "shorten the picture's name",
            errno.ENOSPC: "make room there, or name another folder with --out",
        }.get(error.errno or 0, "check it and its rights, or name another folder with --out")
        raise UnwritableError(
            f"{shown_name(result)}: cannot be written ({error.strerror or error}); {advice}"
        ) from None


def check_writable(result: Path) -> None:
    """UnwritableError where this file could not be written. What lies there stays as it is."""
    with written(result):
        try:
            result.open("r+b").close()
        except FileNotFoundError:
            tempfile.TemporaryFile(dir=result.parent).close()


def is_folder(path: Path) -> bool:
    """False as well where nobody can tell: Path.is_dir raises at a name too long or a folder shut."""
    return os.path.isdir(path)


def pictures_of(given: str) -> list[Path]:
    """The pictures of a folder by name, not those this command wrote, or the one picture named.

    Says how many files of a folder are left out. UnreadablePictureError where none is left, or for an empty name.
    """
    if not given:
        raise UnreadablePictureError("an empty name; name a picture or a folder (. is the one you are in)")
    if not is_folder(path := Path(given)):
        return [path]
    name = shown_name(path)
    try:
        entries = [each for each in path.iterdir() if each.name not in OWN and not each.name.endswith(".verdict.png")]
    except OSError as error:
        raise UnreadablePictureError(f"{name}: {cause(error)}") from None
    kinds = {ending for ending, kind in Image.registered_extensions().items() if kind not in UNDECODED}
    found = sorted(each for each in entries if each.suffix.lower() in kinds)
    others = sum(each.suffix.lower() not in kinds and not is_folder(each) for each in entries)
    left_out = f"{others} file{'' if others == 1 else 's'}"
    if not found:
        raise UnreadablePictureError(
            f"{name}: holds no picture that can be read ({left_out}); {SAVE_AS}, or name another"
        )
    if others:
        say(f"booth judge: {name}: {left_out} left out, of no kind that can be read; {SAVE_AS}", error=True)
    return found


class Sheet:
    """The contact sheet and the CSV of one folder, filled picture by picture.

    UnwritableError at once where the folder `out` does not take them.
    """

    def __init__(self, title: str, out: Path, texts: Texts) -> None:
        self._title, self._texts = shown_name(title), texts
        self._files = out / TABLE_NAME, out / SHEET_NAME
        for each in self._files:
            check_writable(each)
        self._counts: Counter[str] = Counter()
        self._tiles: list[Image.Image] = []
        self._rows: list[dict[str, str]] = []

    def add(self, path: Path, verdict: Verdict | None, portrait: RGB | None) -> None:
        """One picture, and what of it is shown; both None where it could not be read."""
        passed = verdict is not None and verdict.passed
        failed = [] if verdict is None else [each.name for each in verdict.failed]
        row = {
            "picture": shown_name(path.name),
            "passed": "" if verdict is None else str(int(passed)),
            "refused_by": " ".join(failed),
        }
        for each in verdict.findings if verdict is not None else ():
            row[each.name] = f"{each.value:.5g}"
        self._rows.append(row)
        self._tiles.append(self._tile(path, verdict, portrait))
        self._counts["?" if verdict is None else "✓" if passed else "✗"] += 1

    def _tile(self, path: Path, verdict: Verdict | None, portrait: RGB | None) -> Image.Image:
        """The portrait, a bar and a badge in the verdict's colour, the name, and what refuses it, most useful first."""
        width, height = TILE_PX
        mark, colour = ("?", FAINT) if verdict is None else ("✓", WELL) if verdict.passed else ("✗", BAD)
        tile = Image.new("RGB", (width, height + WORDS_PX), PAPER)
        pen = ImageDraw.Draw(tile)
        if portrait is not None:
            tile.paste(ImageOps.fit(Image.fromarray(portrait), TILE_PX, Image.Resampling.LANCZOS))
        else:
            pen.rectangle([0, 0, width, height], fill=FAINT)
        pen.rectangle([0, height, width, height + 4], fill=colour)
        x, y = width - 30, height + 2
        pen.ellipse([x - 18, y - 18, x + 18, y + 18], fill=colour, outline=PAPER, width=3)
        pen.text((x, y), mark, font=font(19), fill=PAPER, anchor="mm")
        pen.text((12, height + 12), _fitted(shown_name(path.stem), 16, width - 72), font=font(16), fill=INK)
        words = [self._texts(f"norm.name.{each.name}") for each in verdict.failed] if verdict else []
        words = words or [self._texts(f"norm.verdict.{'passed' if verdict else 'unread'}")]
        if len(words) > LINES:
            words[LINES - 1 :] = [f"{words[LINES - 1]}  +{len(words) - LINES}"]
        for line, word in enumerate(words):
            pen.text((12, height + 37 + 18 * line), _fitted(word, 13, width - 20), font=font(13), fill=colour)
        return tile

    def save(self) -> tuple[Path, Path]:
        """Writes verdicts.csv and contact-sheet.png. UnwritableError where the folder does not take them."""
        table, sheet = self._files
        columns = ["picture", "passed", "refused_by", *(row.name for row in TABLE), "compression"]
        with written(table), table.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, restval="")
            writer.writeheader()
            writer.writerows(self._rows)
        wide, high = TILE_PX[0] + GAP_PX, TILE_PX[1] + WORDS_PX + GAP_PX
        across = min(ACROSS, max(2, len(self._tiles)))
        rows = -(-len(self._tiles) // across)
        whole = Image.new("RGB", (across * wide + GAP_PX, HEAD_PX + rows * high), WALL)
        for index, tile in enumerate(self._tiles):
            whole.paste(tile, (GAP_PX + index % across * wide, HEAD_PX + index // across * high))
        pen, right = ImageDraw.Draw(whole), whole.width - GAP_PX
        for mark, colour in (("?", FAINT), ("✗", BAD), ("✓", WELL)):
            if self._counts[mark]:
                text = f"{mark} {self._counts[mark]}"
                pen.text((right, HEAD_PX // 2), text, font=font(26), fill=colour, anchor="rm")
                right -= round(font(26).getlength(text)) + 28
        title = _fitted(self._title, 26, right - GAP_PX)
        pen.text((GAP_PX, HEAD_PX // 2), title, font=font(26), fill=INK, anchor="lm")
        with written(sheet):
            whole.save(sheet)
        return table, sheet


def _fitted(words: str, size: int, width: int) -> str:
    """The words as they fit into a width in px, cut with an ellipsis where they do not."""
    if font(size).getlength(words) <= width:
        return words
    while words and font(size).getlength(words + "…") > width:
        words = words[:-1]
    return words + "…"


def progress(done: int, total: int) -> None:
    """A bar on a terminal's standard error, nothing where there is no terminal. `say` writes above it."""
    if sys.stderr.isatty():
        filled = round(30 * done / max(1, total))
        end = "\n" if done == total else ""
        print(f"{WIPE}[{'█' * filled}{'·' * (30 - filled)}] {done}/{total}", end=end, file=sys.stderr, flush=True)


def say(line: str, *, error: bool = False) -> None:
    """A line on standard output or error; the bar gives way to it, and is drawn again by the next `progress`."""
    if sys.stderr.isatty():
        print(WIPE, end="", file=sys.stderr, flush=True)
    print(line, file=sys.stderr if error else sys.stdout, flush=True)


def play(judge: Judge, frames: list[Path], out: Path, texts: Texts) -> bool:
    """Plays pictures as live frames, ten a second: says each new instruction, writes watch.png strip by strip.

    False where one of them could not be read: it is named and left out. UnwritableError at once where `out` does not
    take watch.png.
    """
    guidance, said, shown, whole = Guidance(), "", [], True
    check_writable(out / STRIP_NAME)
    for number, path in enumerate(frames):
        at_s = number / FRAMES_PER_S
        try:
            frame = Image.fromarray(read_small(path, max(LIVE_PX))[0])
            frame.thumbnail(LIVE_PX)
            if min(frame.size) < LEAST_PX:
                raise UnreadablePictureError(
                    f"{shown_name(path)}: is too narrow for a frame; a camera's is about 640 × 480"
                )
            guidance.see(judge.look(np.asarray(frame), live=True), at_s)
        except UnreadablePictureError as error:
            print(f"booth judge: {error}", file=sys.stderr)
            whole = False
            continue
        line = guidance.line
        if line.key != said:
            said, words = line.key, texts(line.key, **line.params)
            print(f"{at_s:6.1f} s  {words}")
            ImageDraw.Draw(frame).rectangle([0, frame.height - 34, frame.width, frame.height], fill=INK)
            ImageDraw.Draw(frame).text((8, frame.height - 26), words, font=font(13), fill=PAPER)
            shown.append(frame)
    if shown:
        strip = Image.new("RGB", (max(each.width for each in shown), sum(each.height for each in shown)), PAPER)
        y = 0
        for each in shown:
            strip.paste(each, (0, y))
            y += each.height
        with written(out / STRIP_NAME):
            strip.save(out / STRIP_NAME)
    return whole
