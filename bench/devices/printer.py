"""Tickets with unplugs, power cycles, paper-outs and jams at random places: is each result what the paper shows?

`printed` must be a whole sheet, `failed` must not be one and never become one, `unknown` may stand only where all was
sent and something then kept the proof away. The printer is simulated, the driver and its libraries are the real ones.
"""

import argparse
import asyncio
import json
import random
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hw import settings
from hw.cabin import Printer
from hw.printer.opening import open_printer
from hw.sim.journal import Journal
from hw.sim.printer import SimPrinter
from hw.sim.printer_models import MODELS
from hw.sim.printer_port import at_address, at_gadget, at_pty
from hw.sim.usb_gadget import PRODUCT, SERIAL, VENDOR

FAULTS = ("none", "unplug", "power cycle", "paper out", "jam")
BACK_S = 60.0  # for a printer that was plugged in again to be there


@dataclass
class Round:
    """One ticket: what was done to it, what the driver said, how many whole sheets of it the paper shows."""

    n: int
    fault: str
    at: int
    height: int
    outcome: str
    rows: int
    why: str
    seconds: float
    whole: int = 0

    @property
    def lie(self) -> str:
        """What is untrue or unfounded in the result, "" where nothing is."""
        if self.outcome == "printed" and self.whole != 1:
            return f"printed, and the paper shows {self.whole}"
        if self.outcome == "failed" and self.whole:
            return "failed, and a whole sheet came out"
        if self.outcome == "unknown" and (self.fault == "none" or self.rows < self.height):
            return "unknown without a reason"
        if self.outcome == "failed" and self.fault == "none":
            return "failed without a fault"
        return ""


@asynccontextmanager
async def _at(line: str, sim: SimPrinter, journal: Journal, folder: Path) -> AsyncIterator[Any]:
    """The printer at a line, and the settings that reach it there."""
    if line == "serial":
        async with at_pty(sim, journal, folder / "printer"):
            yield settings.SerialPrinter(port=str(folder / "printer"))
    elif line == "network":
        async with at_address(sim, journal) as port:
            yield settings.NetworkPrinter(host="127.0.0.1", port=port)
    else:
        async with at_gadget(sim, journal):
            yield settings.UsbPrinter(vendor=VENDOR, product=PRODUCT, serial=SERIAL)


async def _ready(printer: Printer) -> None:
    async with asyncio.timeout(BACK_S):
        while True:
            if (await printer.status()).ready:
                return
            await asyncio.sleep(0.1)


async def _one(n: int, seed: int, sim: SimPrinter, printer: Printer, journal: Journal) -> tuple[Round, bytes]:
    chance = random.Random(f"{seed}:{n}")
    height = chance.randint(200, 700)
    rows = np.random.default_rng([seed, n]).random((height, 576)) < 0.3
    fault = chance.choice(FAULTS)
    of = height if fault in ("paper out", "jam") else height * 72 + 60
    at = chance.randint(1, of)
    if fault == "paper out":
        await sim.paper_out(after_rows=at)
    elif fault == "jam":
        await sim.jam(after_rows=at)
    elif fault != "none":
        await sim.unplug(after_bytes=at)
    printing = asyncio.create_task(printer.print(rows))
    begun_s = time.monotonic()
    if fault == "power cycle":
        pulled = asyncio.create_task(journal.wait("printer.fault", fault="unplugged"))
        await asyncio.wait({printing, pulled}, return_when=asyncio.FIRST_COMPLETED)
        pulled.cancel()
        await sim.replug()
    result = await printing
    took_s = time.monotonic() - begun_s
    await asyncio.sleep(chance.uniform(0, 0.5))
    await sim.repair()
    await _ready(printer)
    return Round(n, fault, at, height, result.outcome, result.rows, result.why, round(took_s, 2)), rows.tobytes()


async def _run(chosen: argparse.Namespace, done: list[Round]) -> None:
    journal = Journal()
    sim = SimPrinter(random.Random(chosen.seed), journal, MODELS["epson"])
    with tempfile.TemporaryDirectory() as folder:
        async with _at(chosen.line, sim, journal, Path(folder)) as reached, open_printer(reached) as printer:
            await _ready(printer)
            waiting: tuple[Round, bytes] | None = None
            looked = 0
            for n in range(len(done) + 1, chosen.rounds + 2):
                last = n > chosen.rounds
                now = None if last else await _one(n, chosen.seed, sim, printer, journal)
                if last:  # one more ticket brings out whatever an old one left
                    await printer.print(np.ones((100, 576), np.bool_))
                if waiting is not None:
                    sheets = (await sim.papers())[looked:]
                    waiting[0].whole = sum(waiting[1] in sheet.rows.tobytes() for sheet in sheets)
                    looked += max(0, len(sheets) - 3)
                    _tell(waiting[0], chosen.state)
                    done.append(waiting[0])
                waiting = now


def _tell(one: Round, state: Path | None) -> None:
    lie = f"  LIE: {one.lie}" if one.lie else ""
    print(
        f"{one.n:4} {one.fault:12} at {one.at:6} of {one.height} rows: {one.outcome:8} rows {one.rows:4} "
        f"whole {one.whole} {one.seconds:5.1f} s  {one.why}{lie}",
        flush=True,
    )
    if state is not None:
        with state.open("a") as file:
            file.write(json.dumps(asdict(one)) + "\n")


def main(arguments: list[str]) -> int:
    """`python -m bench.devices printer`: 0 when no result was a lie."""
    parser = argparse.ArgumentParser(prog="python -m bench.devices printer", description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=500, help="tickets")
    parser.add_argument("--line", choices=("usb", "serial", "network"), default="usb", help="usb: in the rig only")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--state", type=Path, help="a file of finished rounds; a loop that was stopped goes on there")
    chosen = parser.parse_args(arguments)
    done: list[Round] = []
    if chosen.state is not None and chosen.state.exists():
        done = [Round(**json.loads(line)) for line in chosen.state.read_text().splitlines()]
        print(f"goes on after {len(done)} rounds")
    asyncio.run(_run(chosen, done))
    print(f"\n{'fault':12} " + " ".join(f"{word:>8}" for word in ("printed", "failed", "unknown", "lies")))
    for fault in FAULTS:
        its = [one for one in done if one.fault == fault]
        words = Counter(one.outcome for one in its)
        counts = [words["printed"], words["failed"], words["unknown"], sum(bool(one.lie) for one in its)]
        print(f"{fault:12} " + " ".join(f"{count:8}" for count in counts))
    lies = [one for one in done if one.lie]
    print(f"{len(done)} tickets, {len(lies)} lies; longest {max((one.seconds for one in done), default=0):.1f} s")
    return 1 if lies else 0
