"""The printer prints and proves nothing, or its knife jams, or it answers nonsense."""

from edge import messages as m
from tests.visit.promises import check
from tests.visit.story import at_the_door_again, claims, reach, steps_shown, story, tickets, told, words
from tests.world import World


@story()
async def test_a_ticket_without_proof_is_unknown_and_the_visit_goes_on_to_its_end(w: World) -> None:
    await reach(w, "confirm")
    await w.sim.printer.silent(after_rows=200)
    await w.customer.tap("yes")
    await w.sim.wait_view("ticket_unsure", timeout_s=120)
    (commit,) = w.data(m.Committed)
    assert commit.visit in told(w, "ticket_unsure"), "what to tell the hotline"
    await w.sim.wait_view("closed", "door", timeout_s=120)
    assert words(w) == ["unknown"] and claims(w) == []
    assert len(w.deposits()) == 1, "a live code that nobody saw harms nobody"
    assert await tickets(w) == 1, "never printed twice"
    await check(w, "silent")


@story()
async def test_a_printer_that_answers_nothing_or_nonsense_is_not_known_and_so_closes_the_booth(w: World) -> None:
    await w.sim.wait_view("door")
    for breaks in (w.sim.printer.silent, w.sim.printer.garbage_status):
        await breaks()
        await w.sim.wait_view("closed")
        assert w.booth.gate.table["paper"].ok is None, "not known, and not: no paper"
        assert not (await w.sim.coins.insert(200)).swallowed
        await w.sim.printer.repair()
        await w.sim.wait_view("door")


@story()
async def test_a_jam_in_the_ticket_is_repaired_and_the_same_ticket_printed(w: World) -> None:
    await reach(w, "confirm")
    await w.sim.printer.jam(after_rows=900)
    await w.customer.tap("yes")
    await w.sim.wait_view("ticket_waits", timeout_s=60)
    await w.sim.printer.repair()
    await w.sim.wait_view("take_ticket", timeout_s=60)
    await w.sim.wait_view("door")
    assert [paper.whole for paper in await w.sim.printer.papers()] == [False, True]
    assert words(w) == ["printed"] and claims(w) == []
    await check(w, "jam")


@story()
async def test_a_cover_opened_in_the_ticket_ends_in_one_whole_ticket(w: World) -> None:
    await reach(w, "confirm")
    await w.sim.printer.cover_open(after_rows=600)
    await w.customer.tap("yes")
    await w.sim.wait("printer.fault", fault="cover open")
    await w.sim.wait_view("ticket_waits", timeout_s=60)
    await w.sim.printer.cover_close()
    await w.sim.wait_view("take_ticket", timeout_s=60)
    assert await tickets(w) == 1


@story()
async def test_a_slip_that_jams_leaves_its_number_on_the_panel(w: World) -> None:
    await reach(w, "accepted")
    await w.sim.printer.jam(after_rows=100)
    await w.customer.tap("cancel")
    await at_the_door_again(w)
    assert "Remboursement n°" in told(w, "claim")
    assert "take_ticket" not in steps_shown(w)
    await check(w, "slip jams")
