"""ESC/POS bytes by themselves, and the simulated printer's own reading of them."""

import asyncio
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.cabin import Health, Paper
from hw.printer import EscposPrinter
from hw.printer.escpos import BLOCK_ROWS, CUT, INIT, answers, process_id, raster
from hw.printer.profiles import EPSON, NO_ANSWER
from hw.sim.journal import Journal
from hw.sim.printer import SimPrinter
from tests.virtual import run


@given(st.binary(max_size=40))
def test_no_bytes_from_a_printer_break_the_reading_and_none_vanish(received: bytes) -> None:
    found = answers(received)
    read = len(found.statuses) + 4 * len(found.reports) + 7 * len(found.finished) + 3 * found.cleared
    read += len(found.garbage) + len(found.rest)
    assert read == len(received)
    status = EPSON.read(found).status
    if found.garbage or found.rest or len(found.statuses) != 4:
        assert (status.health, status.paper) == (Health.UNKNOWN, Paper.UNKNOWN)
        assert status.why and not status.ready


@given(st.lists(st.integers(0, 255).map(lambda byte: byte & 0x6C | 0x12), min_size=4, max_size=4))
def test_four_status_bytes_are_ready_only_without_any_trouble(four: list[int]) -> None:
    status = EPSON.read(answers(bytes(four))).status
    trouble = four[0] & 0x08 or four[1] & 0x64 or four[2] & 0x6C or four[3] & 0x60
    assert status.ready == (not trouble)
    assert status.ready or status.why


@pytest.mark.parametrize(
    ("four", "health", "paper", "why"),
    [
        ("12 12 12 12", Health.WELL, Paper.PRESENT, ""),
        ("12 12 12 1e", Health.WELL, Paper.LOW, "low"),
        ("1a 32 12 72", Health.WELL, Paper.OUT, "paper out"),
        ("12 32 12 12", Health.WELL, Paper.OUT, "paper out"),
        ("1a 12 12 12", Health.FAULTY, Paper.PRESENT, "offline"),
        ("1a 16 12 12", Health.FAULTY, Paper.PRESENT, "cover"),
        ("1a 52 1a 12", Health.FAULTY, Paper.PRESENT, "cutter"),
        ("1a 52 32 12", Health.FAULTY, Paper.PRESENT, "unrecoverable"),
        ("1a 52 52 12", Health.FAULTY, Paper.PRESENT, "hot"),
        ("1a 52 12 12", Health.FAULTY, Paper.PRESENT, "error"),
        ("12 12 12", Health.UNKNOWN, Paper.UNKNOWN, "3 of 4"),
        ("12 12 12 12 12", Health.UNKNOWN, Paper.UNKNOWN, "5 of 4"),
        ("12 12 ff 12 12", Health.UNKNOWN, Paper.UNKNOWN, "no status"),
        ("12 12 12 12 37", Health.UNKNOWN, Paper.UNKNOWN, "no status"),
        ("", Health.UNKNOWN, Paper.UNKNOWN, NO_ANSWER),
    ],
)
def test_status_bytes_mean_what_the_manual_says(four: str, health: Health, paper: Paper, why: str) -> None:
    status = EPSON.read(answers(bytes.fromhex(four))).status
    assert (status.health, status.paper) == (health, paper) and why in status.why


def test_a_finished_job_is_found_between_status_bytes_and_when_cut_in_two() -> None:
    found = answers(b"\x12\x37\x220007\x00\x16")
    assert found.finished == (b"0007",) and found.statuses == (0x12, 0x16)
    half = answers(b"\x12\x37\x2200")
    assert half.finished == () and half.rest == b"\x37\x2200"


def test_an_image_is_sent_in_blocks_of_at_most_400_full_rows() -> None:
    blocks = raster(np.ones((2 * BLOCK_ROWS + 1, 576), np.bool_))
    assert [block[:8] for block in blocks] == [
        b"\x1dv0\x00\x48\x00\x90\x01",
        b"\x1dv0\x00\x48\x00\x90\x01",
        b"\x1dv0\x00\x48\x00\x01\x00",
    ]
    assert len(blocks[0]) == 8 + 72 * 400
    with pytest.raises(ValueError, match="whole bytes"):
        raster(np.ones((1, 577), np.bool_))


def test_process_ids_are_the_bytes_of_the_manual() -> None:
    assert process_id(7) == (b"\x1d\x28\x48\x06\x00\x30\x30\x30\x30\x30\x37", b"0007")
    with pytest.raises(ValueError, match="four digits"):
        process_id(10_000)


