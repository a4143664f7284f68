"""The simulated panel: a log of views, and an honest picture of a plain kiosk screen."""

import io
from functools import cache
from importlib.resources import files

from PIL import Image, ImageDraw, ImageFont

from hw.cabin import DeviceMissing, Health, Status, View
from hw.sim.journal import Journal

SIZE = (1024, 768)
PAPER, INK, QUIET, ACCENT = (250, 250, 247), (22, 27, 38), (96, 104, 120), (0, 83, 161)


class SimPanel:
    """Panel protocol and its bench verbs. `present` False: a booth without a screen."""

    VERBS = frozenset({"picture", "unplug", "replug"})

    def __init__(self, journal: Journal, *, present: bool = True) -> None:
        self.present = present
        self.view: View | None = None
        self._journal = journal
        self._plugged = True

    # --- the device

    def status(self) -> Status:
        return Status(Health.WELL) if self._plugged else Status(Health.FAULTY, "unplugged")

    async def show(self, view: View) -> None:
        if not self._plugged:
            raise DeviceMissing("panel", "unplugged")
        self.view = view
        self._journal.note(
            "panel.view",
            step=view.step,
            lines=list(view.lines),
            fields=list(view.fields),
            sound=view.sound,
            picture=view.picture is not None,
        )

    # --- the bench

    async def picture(self) -> bytes:
        """PNG of what the screen shows now."""
        return screen(self.view if self.present and self._plugged else None)

    async def unplug(self) -> None:
        self._plugged = False
        self._journal.note("panel.fault", fault="unplugged")

    async def replug(self) -> None:
        self._plugged = True
        self._journal.note("panel.fault", fault="")


def screen(view: View | None) -> bytes:
    """PNG of a 1024 × 768 screen with this view; a dark one without."""
    image = Image.new("RGB", SIZE, PAPER if view is not None else (0, 0, 0))
    if view is not None:
        draw = ImageDraw.Draw(image)
        draw.rectangle((0, 0, SIZE[0], 12), fill=ACCENT)
        right = SIZE[0] - 48
        if view.picture is not None:
            with Image.open(io.BytesIO(view.picture)) as inner:
                shown = inner.convert("RGB")
            shown.thumbnail((420, 540))
            right -= shown.width + 48
            image.paste(shown, (right + 48, 60))
        y = 56.0
        for number, line in enumerate(view.lines):
            size, ink = (44, INK) if number == 0 else (26, QUIET)
            for part in _broken(draw, line, right - 48, size):
                draw.text((48, y), part, ink, _font(size))
                y += size * 1.25
            y += size * 0.4
        _buttons(draw, view.fields)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    """Letters that know French; Pillow's own font has no é."""
    return ImageFont.truetype(io.BytesIO(files("hw.sim").joinpath("data/DejaVuSans-Latin.ttf").read_bytes()), size)


def _broken(draw: ImageDraw.ImageDraw, text: str, width: float, size: int) -> list[str]:
    """`text` in lines at most `width` pixels wide."""
    font = _font(size)
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and draw.textlength(longer, font) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _buttons(draw: ImageDraw.ImageDraw, names: tuple[str, ...]) -> None:
    font = _font(22)
    rows: list[list[tuple[str, float]]] = [[]]
    for name in names:
        width = draw.textlength(name, font) + 40
        if rows[-1] and sum(w + 16 for _, w in rows[-1]) + width > SIZE[0] - 96:
            rows.append([])
        rows[-1].append((name, width))
    y = SIZE[1] - 28 - 68 * len(rows)
    for row in rows:
        x = 48.0
        for name, width in row:
            draw.rounded_rectangle((x, y, x + width, y + 52), 10, fill=ACCENT)
            draw.text((x + 20, y + 26), name, (255, 255, 255), font, anchor="lm")
            x += width + 16
        y += 68
