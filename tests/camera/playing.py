"""A ProcessCamera over a real process whose camera plays pictures, and the bench that drives and breaks it."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from hw.cabin import Health
from hw.camera.driver import ProcessCamera, open_camera
from hw.settings import Picamera
from hw.sim.played import Script, write


async def until(true: Callable[[], bool]) -> None:
    """A status is looked at, it is not announced."""
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110 -- there is no event for it
            await asyncio.sleep(0.02)


class Playing:
    """The verbs of hw.sim.camera's bench, done to the process."""

    def __init__(self, camera: ProcessCamera, path: Path, pictures: list[Path]) -> None:
        self.camera = camera
        self._path = path
        self._script = Script([str(picture) for picture in pictures])

    async def show(self, picture: Path) -> None:
        await self.play([picture])

    async def play(self, pictures: list[Path]) -> None:
        from PIL import Image, UnidentifiedImageError

        for picture in pictures:
            try:
                Image.open(picture).close()
            except UnidentifiedImageError as error:
                raise ValueError(f"cannot read picture {picture}") from error
        self._change(pictures=[str(picture) for picture in pictures], turn=self._script.turn + 1)

    async def missing(self) -> None:
        self._change(fault="missing")

    async def freeze(self) -> None:
        self._change(fault="frozen")

    async def hang(self) -> None:
        self._change(fault="hung")

    async def hang_in_open(self) -> None:
        self._change(fault="hung in open")

    async def compress(self, quality: int | None = None) -> None:
        self._change(quality=quality)

    async def tear(self) -> None:
        """Its JPEGs end in their midst."""
        self._change(quality=90, torn=True)

    async def wrong_size(self) -> None:
        self._change(fault="wrong size")

    async def late(self, by_s: float) -> None:
        self._change(late_s=by_s)

    async def die(self) -> None:
        await until(lambda: self.camera.pid is not None)
        self.signal(signal.SIGKILL)

    def signal(self, number: signal.Signals) -> None:
        assert self.camera.pid is not None
        os.kill(self.camera.pid, number)

    async def recover(self) -> None:
        """Repaired, and found well by the booth."""
        self._change(fault="", late_s=0.0, torn=False)
        await self.well()

    async def well(self) -> None:
        await until(lambda: self.camera.status().health is Health.WELL)

    async def faulty(self) -> None:
        await until(lambda: self.camera.status().health is Health.FAULTY)

    def _change(self, **how: Any) -> None:
        self._script = msgspec.structs.replace(self._script, **how)
        write(self._path, self._script)


@asynccontextmanager
async def playing(folder: Path, pictures: list[Path], settings: Picamera, **how: Any) -> AsyncIterator[Playing]:
    """Of pictures of the size that the settings name, or of none: then stills say when they were exposed."""
    script = folder / "camera.json"
    write(script, Script([str(picture) for picture in pictures], **how))
    async with open_camera(settings, [sys.executable, "-m", "hw.sim.played", str(script)]) as camera:
        yield Playing(camera, script, pictures)
