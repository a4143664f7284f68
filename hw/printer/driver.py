"""The ticket printer over any byte transport: it prints one job at a time and says what the paper really shows.

It must never call a ticket printed without the printer's own proof, never call one failed that may still come out
whole, and never ask for a status inside an image.
"""

import asyncio
import secrets
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hw.cabin import DeviceError, DeviceMissing, DeviceSilent, Health, Paper, PrinterStatus, PrintResult
from hw.printer.escpos import BLOCK_ROWS, CUT, Answers, process_id, raster
from hw.printer.profiles import EPSON, NO_ANSWER, Profile, Reading
from hw.printer.transport import ByteTransport

STATUS_S = 1.0  # a real-time answer takes milliseconds
WRITE_S = 5.0  # without taking a byte; the slowest printers do 50 mm/s, and their buffers are never that long
PROOF_S = 10.0  # the buffer holds some 900 rows = 112 mm, 2.3 s at 50 mm/s, and the knife
HOT_S = 60.0  # a head that is too hot cools down meanwhile, and the job goes on
TAKE_S = 30.0  # for the customer to take a sheet from the exit; then it is put out of the way
SLICE = 4096  # bytes in one write: how exactly a loss in the middle can be told
SETTLE_S = 5.0  # a model without proof: what goes wrong after the last byte shows within it
POLL_S = 0.5  # between looks at what the printer says


@dataclass(frozen=True)
class _Sent:
    """How a sending ended: bytes the printer took, and why not all ("" = all). `gone`: it is not there any more."""

    taken: int
    why: str = ""
    gone: bool = False


