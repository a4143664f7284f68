"""Families of printers: what each says of itself, and which word on a ticket each can prove."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.cabin import Health, Paper
from hw.printer import EscposPrinter
from hw.printer.escpos import answers, full_status_answers
from hw.printer.profiles import PROFILES
from hw.sim.journal import Journal
from hw.sim.printer import SimPrinter
from hw.sim.printer_models import MODELS
from tests.contract.printer_lines import PROFILES as PROFILE_OF
from tests.virtual import run

ROWS = np.random.default_rng(3).random((1300, 576)) < 0.3
KNOWN = ("epson", "epson-no-proof", "citizen-ppu700", "custom-kpm")
Story = Callable[[SimPrinter, EscposPrinter, Journal], Awaitable[None]]


def play(model: str, story: Story) -> None:
    async def main() -> None:
        journal = Journal()
        sim = SimPrinter(random.Random(5), journal, MODELS[model])
        await story(sim, EscposPrinter(sim, profile=PROFILES[PROFILE_OF.get(model, model)]), journal)

    run(main())


@pytest.mark.parametrize("model", [*KNOWN, "clone"])
@pytest.mark.parametrize(
    ("verb", "health", "paper", "why"),
    [
        ("paper_low", Health.WELL, Paper.LOW, "low"),
        ("paper_out", Health.WELL, Paper.OUT, "paper out"),
        ("cover_open", Health.FAULTY, Paper.PRESENT, "cover"),
        ("jam", Health.FAULTY, Paper.PRESENT, "cutter"),
        ("hot", Health.FAULTY, Paper.PRESENT, "hot"),
        ("silent", Health.UNKNOWN, Paper.UNKNOWN, "look at its cable"),
        ("garbage_status", Health.UNKNOWN, Paper.UNKNOWN, ""),
    ],
)
def test_each_family_tells_what_is_wrong_in_its_own_bits(
    model: str, verb: str, health: Health, paper: Paper, why: str
) -> None:
    async def story(sim: SimPrinter, printer: EscposPrinter, journal: Journal) -> None:
        await getattr(sim, verb)()
        status = await printer.status()
        assert (status.health, status.paper) == (health, paper) and why in status.why
        assert status.why and status.ready == (verb == "paper_low")
        await sim.repair()
        assert (await printer.status()).ready

    play(model, story)


@pytest.mark.parametrize(
    ("model", "outcome"),
    [
        ("epson", "printed"),
        ("epson-eager", "printed"),  # finds requests among the dots, and answers them
        ("epson-no-proof", "unknown"),
        ("clone", "unknown"),
        ("citizen-ppu700", "printed"),
        ("custom-kpm", "printed"),
    ],
)
def test_only_a_family_with_proof_calls_a_ticket_printed(model: str, outcome: str) -> None:
    async def story(sim: SimPrinter, printer: EscposPrinter, journal: Journal) -> None:
        result = await printer.print(ROWS)
        assert (result.outcome, result.rows) == (outcome, len(ROWS))
        (sheet,) = await sim.papers()
        assert sheet.whole and np.array_equal(sheet.rows, ROWS)

    play(model, story)


@pytest.mark.parametrize("model", ["citizen-ppu700", "custom-kpm"])
def test_a_ticket_that_nobody_takes_is_put_out_of_the_way_and_the_next_one_comes(model: str) -> None:
    async def story(sim: SimPrinter, printer: EscposPrinter, journal: Journal) -> None:
        await sim.keep()
        result = await printer.print(ROWS)
        assert result.outcome == "printed" and "nobody took it" in result.why
        await sim.take()
        assert (await printer.print(~ROWS)).outcome == "printed"

    play(model, story)


@pytest.mark.parametrize("model", ["citizen-ppu700", "custom-kpm"])
def test_a_ticket_left_at_the_exit_is_no_proof_of_the_next_one(model: str) -> None:
    async def story(sim: SimPrinter, printer: EscposPrinter, journal: Journal) -> None:
        await sim.keep()
        printing = asyncio.create_task(printer.print(ROWS))
        await journal.wait("printer.sheet")
        printing.cancel()
        await asyncio.gather(printing, return_exceptions=True)
        await sim.hot(after_rows=850)  # all of the next one is sent, and it stands still
        printing = asyncio.create_task(printer.print(~ROWS))
        await journal.wait("printer.fault")
        await asyncio.sleep(5)  # the driver looks, and sees the old one
        await sim.take()
        assert (await printing).outcome != "printed"
        assert [np.array_equal(sheet.rows, ROWS) for sheet in await sim.papers()] == [True]

    play(model, story)


@pytest.mark.parametrize("model", KNOWN)
def test_a_hot_head_is_waited_for(model: str) -> None:
    async def story(sim: SimPrinter, printer: EscposPrinter, journal: Journal) -> None:
        await sim.hot(after_rows=300)
        printing = asyncio.create_task(printer.print(ROWS))
        await journal.wait("printer.fault")
        await asyncio.sleep(40)
        assert not printing.done()
        await sim.repair()
        result = await printing
        assert result.outcome == ("unknown" if model == "epson-no-proof" else "printed")
        (sheet,) = await sim.papers()
        assert sheet.whole and np.array_equal(sheet.rows, ROWS)

    play(model, story)


def test_a_head_that_stays_hot_ends_in_a_failed_ticket_that_never_comes_out() -> None:
    async def story(sim: SimPrinter, printer: EscposPrinter, journal: Journal) -> None:
        await sim.hot(after_rows=300)
        result = await printer.print(ROWS)
        assert result.outcome == "failed" and "hot" in result.why
        await sim.repair()
        assert (await printer.print(~ROWS)).outcome == "printed"
        assert not [sheet for sheet in await sim.papers() if np.array_equal(sheet.rows, ROWS)]

    play("epson", story)


@pytest.mark.parametrize("model", ["epson-no-proof", "clone", "citizen-ppu700", "custom-kpm"])
def test_without_process_ids_nothing_that_was_wholly_sent_is_called_failed(model: str) -> None:
    """The roll may end just after the last row: the sheet is whole, and only the printer's silence differs."""

    async def story(sim: SimPrinter, printer: EscposPrinter, journal: Journal) -> None:
        await sim.keep()
        await sim.paper_out(after_rows=len(ROWS) - 1)
        result = await printer.print(ROWS)
        assert (result.outcome, result.rows) == ("unknown", len(ROWS)) and result.why

    play(model, story)


