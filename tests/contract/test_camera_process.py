"""The camera's promises, kept by the real driver over a process of its own whose camera plays pictures."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hw.settings import Picamera
from tests.camera.playing import Playing, playing
from tests.contract.test_camera import *  # noqa: F403 -- every promise of a camera, once more


class _Bench:
    def __init__(self, camera: Playing) -> None:
        self.camera = camera

    async def wait(self, name: str, *, fault: str) -> None:
        """That it is well again, as the simulated cabin's journal says it."""
        assert (name, fault) == ("camera.fault", "")
        await self.camera.faulty()
        await self.camera.well()


@pytest.fixture
def play(pictures: list[Path], tmp_path: Path) -> Callable[..., None]:
    async def played(story: Any) -> None:
        async with playing(tmp_path, pictures, Picamera(still_px=(600, 800))) as camera:
            await camera.well()  # as the simulated cabin's is from the start: a process begins slowly on a busy machine
            cabin = SimpleNamespace(camera=camera.camera)
            await story(SimpleNamespace(cabin=cabin, bench=_Bench(camera), pictures=pictures, still_px=(600, 800)))

    return lambda story: asyncio.run(played(story))