class EscposPrinter:
    """An ESC/POS printer `width_dots` wide; `block_rows`: of one image block, few where the line is slow."""

    def __init__(
        self,
        transport: ByteTransport,
        *,
        profile: Profile = EPSON,
        width_dots: int = 576,
        block_rows: int = BLOCK_ROWS,
    ) -> None:
        self.width_dots = width_dots
        self._transport = transport
        self._profile = profile
        self._block_rows = block_rows
        self._job = asyncio.Lock()
        self._received = b""
        self._seen = PrinterStatus(Health.UNKNOWN, Paper.UNKNOWN, "not asked yet")
        # a proof that comes late for a run of ours that was killed must not pass for this run's
        self._number = secrets.randbelow(10_000)
        # a run that was killed, or a job that failed, may have left rows that hang uncut in the slot
        self._remains = True
        # NULs end an image block that was cut in two, and are nothing to a printer that waits for a command
        self._fill = bytes(block_rows * width_dots // 8)
        self._after_rows = 0  # bytes that were taken since the last row: a job's end, and what it was asked meanwhile

    async def status(self) -> PrinterStatus:
        if self._job.locked():
            return self._seen  # the job looks for itself; a question now would become part of the picture
        async with self._job:
            return (await self._look()).status

    async def print(self, rows: NDArray[np.bool_]) -> PrintResult:
        if rows.ndim != 2 or rows.shape[1] != self.width_dots or not len(rows):
            raise ValueError(f"a picture of {rows.shape}, this printer prints H × {self.width_dots}")
        async with self._job:
            reading = await self._look()
            if not reading.status.ready:
                return PrintResult("failed", f"not begun: {reading.status.why}")
            if reading.at_exit and not await self._put_out():
                return PrintResult("failed", "not begun: a ticket stands at the exit; take it out")
            return await self._print(rows)

    # --- one job

    async def _print(self, rows: NDArray[np.bool_]) -> PrintResult:
        self._number = (self._number + 1) % 10_000
        # a printer that a killed run left inside an image may answer all the same, and take the next job for dots
        sent = await self._send(self._fill + self._profile.setup + CUT if self._remains else self._profile.setup)
        self._remains = True
        done = 0
        if not sent.why:
            row_bytes = self.width_dots // 8
            for block in raster(rows, self._block_rows):
                sent = await self._send(block)
                done += max(0, sent.taken - 8) // row_bytes
                if sent.why:
                    break
        if sent.why:
            # what was not sent whole cannot come out whole, whatever the printer still holds
            why = sent.why if sent.gone else (await self._give_up(sent.why))[0]
            return PrintResult("failed", why, done)
        ask_proof, proof = process_id(self._number)
        self._after_rows = 0
        sent = await self._send((ask_proof if self._profile.proof == "process id" else b"") + CUT)
        if sent.gone:
            return PrintResult("unknown", f"all was sent, then {sent.why}", done)
        if sent.why:
            return await self._fail_or_not(sent.why, done)
        try:
            return await self._await_proof(proof, done)
        except DeviceError as lost:
            self._forget()
            return PrintResult("unknown", f"all was sent, then {lost.why}", done)

    async def _send(self, data: bytes) -> _Sent:
        """Sends all of it, or says how far it came; hears meanwhile what the printer says unasked."""
        loop = asyncio.get_running_loop()
        end_s, hot_s = loop.time() + WRITE_S, loop.time() + HOT_S
        at = 0
        try:
            while at < len(data):
                piece = data[at : at + SLICE]
                took = await self._write(piece, POLL_S)
                at += took
                if took:
                    end_s, hot_s = loop.time() + WRITE_S, loop.time() + HOT_S
                if took == len(piece):
                    continue
                self._received += await self._drained()
                reports = self._profile.answers(self._received).reports
                heard = self._profile.report(reports[-1]) if reports else None
                if heard is not None and heard.recovers:
                    self._seen = heard.status
                    end_s = min(hot_s, loop.time() + WRITE_S)
                elif heard is not None and (heard.status.health is Health.FAULTY or heard.status.paper is Paper.OUT):
                    return _Sent(at, heard.status.why)
                elif bad := await self._transport.port_says():
                    return _Sent(at, bad)
                if loop.time() >= end_s:
                    return _Sent(at, f"took {at} of {len(data)} bytes and no more within {WRITE_S:g} s")
            return _Sent(at)
        except DeviceSilent as silent:
            return _Sent(at, silent.why)
        except DeviceError as lost:
            self._forget()
            return _Sent(at, f"went away: {lost.why}", gone=True)

    async def _await_proof(self, proof: bytes, done: int) -> PrintResult:
        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        end_s = begun_s + (SETTLE_S if self._profile.proof == "none" else PROOF_S)
        at_exit = put_out = False
        while (left_s := end_s - loop.time()) > 0:
            if await self._proven(proof, min(POLL_S, left_s)):
                return await self._printed(done)
            reading, finished = await self._ask()
            self._seen = reading.status
            if proof in finished:
                return await self._printed(done)
            if self._profile.proof == "exit" and reading.status.health is not Health.UNKNOWN:
                if at_exit and not reading.at_exit:
                    self._remains = False
                    return PrintResult("printed", "nobody took it: put out of the way" if put_out else "", done)
                if reading.at_exit and not at_exit:
                    at_exit, end_s = True, loop.time() + TAKE_S + PROOF_S
                if at_exit and not put_out and end_s - loop.time() <= PROOF_S:
                    put_out = True
                    await self._write(self._profile.put_out, STATUS_S)
            if reading.recovers:
                end_s = min(loop.time() + PROOF_S, begun_s + HOT_S + PROOF_S)
            elif self._seen.health is Health.FAULTY or self._seen.paper is Paper.OUT:
                if await self._proven(proof, 0):
                    return PrintResult("printed", self._seen.why, done)
                return await self._fail_or_not(self._seen.why, done)
        if self._profile.proof == "none":
            why = "nothing is wrong, but this model gives no proof" if self._seen.ready else self._seen.why
            return PrintResult("unknown", f"all was sent: {why}", done)
        why = f"no proof within {PROOF_S:g} s: {'a ticket stands at the exit' if at_exit else self._seen.why}"
        if self._seen.why == NO_ANSWER:
            return await self._fail_or_not(why, done)
        return PrintResult("unknown", f"all was sent, {why}", done)

    async def _printed(self, done: int) -> PrintResult:
        self._remains = False
        status = (await self._look()).status  # after the proof comes the knife
        return PrintResult("printed", "" if status.health is not Health.FAULTY else status.why, done)

    async def _fail_or_not(self, why: str, done: int) -> PrintResult:
        """All was sent: failed only if rows never left us, or the printer says itself that it has forgotten them."""
        why, certain = await self._give_up(why)
        if certain:
            return PrintResult("failed", why, done)
        return PrintResult("unknown", f"all was sent, then {why}; it may still come out", done)

    async def _give_up(self, why: str) -> tuple[str, bool]:
        """What the printer still holds must not come out later, on new paper. Why, and whether that is certain."""
        try:
            certain = await self._clear()
        except DeviceError as lost:
            self._forget()
            return f"{why}; {lost.why}", False
        status = (await self._look(wake=False)).status
        bad = status.health is Health.FAULTY or status.paper is Paper.OUT
        return status.why if bad else why, certain

    # --- looking

    async def _proven(self, proof: bytes, within_s: float) -> bool:
        """Reads for at most `within_s` seconds; whether the proof has come."""
        loop = asyncio.get_running_loop()
        end_s = loop.time() + within_s
        while True:
            found = self._profile.answers(self._received)
            if proof in found.finished:
                self._received = found.rest
                return True
            more = await self._transport.read(deadline_s=max(0.0, end_s - loop.time()))
            if not more:
                return False
            self._received += more

    async def _look(self, *, wake: bool = True) -> Reading:
        """The status now. `wake`: resets once what says nothing, which a killed run may have left inside an image."""
        try:
            reading, _ = await self._ask()
            if reading.status.why == NO_ANSWER and wake:
                await self._clear()
                reading, _ = await self._ask()
            elif reading.status.health is Health.UNKNOWN:  # what answered may have been late for an earlier question
                reading, _ = await self._ask()
            if reading.status.why == NO_ANSWER and (bad := await self._transport.port_says()):
                paper = Paper.OUT if bad == "paper out" else Paper.UNKNOWN
                reading = Reading(PrinterStatus(Health.UNKNOWN, paper, f"it does not answer; its port says: {bad}"))
        except DeviceError as lost:
            self._forget()
            why = f"not there: {lost.why}" if isinstance(lost, DeviceMissing) else lost.why
            health = Health.UNKNOWN if isinstance(lost, DeviceSilent) else Health.FAULTY
            reading = Reading(PrinterStatus(health, Paper.UNKNOWN, why))
        self._seen = reading.status
        return reading

    async def _ask(self) -> tuple[Reading, tuple[bytes, ...]]:
        """Status, and the jobs whose proof came meanwhile. DeviceMissing, DeviceFault."""
        loop = asyncio.get_running_loop()
        end_s = loop.time() + STATUS_S
        early = self._profile.answers(self._received + await self._drained())
        self._received = early.rest  # a proof that has half come
        if await self._write(self._profile.requests, STATUS_S) < len(self._profile.requests):
            return self._profile.read(Answers()), early.finished
        while True:
            found = self._profile.answers(self._received)
            left_s = end_s - loop.time()
            if self._profile.complete(found) or found.garbage or left_s <= 0:
                break
            more = await self._transport.read(deadline_s=left_s)
            if not more:
                break
            self._received += more
        self._received = b""
        finished = early.finished + found.finished
        reading = self._profile.read(found)
        if reading.status.why == NO_ANSWER and (reports := early.reports + found.reports):
            heard = self._profile.report(reports[-1])
            if heard.status.health is Health.FAULTY:  # what it told unasked; good news is too old to be true
                return heard, finished
        return reading, finished

    async def _write(self, data: bytes, deadline_s: float) -> int:
        took = await self._transport.write(data, deadline_s=deadline_s)
        self._after_rows += took
        return took

    async def _drained(self) -> bytes:
        came = b""
        while more := await self._transport.read(deadline_s=0):
            came += more
        return came

    # --- making it forget

    async def _clear(self) -> bool:
        """Brings it out of any image and makes it forget what is not printed.

        Whether it is certain that the last job has not come out whole and never will.
        """
        self._forget()
        dropped = await self._transport.reset()
        wake = self._fill + self._profile.clear
        rows_dropped = dropped > self._after_rows
        took = await self._write(wake, WRITE_S)
        if rows_dropped:
            return True
        if took < len(wake) or not self._profile.clear_answers:
            return False
        loop = asyncio.get_running_loop()
        end_s = loop.time() + STATUS_S
        while not self._profile.answers(self._received).cleared:
            if not (more := await self._transport.read(deadline_s=max(0.0, end_s - loop.time()))):
                return False
            self._received += more
        # it said that nothing is left; only with process ids, which come before, does that say that rows were left
        return self._profile.proof == "process id"

    def _forget(self) -> None:
        self._received = b""
        self._remains = True

    async def _put_out(self) -> bool:
        """Takes a sheet that lies at the exit out of the next one's way."""
        loop = asyncio.get_running_loop()
        end_s = loop.time() + PROOF_S
        try:
            await self._write(self._profile.put_out, STATUS_S)
            while loop.time() < end_s:
                self._received += await self._transport.read(deadline_s=POLL_S)
                reading, _ = await self._ask()
                if not reading.at_exit and reading.status.ready:
                    return True
        except DeviceError:
            self._forget()
        return False