@pytest.mark.parametrize("after_rows", [1, 250, 700])
@pytest.mark.parametrize("model", KNOWN)
def test_a_ticket_cut_short_is_called_failed_and_never_comes_out_whole(model: str, after_rows: int) -> None:
    async def story(sim: SimPrinter, printer: EscposPrinter, journal: Journal) -> None:
        await sim.paper_out(after_rows=after_rows)
        result = await printer.print(ROWS)
        assert result.outcome == "failed" and 0 < result.rows < len(ROWS) and "paper out" in result.why
        await sim.repair()
        await printer.print(~ROWS)
        await asyncio.sleep(60)
        sheets = await sim.papers()
        assert not [sheet for sheet in sheets if np.array_equal(sheet.rows, ROWS)]
        assert np.array_equal(sheets[-1].rows, ~ROWS)

    play(model, story)


@pytest.mark.parametrize("model", ["epson", "epson-eager"])
def test_a_run_killed_inside_an_image_spoils_no_dot_of_the_next_ticket(model: str) -> None:
    async def story(sim: SimPrinter, printer: EscposPrinter, journal: Journal) -> None:
        printing = asyncio.create_task(printer.print(ROWS))
        await journal.wait("printer.row")
        printing.cancel()
        await asyncio.gather(printing, return_exceptions=True)
        again = EscposPrinter(sim)
        assert (await again.print(~ROWS)).outcome == "printed"
        await journal.wait("printer.sheet")
        *torn, sheet = await sim.papers()
        assert np.array_equal(sheet.rows, ~ROWS)
        assert not [piece for piece in torn if np.array_equal(piece.rows, ROWS)]

    play(model, story)


def test_a_proof_of_an_earlier_run_is_none_for_this_one() -> None:
    async def story(sim: SimPrinter, printer: EscposPrinter, journal: Journal) -> None:
        await sim.silent(after_rows=1)
        late = sim._answer  # the printer's send buffer
        printing = asyncio.create_task(printer.print(ROWS))
        await journal.wait("printer.sheet")
        late += b"\x37\x22" + f"{(printer._number + 7) % 10_000:04d}".encode() + b"\x00"
        assert (await printing).outcome == "unknown"

    play("epson", story)


@given(st.binary(max_size=40))
def test_no_bytes_of_a_custom_printer_vanish_or_read_as_well_by_chance(received: bytes) -> None:
    found = full_status_answers(received)
    assert 6 * len(found.reports) + len(found.garbage) + len(found.rest) == len(received)
    if found.garbage or found.rest or not found.reports:
        assert PROFILES["custom-kpm"].read(found).status.health is Health.UNKNOWN


@pytest.mark.parametrize("bit", range(32))
def test_a_bit_that_no_manual_explains_is_never_well(bit: int) -> None:
    """Of Custom's full status: paper, user, recoverable, fatal. No news are: notch, spooling, motor, keys."""
    report = (1 << bit).to_bytes(4, "little")
    status = PROFILES["custom-kpm"].read(full_status_answers(b"\x10\x0f" + report)).status
    no_news = {5, 7, 8 + 2, 8 + 3, 8 + 5, 8 + 6}  # 5: a ticket at the exit
    paper = {0: Paper.OUT, 2: Paper.LOW, 6: Paper.LOW}
    if bit in no_news or bit in paper:
        assert (status.health, status.paper) == (Health.WELL, paper.get(bit, Paper.PRESENT))
    else:
        assert not status.ready and status.why


@pytest.mark.parametrize(
    ("report", "why"),
    [("30 00 00 0f", "cover"), ("18 08 00 0f", "cutter"), ("18 40 00 0f", "hot"), ("18 20 00 0f", "off")],
)
def test_what_epson_tells_unasked_outweighs_four_bytes_that_call_it_well(report: str, why: str) -> None:
    found = answers(bytes.fromhex("12 12 12 12" + report))
    assert found.reports == (bytes.fromhex(report),)
    status = PROFILES["epson"].read(found).status
    assert status.health is Health.FAULTY and why in status.why