@given(st.integers(1, 900), st.integers(1, 5_000), st.integers())
def test_the_printer_reads_a_picture_however_its_bytes_are_cut(height: int, cut: int, seed: int) -> None:
    rows = np.random.default_rng(abs(seed)).random((height, 576)) < 0.2
    stream = INIT + CUT + b"".join(raster(rows)) + process_id(1)[0] + CUT

    async def story() -> None:
        journal = Journal()
        printer = SimPrinter(random.Random(seed), journal)
        for at in range(0, len(stream), cut):
            await printer.write(stream[at : at + cut], deadline_s=30)
        await journal.wait("printer.sheet")
        (sheet,) = await printer.papers()
        assert sheet.whole and np.array_equal(sheet.rows, rows)
        assert sheet.escpos.endswith(stream.removeprefix(INIT + CUT))
        assert await printer.read(deadline_s=1) == b"\x37\x220001\x00"

    run(story())


@given(st.binary(max_size=300))
def test_no_bytes_break_the_simulated_printer(stream: bytes) -> None:
    async def story() -> None:
        printer = SimPrinter(random.Random(1), Journal())
        await printer.write(stream, deadline_s=60)
        await printer.reset()
        await printer.write(b"\x10\x04\x01", deadline_s=1)
        assert await printer.read(deadline_s=1) == b"\x12"

    run(story())


def test_bytes_that_are_no_command_stand_on_the_paper_as_text() -> None:
    async def story() -> None:
        journal = Journal()
        printer = SimPrinter(random.Random(1), journal)
        await printer.write(b"out of step\n" + CUT, deadline_s=1)
        await journal.wait("printer.sheet")
        (sheet,) = await printer.papers()
        assert sheet.rows.any()

    run(story())


def test_a_sheet_whose_booth_went_away_before_its_end_is_not_whole() -> None:
    async def story() -> None:
        journal = Journal()
        printer = SimPrinter(random.Random(1), journal)
        await printer.write(raster(np.ones((100, 576), np.bool_))[0], deadline_s=1)
        printer.let_go()
        await printer.write(CUT, deadline_s=1)
        assert (await journal.wait("printer.sheet")).data["whole"] is False

    run(story())


class _Halting:
    """A transport on which the end of a proof comes only after the next question."""

    def __init__(self, printer: SimPrinter) -> None:
        self._printer = printer
        self._held = b""
        self._ready = b""

    async def write(self, data: bytes, *, deadline_s: float) -> int:
        took = await self._printer.write(data, deadline_s=deadline_s)
        self._ready, self._held = self._held, b""
        return took

    async def read(self, *, deadline_s: float) -> bytes:
        came, self._ready = self._ready, b""
        came = came or await self._printer.read(deadline_s=deadline_s)
        if came.startswith(b"\x37"):
            came, self._held = came[:4], came[4:]
        return came

    async def reset(self) -> int:
        return await self._printer.reset()

    async def port_says(self) -> str:
        return ""


def test_a_proof_that_comes_in_two_halves_is_a_proof() -> None:
    async def story() -> None:
        printer = EscposPrinter(_Halting(SimPrinter(random.Random(1), Journal())))
        assert (await printer.print(np.ones((100, 576), np.bool_))).outcome == "printed"

    run(story())


class _Buffered:
    """A line that stands still once `stands` has gone by: the kernel takes what comes then, and drops it at a reset."""

    def __init__(self, printer: SimPrinter, stands: bytes) -> None:
        self._printer = printer
        self._stands = stands
        self._gone_by = b""
        self._held = 0

    async def write(self, data: bytes, *, deadline_s: float) -> int:
        if self._stands in self._gone_by:
            self._held += len(data)
            return len(data)
        self._gone_by += data
        return await self._printer.write(data, deadline_s=deadline_s)

    async def read(self, *, deadline_s: float) -> bytes:
        await asyncio.sleep(deadline_s)
        return b"" if self._stands in self._gone_by else await self._printer.read(deadline_s=0)

    async def reset(self) -> int:
        held, self._held = self._held, 0
        return held

    async def port_says(self) -> str:
        return ""


@pytest.mark.parametrize("dropped", [False, True])
def test_a_ticket_has_failed_only_if_rows_of_it_never_left_whatever_was_asked_meanwhile(dropped: bool) -> None:
    async def story() -> None:
        sim = SimPrinter(random.Random(1), Journal())
        rows = np.random.default_rng(1).random((2 * BLOCK_ROWS, 576)) < 0.3
        first, last = raster(rows)
        printer = EscposPrinter(_Buffered(sim, first if dropped else last + process_id(0)[0][:3]))
        result = await printer.print(rows)
        sheets = [sheet for sheet in await sim.papers() if sheet.whole and np.array_equal(sheet.rows, rows)]
        assert (result.outcome, len(sheets)) == (("failed", 0) if dropped else ("unknown", 1)), result

    run(story())
