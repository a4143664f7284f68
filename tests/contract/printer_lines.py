"""The real printer driver, python-escpos and all, on a pseudo-terminal, TCP or USB; the simulated printer behind.

A sheet is whole here only if the paper shows a whole picture that was asked for: the simulated printer itself cannot
know whether a sheet that was cut was all.
"""

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from hw import settings
from hw.printer.escpos import BLOCK_ROWS
from hw.printer.opening import SERIAL_BLOCK_ROWS, open_printer
from hw.sim.journal import Journal
from hw.sim.paper import Sheet
from hw.sim.printer import SimPrinter
from hw.sim.printer_models import MODELS
from hw.sim.printer_port import at_address, at_gadget, at_pty
from hw.sim.usb_gadget import PRINTER, PRODUCT, SERIAL, VENDOR

PROFILES = {"clone": "epson-no-proof", "epson-eager": "epson"}


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

    def __init__(self, sim: SimPrinter, pictures: list[Any], there: Callable[[], Awaitable[None]]) -> None:
        """`there` waits until this machine sees what was plugged in."""
        self._sim, self._pictures, self._there = sim, pictures, there

    def __getattr__(self, verb: str) -> Any:
        return getattr(self._sim, verb)

    async def repair(self) -> None:
        await self._sim.repair()
        await self._there()

    async def papers(self, first: int = 0) -> list[Sheet]:
        return [
            replace(sheet, whole=sheet.whole and any(shows(sheet.rows, picture) for picture in self._pictures))
            for sheet in await self._sim.papers(first)
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
    fill_bytes: int
    hides: bool = True


@asynccontextmanager
async def line_rig(
    line: str, folder: Path, model: str = "epson", functions: Sequence[str] = (PRINTER,)
) -> AsyncIterator[LineRig]:
    journal = Journal()
    sim = SimPrinter(random.Random(5), journal, MODELS[model])
    pictures: list[Any] = []
    profile = PROFILES.get(model, model)
    async with AsyncExitStack() as everything:
        if line == "serial":
            link = folder / "printer"
            await everything.enter_async_context(at_pty(sim, journal, link))
            chosen: Any = settings.SerialPrinter(port=str(link), profile=profile)
        elif line == "usb":
            await everything.enter_async_context(at_gadget(sim, journal, functions))
            chosen = settings.UsbPrinter(vendor=VENDOR, product=PRODUCT, serial=SERIAL, profile=profile)
        else:
            port = await everything.enter_async_context(at_address(sim, journal))
            chosen = settings.NetworkPrinter(host="127.0.0.1", port=port, profile=profile)
        booth = await everything.enter_async_context(AsyncExitStack())

        async def kill() -> None:
            await booth.aclose()

        async def connect() -> None:
            printer = await booth.enter_async_context(open_printer(chosen))
            rig.cabin = SimpleNamespace(printer=AskedFor(printer, pictures))

        fill = (SERIAL_BLOCK_ROWS if line == "serial" else BLOCK_ROWS) * 72
        there = _on_the_bus if line == "usb" else _at_once
        rig = LineRig(
            None, SimpleNamespace(printer=Paper(sim, pictures, there), wait=journal.wait), kill, connect, fill
        )
        await there()
        await connect()
        yield rig


async def _at_once() -> None:
    """A line is there as soon as it is plugged in."""


async def _on_the_bus() -> None:
    """Until the kernel, udev and libusb have seen it, as they do between a plug and the next ticket."""
    import usb.core
    import usb.util

    def answers() -> bool:
        """A device that was pulled stays in libusb's list until udev says so; but it answers nothing."""
        device = usb.core.find(idVendor=VENDOR, idProduct=PRODUCT)
        if device is None:
            return False
        try:
            return bool(device.serial_number == SERIAL)
        except (ValueError, usb.core.USBError):
            return False
        finally:
            usb.util.dispose_resources(device)

    def wait() -> None:
        for _ in range(600):
            if answers():
                return
            time.sleep(0.05)  # libusb tells it in no other way
        raise TimeoutError("the gadget is plugged in, and does not appear on the bus")

    await asyncio.to_thread(wait)


LINES = ("serial", "network", *(["usb"] if os.environ.get("EPHOTO_RIG") else []))
"""USB only in the rig, whose kernel simulates a printer on a bus of its own."""


def play_on(line: str, folder: Path, model: str = "epson") -> Any:
    async def run(story: Any) -> None:
        async with line_rig(line, folder, model) as rig:
            await story(rig)

    return lambda story: asyncio.run(run(story))
