"""The simulated camera: it plays pictures. Frames are made only while somebody asks for them."""

import asyncio
import io
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from hw.cabin import DeviceFault, DeviceMissing, DeviceSilent, Frame, Health, Rgb, Status, Still
from hw.sim.journal import Journal

Picture = str | Path | Rgb

FRAME_S = 0.1
STALE_S = 2.0  # without a frame for so long the camera is faulty; the real library says nothing by itself
SHOT_S = 0.35  # exposure and read-out
STILL_S = 4.0  # deadline of a shot
RESTART_S = 3.0  # a camera process that died is started again
FRAME_SIZE = (640, 480)


class SimCamera:
    """Camera protocol and its bench verbs."""

    VERBS = frozenset({"show", "play", "compress", "tear", "missing", "freeze", "die", "late", "wrong_size", "recover"})

    def __init__(self, journal: Journal, pictures: Sequence[Picture] = ()) -> None:
        self._loop = asyncio.get_running_loop()
        self._journal = journal
        self._gone = asyncio.Event()
        self._trouble = ""
        self._since_s = 0.0
        self._late_s = 0.0
        self._restart: asyncio.TimerHandle | None = None
        self._quality: int | None = None
        self._start(list(pictures) or [np.full((1200, 900, 3), 205, np.uint8)], None)

    # --- the device

    def status(self) -> Status:
        if self._trouble in ("missing", "died", "wrong size"):
            return Status(Health.FAULTY, self._why())
        if self._trouble == "frozen" and self._loop.time() - self._since_s >= STALE_S:
            return Status(Health.FAULTY, f"no frame for {self._loop.time() - self._since_s:.0f} s")
        if self._late_s >= STALE_S:
            return Status(Health.FAULTY, f"frames come {self._late_s:g} s late")
        return Status(Health.WELL)

    async def frames(self) -> AsyncIterator[Frame]:
        frame = await self.frame_after(0)
        while True:
            yield frame
            frame = await self.frame_after(frame.at_ns)

    async def frame_after(self, at_ns: int) -> Frame:
        """The newest frame, exposed at least FRAME_S after `at_ns`."""
        await self._pause_until(at_ns / 1e9 + FRAME_S + self._late_s)
        if self._trouble == "frozen":
            await self._pause_until(self._since_s + STALE_S)
            if self._trouble == "frozen":
                raise DeviceSilent("camera", f"no frame for {STALE_S:g} s")
        return Frame(self._fitted(), int((self._loop.time() - self._late_s) * 1e9))

    async def still(self) -> Still:
        asked_s = self._loop.time()
        await self._pause_until(asked_s + min(SHOT_S + self._late_s, STILL_S))
        if self._trouble == "frozen" or SHOT_S + self._late_s > STILL_S:
            await self._pause_until(asked_s + STILL_S)
            raise DeviceSilent("camera", f"no shot within {STILL_S:g} s")
        rgb = self._full().copy()
        if self._trouble == "wrong size":
            raise DeviceFault("camera", f"a picture of 320 × 240 came, {rgb.shape[1]} × {rgb.shape[0]} expected")
        if self._each_s is None and self._at < len(self._pictures) - 1:
            self._turn(self._at + 1)
        self._journal.note("camera.still")
        picture = rgb if self._quality is None else compressed(rgb, self._quality)
        if self._trouble == "torn":
            picture = picture[: len(picture) // 2]
        return Still(picture, int((asked_s + SHOT_S / 2) * 1e9), exposure_us=10_000, gain=1.0)

    # --- the bench

    async def show(self, picture: Picture) -> None:
        """This picture from now on: a path, or H × W × 3 sRGB. ValueError if it cannot be read."""
        self._start([picture], None)

    async def play(self, pictures: Sequence[Picture], each_s: float | None = None) -> None:
        """These one after the other, and then the last: each for `each_s` seconds, or (None) for one still."""
        self._start(list(pictures), each_s)

    async def compress(self, quality: int | None = None) -> None:
        """Stills are JPEGs of this quality from now on, as a USB camera's; arrays again with None."""
        self._quality = quality

    async def tear(self) -> None:
        """The JPEGs of its stills break off in their midst, and nobody says so."""
        self._quality = self._quality or 95
        self._break("torn")

    async def missing(self) -> None:
        """The cable is out."""
        self._break("missing")

    async def freeze(self) -> None:
        """No frame comes any more and nobody says so."""
        self._break("frozen")

    async def die(self) -> None:
        """Its process dies; it is started again by itself and is back after RESTART_S."""
        self._break("died")
        self._restart = self._loop.call_later(RESTART_S, self._mend)

    async def late(self, by_s: float) -> None:
        """Every frame and every shot comes later by so much."""
        self._mend()
        self._late_s = by_s
        self._journal.note("camera.fault", fault=f"late by {by_s:g} s")

    async def wrong_size(self) -> None:
        """Shots come in a size that nobody asked for."""
        self._break("wrong size")

    async def recover(self) -> None:
        """Everything is well again."""
        self._mend()

    # --- inside

    def _break(self, trouble: str) -> None:
        self._mend(quietly=True)
        self._trouble, self._since_s = trouble, self._loop.time()
        if trouble in ("missing", "died"):
            self._gone.set()
        self._journal.note("camera.fault", fault=trouble)

    def _mend(self, *, quietly: bool = False) -> None:
        if self._restart is not None:
            self._restart.cancel()
            self._restart = None
        self._trouble, self._late_s = "", 0.0
        self._gone.clear()
        if not quietly:
            self._journal.note("camera.fault", fault="")

    def _why(self) -> str:
        return {"missing": "no camera found", "died": "its process died, starting again"}.get(
            self._trouble, "shots come in the wrong size"
        )

    async def _pause_until(self, at_s: float) -> None:
        """Sleeps, unless the camera goes away: DeviceMissing."""
        try:
            async with asyncio.timeout_at(at_s):
                await self._gone.wait()
        except TimeoutError:
            return
        raise DeviceMissing("camera", self._why())

    def _start(self, pictures: list[Picture], each_s: float | None) -> None:
        if not pictures:
            raise ValueError("no picture to play")
        for picture in pictures:
            if isinstance(picture, str | Path):
                _check(picture)
        self._pictures, self._each_s, self._began_s = pictures, each_s, self._loop.time()
        self._turn(0)

    def _turn(self, at: int) -> None:
        self._at = at
        self._shown: Rgb | None = None
        self._small: Rgb | None = None

    def _full(self) -> Rgb:
        if self._each_s is not None:
            at = min(int((self._loop.time() - self._began_s) / self._each_s), len(self._pictures) - 1)
            if at != self._at:
                self._turn(at)
        if self._shown is None:
            picture = self._pictures[self._at]
            self._shown = _load(picture) if isinstance(picture, str | Path) else picture
        return self._shown

    def _fitted(self) -> Rgb:
        full = self._full()
        if self._small is None:
            fitted = ImageOps.pad(Image.fromarray(full), FRAME_SIZE, Image.Resampling.BOX, color=(190, 190, 190))
            self._small = np.asarray(fitted)
        return self._small


def _check(path: str | Path) -> None:
    try:
        with Image.open(path) as image:
            image.verify()
    except (OSError, SyntaxError) as error:
        raise ValueError(f"cannot read picture {path}: {error}") from error


def compressed(rgb: Rgb, quality: int) -> bytes:
    """As a USB camera compresses its pictures."""
    out = io.BytesIO()
    Image.fromarray(rgb).save(out, "JPEG", quality=quality)
    return out.getvalue()


def _load(path: str | Path) -> Rgb:
    with Image.open(path) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
