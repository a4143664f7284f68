"""What the customer is told: in which language, under which lights, with which sound. Decides nothing.

Every step of a visit has one row in STEPS and its sentences under `visit.<step>` in the texts.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from hw.cabin import Cabin, DeviceError, Rgb, Scene, View

from .texts import LANGUAGES, Texts

LIGHTS_S = 5.0
"""A scene burns no longer than this unless the guide renews it (the daemon does, every second)."""
SHOWN_PX, GAP_PX = 540, 12
"""Pictures shown together: no larger than a panel shows them, and apart."""


@dataclass(frozen=True)
class Step:
    scene: Scene
    fields: tuple[str, ...] = ()
    sound: str | None = None


STEPS = {
    "door": Step(Scene.IDLE),
    "closed": Step(Scene.OUT_OF_ORDER),
    "choose": Step(Scene.WELCOME, ("language", "cancel"), "welcome"),
    "coin_unclear": Step(Scene.WELCOME, (), "sorry"),
    "pay": Step(Scene.GUIDANCE, ("language", "cancel")),
    "pay_closed": Step(Scene.GUIDANCE, ("language", "cancel")),
    "place": Step(Scene.GUIDANCE, ("yes", "language", "cancel")),
    "shot": Step(Scene.CAPTURE, (), "shutter"),
    "refused": Step(Scene.GUIDANCE, ("redo", "language", "cancel"), "sorry"),
    "accepted": Step(Scene.GUIDANCE, ("yes", "redo", "language", "cancel"), "well"),
    "choose_shot": Step(Scene.GUIDANCE, ("language", "cancel")),
    "override": Step(Scene.GUIDANCE, ("yes", "redo", "language", "cancel"), "sorry"),
    "sign": Step(Scene.WELCOME, ("signature", "yes", "redo", "language", "cancel")),
    "sign_again": Step(Scene.WELCOME, ("signature", "yes", "redo", "language", "cancel"), "sorry"),
    "confirm": Step(Scene.WELCOME, ("yes", "redo", "language", "cancel")),
    "wait_pen": Step(Scene.WELCOME, (), "sorry"),
    "wait_printer": Step(Scene.WELCOME, ("language", "cancel"), "sorry"),
    "wait_camera": Step(Scene.WELCOME, ("language", "cancel"), "sorry"),
    "printing": Step(Scene.DONE),
    "ticket_waits": Step(Scene.DONE, (), "sorry"),
    "take_ticket": Step(Scene.DONE, (), "done"),
    "ticket_unsure": Step(Scene.DONE, (), "sorry"),
    "ticket_failed": Step(Scene.DONE, (), "sorry"),
    "ticket_failed_free": Step(Scene.DONE, (), "sorry"),
    "claim": Step(Scene.DONE, (), "done"),
    "goodbye": Step(Scene.DONE),
}


class Guide:
    def __init__(self, cabin: Cabin, language: str = LANGUAGES[0]) -> None:
        self._cabin = cabin
        self._scene = Scene.IDLE
        self.speak(language)

    @property
    def present(self) -> bool:
        """Whether there is a panel to read from."""
        return self._cabin.panel.present

    def speak(self, language: str) -> None:
        self.say = Texts(language)

    @property
    def language(self) -> str:
        return self.say.language

    def other_language(self) -> str:
        return LANGUAGES[(LANGUAGES.index(self.language) + 1) % len(LANGUAGES)]

    async def show(
        self,
        step: str,
        *more: str,
        picture: bytes | None = None,
        fields: tuple[str, ...] = (),
        **params: object,
    ) -> None:
        """Shows a step: its title and text, then `more` lines; `fields` that are added to the step's own. A panel or
        a lamp that fails stops nobody here, and not the other: the gate tells."""
        row = STEPS[step]
        lines = [self.say(f"visit.{step}.title", **params)]
        if f"visit.{step}.text" in self.say:
            lines.append(self.say(f"visit.{step}.text", **params))
        self._scene = row.scene
        await self.renew()
        try:
            await self._cabin.panel.show(View(step, (*lines, *more), picture, row.sound, (*fields, *row.fields)))
        except DeviceError:
            return

    async def door(self, closed_by: tuple[str, ...]) -> None:
        """Nobody is here: both languages, and why if no money is taken."""
        step = "closed" if closed_by else "door"
        first, other = (Texts(language) for language in LANGUAGES)
        self.say = first
        lines = [_why(first, closed_by), other(f"visit.{step}.title"), _why(other, closed_by)]
        await self.show(step, *filter(None, lines))

    def why(self, closed_by: tuple[str, ...]) -> str:
        """Why no money is taken, in the customer's words; empty where it is."""
        return _why(self.say, closed_by)

    async def renew(self) -> None:
        """Keeps the lamps as they are; without it they fall back by themselves."""
        try:
            await self._cabin.lights.show(self._scene, for_s=LIGHTS_S)
        except DeviceError:
            return


def _why(say: Texts, closed_by: tuple[str, ...]) -> str:
    return say(f"visit.why.{closed_by[0]}") if closed_by else ""


def money(cents: int, language: str) -> str:
    """An amount as it is written: 6,00 € in French, €6.00 in English."""
    text = f"{cents // 100}.{cents % 100:02d}"
    return f"€{text}" if language == "en" else f"{text.replace('.', ',')} €"


def side_by_side(pictures: Sequence[bytes]) -> bytes:
    """Encoded pictures as one JPEG on white, from left to right, all as high as the first."""
    shown = [_opened(picture) for picture in pictures]
    height = shown[0].height
    return _sheet([one.resize((round(one.width * height / one.height), height)) for one in shown], down=False)


def stacked(pictures: Sequence[bytes]) -> bytes:
    """Encoded pictures as one JPEG on white, from top to bottom, all as wide as the first."""
    shown = [_opened(picture) for picture in pictures]
    width = shown[0].width
    return _sheet([one.resize((width, round(one.height * width / one.width))) for one in shown], down=True)


def _opened(picture: bytes) -> Image.Image:
    opened = Image.open(io.BytesIO(picture)).convert("RGB")
    opened.thumbnail((SHOWN_PX, SHOWN_PX))
    return opened


def _sheet(shown: list[Image.Image], *, down: bool) -> bytes:
    ends = [one.height if down else one.width for one in shown]
    long, wide = sum(ends) + GAP_PX * (len(ends) - 1), shown[0].width if down else shown[0].height
    sheet = Image.new("RGB", (wide, long) if down else (long, wide), "white")
    at = 0
    for one, end in zip(shown, ends, strict=True):
        sheet.paste(one, (0, at) if down else (at, 0))
        at += end + GAP_PX
    return jpeg(np.asarray(sheet), quality=90)


def mirrored(rgb: Rgb) -> bytes:
    """A live frame as a small JPEG, left and right as in a mirror."""
    return jpeg(np.ascontiguousarray(rgb[::2, ::-2]), quality=70)


def jpeg(rgb: Rgb, *, quality: int, dpi: int = 72) -> bytes:
    out = io.BytesIO()
    Image.fromarray(rgb).save(out, "JPEG", quality=quality, dpi=(dpi, dpi), subsampling=0 if quality > 90 else 2)
    return out.getvalue()
