"""The ticket printer over any byte transport: it prints one job at a time and says what the paper really shows.

It must never call a ticket printed without the printer's own proof, and never ask for a status inside an image.
"""

import asyncio
import secrets
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hw.cabin import DeviceMissing, DeviceSilent, Health, Paper, PrinterStatus, PrintResult
from hw.escpos import CUT, INIT, STATUS_REQUESTS, Answers, answers, printer_status, process_id, raster

STATUS_S = 1.0  # a real-time answer takes milliseconds
WRITE_S = 5.0  # for one block of 400 rows = 50 mm; the slowest printers do 50 mm/s
PROOF_S = 10.0  # the buffer holds some 900 rows = 112 mm, 2.3 s at 50 mm/s, and the knife
POLL_S = 0.5  # between looks at the status while the proof is awaited


class ByteTransport(Protocol):
    """Bytes to and from one printer (USB in a real booth)."""

    async def write(self, data: bytes, *, deadline_s: float) -> None:
        """Back when the device took all of it. DeviceSilent: it did not within `deadline_s` seconds. DeviceMissing."""

    async def read(self, *, deadline_s: float) -> bytes:
        """What has come, at least one byte; b"" when nothing came within `deadline_s` seconds. DeviceMissing."""

    async def reset(self) -> None:
        """Makes the device forget what it has not printed and waits for a command (USB soft reset). DeviceMissing."""


class EscposPrinter:
    """An ESC/POS printer `width_dots` wide that knows process-ID answers (GS ( H)."""

    def __init__(self, transport: ByteTransport, *, width_dots: int = 576) -> None:
        self.width_dots = width_dots
        self._transport = transport
        self._job = asyncio.Lock()
        self._received = b""
        self._seen = PrinterStatus(Health.UNKNOWN, Paper.UNKNOWN, "not asked yet")
        # a proof that comes late for a run of ours that was killed must not pass for this run's
        self._number = secrets.randbelow(10_000)
        # a run that was killed, or a job that failed, may have left rows that hang uncut in the slot
        self._remains = True

    async def status(self) -> PrinterStatus:
        if self._job.locked():
            return self._seen  # the job looks for itself; a question now would become part of the picture
        async with self._job:
            return await self._look()

    async def print(self, rows: NDArray[np.bool_]) -> PrintResult:
        if rows.ndim != 2 or rows.shape[1] != self.width_dots or not len(rows):
            raise ValueError(f"a picture of {rows.shape}, this printer prints H × {self.width_dots}")
        async with self._job:
            status = await self._look()
            if not status.ready:
                return PrintResult("failed", f"not begun: {status.why}")
            return await self._print(rows)

    async def _print(self, rows: NDArray[np.bool_]) -> PrintResult:
        self._number = (self._number + 1) % 10_000
        ask_proof, proof = process_id(self._number)
        sent = 0
        try:
            await self._transport.write(INIT + (CUT if self._remains else b""), deadline_s=WRITE_S)
            self._remains = True
            for block in raster(rows):
                await self._transport.write(block, deadline_s=WRITE_S)
                sent += (len(block) - 8) * 8 // self.width_dots
        except DeviceMissing as gone:
            return PrintResult("failed", f"went away while it was sent: {gone}", sent)
        except DeviceSilent as silent:
            # it stands inside a block: only a reset makes it listen again, and what it has not taken it never prints
            return await self._give_up(f"took no more: {silent}", sent)
        try:
            await self._transport.write(ask_proof + CUT, deadline_s=WRITE_S)
            return await self._await_proof(proof, sent)
        except DeviceMissing as gone:
            return PrintResult("unknown", f"went away before its proof: {gone}", sent)
        except DeviceSilent as silent:
            return await self._give_up(f"took no more: {silent}", sent)

    async def _await_proof(self, proof: bytes, sent: int) -> PrintResult:
        loop = asyncio.get_running_loop()
        end_s = loop.time() + PROOF_S
        while (left_s := end_s - loop.time()) > 0:
            if await self._proven(proof, min(POLL_S, left_s)):
                self._remains = False
                status = await self._look()  # after the proof comes the knife
                return PrintResult("printed", "" if status.health is not Health.FAULTY else status.why, sent)
            self._seen, finished = await self._ask()
            if proof in finished:
                self._remains = False
                return PrintResult("printed", "", sent)
            if self._seen.health is Health.FAULTY or self._seen.paper is Paper.OUT:
                if await self._proven(proof, 0):
                    return PrintResult("printed", self._seen.why, sent)
                return await self._give_up(self._seen.why, sent)
        return PrintResult("unknown", f"all was sent, no proof within {PROOF_S:g} s: {self._seen.why}", sent)

    async def _give_up(self, why: str, sent: int) -> PrintResult:
        """The job cannot end well. What the printer still holds must not come out later, on new paper."""
        try:
            await self._transport.reset()
            self._received = b""
            status = await self._look()
        except DeviceMissing as gone:
            why = f"{why}; {gone}"
        else:
            why = status.why or why
        return PrintResult("failed", why, sent)

    async def _proven(self, proof: bytes, within_s: float) -> bool:
        """Reads for at most `within_s` seconds; whether the proof has come."""
        loop = asyncio.get_running_loop()
        end_s = loop.time() + within_s
        while True:
            found = answers(self._received)
            if proof in found.finished:
                self._received = b""
                return True
            more = await self._transport.read(deadline_s=max(0.0, end_s - loop.time()))
            if not more:
                return False
            self._received += more

    async def _look(self) -> PrinterStatus:
        """The status now. A printer that says nothing is reset once: a killed run may have left it inside an image."""
        try:
            self._seen, _ = await self._ask()
            if self._seen.why == "no answer":
                await self._transport.reset()
                self._remains = True
                self._seen, _ = await self._ask()
        except DeviceMissing as gone:
            self._seen = PrinterStatus(Health.FAULTY, Paper.UNKNOWN, f"not there: {gone}")
        return self._seen

    async def _ask(self) -> tuple[PrinterStatus, tuple[bytes, ...]]:
        """Status, and the jobs whose proof came meanwhile. DeviceMissing."""
        loop = asyncio.get_running_loop()
        end_s = loop.time() + STATUS_S
        early = answers(self._received + await self._drained())
        self._received = early.rest  # a proof that has half come
        try:
            await self._transport.write(STATUS_REQUESTS, deadline_s=STATUS_S)
        except DeviceSilent:
            return printer_status(Answers((), (), b"", b"")), early.finished
        while True:
            found = answers(self._received)
            left_s = end_s - loop.time()
            if len(found.statuses) >= 4 or found.garbage or left_s <= 0:
                break
            more = await self._transport.read(deadline_s=left_s)
            if not more:
                break
            self._received += more
        self._received = b""
        return printer_status(found), early.finished + found.finished

    async def _drained(self) -> bytes:
        came = b""
        while more := await self._transport.read(deadline_s=0):
            came += more
        return came
