"""`booth judge FOLDER` and `--watch`: a whole folder into a CSV and a contact sheet, or played as live frames.

Must never stop at a picture that cannot be read: it stands in the CSV and on the sheet as such.
"""

import csv
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

from edge.judge_drawing import BAD, INK, PAPER, WELL, font
from edge.portrait import TABLE, Guidance, Judge, Reason, Verdict
from edge.portrait.pixels import RGB
from edge.texts import Texts

KINDS: Final = {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp"}
TILE_PX: Final = (210, 270)  # of the portrait on the sheet, 35 : 45
WORDS_PX: Final = 62
ACROSS: Final = 6
FRAMES_PER_S: Final = 10.0


def pictures_in(folder: Path) -> list[Path]:
    """The picture files of a folder by name, not those this command wrote. OSError where it cannot be read."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in KINDS and not path.name.endswith((".verdict.png", "contact-sheet.png"))
    )


class Sheet:
    """The contact sheet and the CSV of one folder, filled picture by picture."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._tiles: list[Image.Image] = []
        self._rows: list[dict[str, str]] = []

    def add(self, path: Path, verdict: Verdict | None, portrait: RGB | None) -> None:
        """One picture; `verdict` None where it could not be read, `portrait` None where there is no face."""
        passed = verdict is not None and verdict.passed
        failed = [] if verdict is None else [each.name for each in verdict.failed]
        row = {
            "picture": path.name,
            "passed": "" if verdict is None else str(int(passed)),
            "refused_by": " ".join(failed),
        }
        for each in verdict.findings if verdict is not None else ():
            row[each.name] = f"{each.value:.5g}"
        self._rows.append(row)
        colour = WELL if passed else BAD
        tile = Image.new("RGB", (TILE_PX[0] + 20, TILE_PX[1] + 20 + WORDS_PX), PAPER)
        pen = ImageDraw.Draw(tile)
        if portrait is not None:
            tile.paste(Image.fromarray(portrait).resize(TILE_PX, Image.Resampling.LANCZOS), (10, 10))
        pen.rectangle([7, 7, TILE_PX[0] + 12, TILE_PX[1] + 12], outline=colour, width=3)
        pen.text((10, TILE_PX[1] + 18), path.stem[:24], font=font(13), fill=INK)
        key = "unread" if verdict is None else "passed" if passed else "refused"
        names = ", ".join(self._texts(f"norm.name.{name}") for name in failed)
        pen.text((10, TILE_PX[1] + 38), (names or self._texts(f"norm.verdict.{key}"))[:36], font=font(11), fill=colour)
        self._tiles.append(tile)

    def save(self, folder: Path) -> tuple[Path, Path]:
        """Writes verdicts.csv and contact-sheet.png. OSError where the folder does not take them."""
        table, sheet = folder / "verdicts.csv", folder / "contact-sheet.png"
        columns = ["picture", "passed", "refused_by", *(row.name for row in TABLE), "compression"]
        with table.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, restval="")
            writer.writeheader()
            writer.writerows(self._rows)
        wide, high = TILE_PX[0] + 20, TILE_PX[1] + 20 + WORDS_PX
        across = min(ACROSS, max(1, len(self._tiles)))
        whole = Image.new("RGB", (across * wide, -(-len(self._tiles) // across) * high), PAPER)
        for index, tile in enumerate(self._tiles):
            whole.paste(tile, (index % across * wide, index // across * high))
        whole.save(sheet)
        return table, sheet


def progress(done: int, total: int) -> None:
    """A bar on a terminal's standard error, nothing where there is no terminal."""
    if sys.stderr.isatty():
        filled = round(30 * done / max(1, total))
        end = "\n" if done == total else ""
        print(f"\r[{'█' * filled}{'·' * (30 - filled)}] {done}/{total}", end=end, file=sys.stderr, flush=True)


def instruction(guidance: Guidance, texts: Texts) -> tuple[str, str]:
    """What the customer is told now: the key of the texts, and the words."""
    reason = guidance.instruction or Reason("norm.live.ready" if guidance.ready else "norm.live.hold")
    return reason.key, texts(reason.key, **reason.params)


def play(judge: Judge, frames: list[Path], read: Callable[[Path], RGB], out: Path, texts: Texts) -> int:
    """Plays pictures as live frames, ten a second: says each new instruction, writes watch.png strip by strip; 0."""
    guidance, said, shown = Guidance(), "", []
    for number, path in enumerate(frames):
        at_s = number / FRAMES_PER_S
        frame = Image.fromarray(read(path))
        frame.thumbnail((640, 480))
        guidance.see(judge.look(np.asarray(frame), live=True), at_s)
        key, words = instruction(guidance, texts)
        if key != said:
            print(f"{at_s:6.1f} s  {words}")
            said = key
            ImageDraw.Draw(frame).rectangle([0, frame.height - 34, frame.width, frame.height], fill=INK)
            ImageDraw.Draw(frame).text((8, frame.height - 26), words, font=font(13), fill=PAPER)
            shown.append(frame)
    if shown:
        strip = Image.new("RGB", (max(each.width for each in shown), sum(each.height for each in shown)), PAPER)
        y = 0
        for each in shown:
            strip.paste(each, (0, y))
            y += each.height
        strip.save(out / "watch.png")
    return 0
