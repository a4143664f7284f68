"""The printer: what it says of a ticket is what the paper shows."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hw.cabin import Health, Paper
from tests.contract import conftest as cabins
from tests.contract.printer_lines import LINES, play_on

Play = Callable[..., None]


@pytest.fixture(params=[*cabins.CABINS, *LINES])
def play(request: pytest.FixtureRequest, pictures: list[Path], tmp_path: Path) -> Play:
    """Every cabin, and the real driver at a real line."""
    if request.param in cabins.CABINS:
        return cabins.play_in(request.param, pictures, tmp_path)
    return play_on(request.param, tmp_path)


ROWS = np.random.default_rng(3).random((1300, 576)) < 0.3


def test_a_ticket_comes_out_dot_for_dot_cut_and_proven(play: Play) -> None:
    async def story(rig) -> None:
        status = await rig.cabin.printer.status()
        assert status.ready and status.paper is Paper.PRESENT
        result = await rig.cabin.printer.print(ROWS)
        assert (result.outcome, result.rows) == ("printed", len(ROWS))
        await rig.bench.wait("printer.sheet")
        (sheet,) = await rig.bench.printer.papers()
        assert sheet.whole
        assert np.array_equal(sheet.rows, ROWS)
        assert sheet.png.startswith(b"\x89PNG")

    play(story)


def test_tickets_asked_for_together_come_out_one_after_the_other(play: Play) -> None:
    async def story(rig) -> None:
        other = ~ROWS[:500]
        results = await asyncio.gather(rig.cabin.printer.print(ROWS), rig.cabin.printer.print(other))
        assert [result.outcome for result in results] == ["printed", "printed"]
        await rig.bench.wait("printer.sheet", n=2)
        first, second = await rig.bench.printer.papers()
        assert np.array_equal(first.rows, ROWS) and np.array_equal(second.rows, other)

    play(story)


def test_asking_for_the_status_leaves_no_mark_on_a_ticket_being_printed(play: Play) -> None:
    async def story(rig) -> None:
        printing = asyncio.create_task(rig.cabin.printer.print(ROWS))
        await rig.bench.wait("printer.row")
        for _ in range(20):
            assert (await rig.cabin.printer.status()).health is Health.WELL
        assert not printing.done()  # nobody waits for a ticket to learn how the printer is
        assert (await printing).outcome == "printed"
        await rig.bench.wait("printer.sheet")
        (sheet,) = await rig.bench.printer.papers()
        assert np.array_equal(sheet.rows, ROWS)

    play(story)


def test_a_picture_of_another_width_is_refused(play: Play) -> None:
    async def story(rig) -> None:
        with pytest.raises(ValueError, match="576"):
            await rig.cabin.printer.print(np.zeros((10, 512), np.bool_))

    play(story)


@pytest.mark.parametrize(
    ("verb", "health", "paper"),
    [
        ("paper_out", Health.WELL, Paper.OUT),
        ("paper_low", Health.WELL, Paper.LOW),
        ("jam", Health.FAULTY, Paper.PRESENT),
        ("cover_open", Health.FAULTY, Paper.PRESENT),
        ("unplug", Health.FAULTY, Paper.UNKNOWN),
        ("silent", Health.UNKNOWN, Paper.UNKNOWN),
        ("garbage_status", Health.UNKNOWN, Paper.UNKNOWN),
    ],
)
def test_its_status_is_known_or_called_unknown_and_well_again_after_repair(
    play: Play, verb: str, health: Health, paper: Paper
) -> None:
    async def story(rig) -> None:
        await getattr(rig.bench.printer, verb)()
        status = await rig.cabin.printer.status()
        assert (status.health, status.paper) == (health, paper)
        assert status.why
        assert status.ready == (verb == "paper_low")
        await rig.bench.printer.repair()
        assert (await rig.cabin.printer.status()).ready

    play(story)


@pytest.mark.parametrize("verb", ["paper_out", "jam", "cover_open", "unplug", "silent", "garbage_status"])
def test_a_ticket_is_not_begun_on_a_printer_that_cannot_prove_it(play: Play, verb: str) -> None:
    async def story(rig) -> None:
        await getattr(rig.bench.printer, verb)()
        result = await rig.cabin.printer.print(ROWS)
        assert (result.outcome, result.rows) == ("failed", 0)
        assert await rig.bench.printer.papers() == []

    play(story)


@pytest.mark.parametrize(
    ("verb", "how", "outcomes"),
    [
        ("paper_out", {"after_rows": 300}, {"failed"}),
        ("paper_out", {"after_rows": 1290}, {"failed"}),
        ("jam", {"after_rows": 700}, {"failed"}),
        ("cover_open", {"after_rows": 700}, {"failed"}),
        ("unplug", {"after_bytes": 60_000}, {"failed"}),
        ("unplug", {"after_bytes": 93_655}, {"failed", "unknown"}),  # all rows were sent
        ("silent", {"after_rows": 700}, {"unknown"}),  # it goes on, and cannot say so
        ("silent", {"after_rows": 700, "prints": False}, {"failed", "unknown"}),
    ],
)
def test_a_fault_in_the_middle_is_told_as_the_paper_shows_it_and_the_next_ticket_is_whole(
    play: Play, verb: str, how: dict[str, int], outcomes: set[str]
) -> None:
    async def story(rig) -> None:
        # a first job begins with the end of an image that a run before it may have left
        late = {name: value + rig.fill_bytes * (name == "after_bytes") for name, value in how.items()}
        await getattr(rig.bench.printer, verb)(**late)
        result = await rig.cabin.printer.print(ROWS)
        assert result.why
        # a line hides what its buffers hold: when all of it was sent and the printer says nothing, nothing is proven
        assert result.outcome in outcomes or (rig.hides and (result.outcome, result.rows) == ("unknown", len(ROWS)))
        if result.outcome == "failed":
            assert not [sheet for sheet in await rig.bench.printer.papers() if sheet.whole]
        await rig.bench.printer.repair()
        finished = [sheet.n for sheet in await rig.bench.printer.papers() if sheet.whole]
        after = await rig.cabin.printer.print(~ROWS)
        assert after.outcome == "printed", after.why
        while not (papers := await rig.bench.printer.papers()) or not np.array_equal(papers[-1].rows, ~ROWS):
            await rig.bench.wait("printer.sheet")
        if result.outcome == "failed" or not rig.hides:  # no remains on new paper
            assert [sheet.n for sheet in papers if sheet.whole] == [*finished, papers[-1].n]
        assert np.array_equal(papers[-1].rows, ~ROWS)

    play(story)


def test_a_booth_killed_while_it_prints_leaves_no_whole_ticket_and_spoils_no_later_one(play: Play) -> None:
    async def story(rig) -> None:
        printing = asyncio.create_task(rig.cabin.printer.print(ROWS))
        await rig.bench.wait("printer.row")
        printing.cancel()
        await asyncio.gather(printing, return_exceptions=True)
        await rig.kill()
        await rig.connect()
        assert (await rig.cabin.printer.print(~ROWS)).outcome == "printed"
        while not (papers := await rig.bench.printer.papers()) or not papers[-1].whole:
            await rig.bench.wait("printer.sheet")
        *torn, sheet = papers
        assert not [piece for piece in torn if piece.whole]
        assert np.array_equal(sheet.rows, ~ROWS)

    play(story)


def test_bytes_that_were_accepted_are_printed_though_the_booth_is_killed(play: Play) -> None:
    async def story(rig) -> None:
        printing = asyncio.create_task(rig.cabin.printer.print(ROWS[:300]))
        await rig.bench.wait("printer.row")
        await asyncio.sleep(0.05)
        printing.cancel()
        await asyncio.gather(printing, return_exceptions=True)
        await rig.kill()
        await rig.bench.wait("printer.sheet")
        (sheet,) = await rig.bench.printer.papers()
        assert sheet.whole and np.array_equal(sheet.rows, ROWS[:300])

    play(story)
