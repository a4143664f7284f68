"""`booth judge --watch`: a technician sees the live guidance on the booth's own camera, and disturbs no booth."""

import asyncio
import os
import pty
import sys
from pathlib import Path

import pytest

from edge.cli import main
from edge.instance import alone
from tests.technician.conftest import PICTURES, ROOT, Command, workshop


async def told(watching: Command, key: str) -> str:
    """The words of the next instruction of that key."""
    while (instruction := await watching.fact("instruction"))["key"] != key:
        pass
    return str(instruction["words"])


def test_the_guidance_follows_what_the_booths_camera_sees(configuration: Path) -> None:
    async def story() -> None:
        async with workshop(configuration) as shop:
            await shop.bench.camera.show(str(PICTURES / "empty.jpg"))
            async with shop.booth("judge", "--watch", "--json", "--lang", "en") as watching:
                assert "No face" in await told(watching, "norm.one_face.low")
                await shop.bench.camera.show(str(PICTURES / "bad-smile.jpg"))
                assert "mouth" in await told(watching, "norm.mouth_closed.high")
                await shop.bench.camera.show(str(PICTURES / "good.jpg"))
                assert "about to be taken" in await told(watching, "norm.live.ready")
                assert await watching.stop() == 0

    asyncio.run(story())


def test_a_camera_that_goes_away_is_named_and_watched_again_when_it_is_back(configuration: Path) -> None:
    async def story() -> None:
        async with workshop(configuration) as shop, shop.booth("judge", "--watch", "--json") as watching:
            await watching.fact("instruction")
            await shop.bench.camera.missing()
            assert "no camera" in (await watching.fact("gone"))["why"]
            await shop.bench.camera.recover()
            await watching.fact("instruction")
            assert await watching.stop() == 0

    asyncio.run(story())


def test_a_terminal_shows_the_view_with_the_instruction_below(configuration: Path) -> None:
    async def story() -> None:
        async with workshop(configuration) as shop:
            await shop.bench.camera.show(str(PICTURES / "empty.jpg"))
            ours, theirs = pty.openpty()
            watching = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "edge.cli", "judge", "--watch", "--lang", "en", "--config", str(shop.config),
                cwd=ROOT, stdout=theirs, env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "60"},
            )  # fmt: skip
            os.close(theirs)
            seen = b""
            async with asyncio.timeout(60):
                # the picture's last row, then the words
                while (
                    "▀\x1b[0m" not in (text := seen.decode(errors="replace")) or text.count("No face can be seen") < 2
                ):
                    seen += await asyncio.to_thread(os.read, ours, 65536)
                assert text.rindex("No face can be seen") > text.index("▀")
                watching.terminate()
                while True:  # a terminal must be emptied, or its writer waits
                    try:
                        await asyncio.to_thread(os.read, ours, 65536)
                    except OSError:
                        break
                assert await watching.wait() == 0
            os.close(ours)

    asyncio.run(story())


def test_the_camera_is_not_watched_beside_a_running_booth(
    configuration: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with alone(configuration.parent / "state"):
        assert main(["judge", "--watch", "--config", str(configuration)]) == 1
    assert "systemctl stop booth" in capsys.readouterr().err


def test_without_a_configuration_the_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["judge", "--watch", "--config", str(tmp_path / "none.toml")]) == 1
    assert "none.toml" in capsys.readouterr().err
