"""A booth's configuration with its simulated cabin running, and the command `booth` beside it."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hw.sim.bench import Bench, open_bench

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "demo" / "pictures"

TOML = """
[booth]
id = "test-1"
place = "Gare de Test"
hotline = "0 800 000 000"
state_dir = "state"
clock = "assume"
[keys]
identity = "k.pem"
vault = "k.pem"
index = "k.pem"
fleet = "k.pem"
[broker]
url = "mqtt://localhost:1"
[cabin]
driver = "sim"
socket = "cabin.sock"
[[services]]
id = "driving_licence"
price_cents = 600
name_fr = "Permis de conduire"
name_en = "Driving licence"
"""


@asynccontextmanager
async def booth(config: Path, *arguments: str) -> AsyncIterator["Command"]:
    """`booth …` with this configuration; ended by SIGINT where it has not ended."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "edge.cli", *arguments, "--config", str(config),
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    command = Command(process)
    try:
        yield command
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


@dataclass
class Workshop:
    config: Path
    bench: Bench

    def booth(self, *arguments: str) -> AbstractAsyncContextManager["Command"]:
        return booth(self.config, *arguments)


@dataclass
class Command:
    process: asyncio.subprocess.Process

    async def fact(self, what: str) -> dict[str, Any]:
        """The next JSON line of this kind."""
        return (await self.until(what))[-1]

    async def until(self, what: str) -> list[dict[str, Any]]:
        """The JSON lines up to the next of this kind."""
        assert self.process.stdout is not None
        found: list[dict[str, Any]] = []
        async with asyncio.timeout(60):
            while line := await self.process.stdout.readline():
                found.append(json.loads(line))
                if found[-1]["what"] == what:
                    return found
        raise AssertionError(f"ended without {what}")

    async def whole(self) -> tuple[int | None, list[dict[str, Any]], str]:
        """Once it has ended: its exit status, its JSON lines and what it says beside them."""
        async with asyncio.timeout(60):
            out, err = await self.process.communicate()
        return self.process.returncode, [json.loads(line) for line in out.splitlines()], err.decode()

    async def stop(self) -> int:
        """Ctrl-C; its exit status."""
        self.process.terminate()
        return await self.process.wait()


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    (tmp_path / "k.pem").write_text("a key")
    path = tmp_path / "booth.toml"
    path.write_text(TOML)
    return path


@asynccontextmanager
async def workshop(configuration: Path) -> AsyncIterator[Workshop]:
    folder = configuration.parent
    cabin = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hw.sim", "--socket", str(folder / "cabin.sock"), "--pictures", str(PICTURES),
        "--out", str(folder / "out"), cwd=ROOT,
    )  # fmt: skip
    try:
        async with open_bench(folder / "cabin.sock") as bench:
            yield Workshop(configuration, bench)
    finally:
        cabin.terminate()
        await cabin.wait()
