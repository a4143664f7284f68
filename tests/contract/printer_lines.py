"""The real printer driver on a real line: python-escpos over a pseudo-terminal or TCP, the simulated printer behind.

A sheet is whole here only if the paper shows a whole picture that was asked for: the simulated printer itself cannot
know whether a sheet that was cut was all.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from hw import settings
from hw.printer.opening import open_printer
from hw.sim.journal import Journal
from hw.sim.paper import Sheet
from hw.sim.printer import SimPrinter
from hw.sim.printer_models import MODELS
from hw.sim.printer_port import at_address, at_pty

PROFILES = {"clone": "epson-no-proof"}


class AskedFor:
    """The booth's printer; remembers the pictures it was asked for."""

    def __init__(self, printer: Any, pictures: list[Any]) -> None:
        self._printer, self._pictures = printer, pictures

    def __getattr__(self, name: str) -> Any:
        return getattr(self._printer, name)

    async def print(self, rows: Any) -> Any:
        self._pictures.append(rows)
        return await self._printer.print(rows)


class Paper:
    """The bench's printer; judges a sheet by what it shows."""

    def __init__(self, sim: SimPrinter, pictures: list[Any]) -> None:
        self._sim, self._pictures = sim, pictures

    def __getattr__(self, verb: str) -> Any:
        return getattr(self._sim, verb)

    async def papers(self) -> list[Sheet]:
        return [
            replace(sheet, whole=sheet.whole and any(shows(sheet.rows, picture) for picture in self._pictures))
            for sheet in await self._sim.papers()
        ]


def shows(rows: Any, picture: Any) -> bool:
    """Whether the whole picture stands on the paper, one row after the other."""
    spare = len(rows) - len(picture)
    return any(np.array_equal(rows[top : top + len(picture)], picture) for top in range(spare + 1))


@dataclass
class LineRig:
    cabin: Any
    bench: Any
    kill: Any
    connect: Any
    hides: bool = True


@asynccontextmanager
async def line_rig(line: str, folder: Path, model: str = "epson") -> AsyncIterator[LineRig]:
    journal = Journal()
    sim = SimPrinter(random.Random(5), journal, MODELS[model])
    pictures: list[Any] = []
    profile = PROFILES.get(model, model)
    async with AsyncExitStack() as everything:
        if line == "serial":
            link = folder / "printer"
            await everything.enter_async_context(at_pty(sim, journal, link))
            chosen: Any = settings.SerialPrinter(port=str(link), profile=profile)
        else:
            port = await everything.enter_async_context(at_address(sim, journal))
            chosen = settings.NetworkPrinter(host="127.0.0.1", port=port, profile=profile)
        booth = await everything.enter_async_context(AsyncExitStack())

        async def kill() -> None:
            await booth.aclose()

        async def connect() -> None:
            printer = await booth.enter_async_context(open_printer(chosen))
            rig.cabin = SimpleNamespace(printer=AskedFor(printer, pictures))

        rig = LineRig(None, SimpleNamespace(printer=Paper(sim, pictures), wait=journal.wait), kill, connect)
        await connect()
        yield rig


def play_on(line: str, folder: Path, model: str = "epson") -> Any:
    async def run(story: Any) -> None:
        async with line_rig(line, folder, model) as rig:
            await story(rig)

    return lambda story: asyncio.run(run(story))
