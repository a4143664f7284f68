"""The printer's plug is pulled: at the door, mid-job, for a while or for good."""

import pytest

from edge import messages as m
from tests.visit.promises import check
from tests.visit.story import claims, newly, reach, story, tickets, told, words
from tests.world import PRICE_CENTS, World


@story()
async def test_an_unplugged_printer_closes_the_booth_and_says_so(w: World) -> None:
    await w.sim.wait_view("door")
    await w.sim.printer.unplug()
    await w.sim.wait_view("closed")
    said = told(w, "closed")
    assert "L'imprimante ne répond pas." in said and "The printer does not answer." in said
    assert not (await w.sim.coins.insert(200)).swallowed
    await w.sim.printer.replug()
    await w.sim.wait_view("door")


@pytest.mark.parametrize("after_bytes", [1, 5_000, 60_000])
@story()
async def test_a_plug_pulled_mid_job_and_put_back_gives_one_whole_ticket(w: World, after_bytes: int) -> None:
    await reach(w, "confirm")
    await w.sim.printer.unplug(after_bytes)
    await w.customer.tap("yes")
    await w.sim.wait("printer.fault", fault="unplugged")
    await w.sim.printer.replug()
    await w.sim.wait_view("take_ticket", timeout_s=60)
    await w.sim.wait_view("door")
    assert words(w) == ["printed"] and await tickets(w) == 1 and claims(w) == []
    await check(w, f"unplugged after {after_bytes} bytes")


@story()
async def test_a_printer_that_never_comes_back_revokes_the_code_with_one_claim_and_erases_the_deposit(
    w: World,
) -> None:
    await reach(w, "confirm")
    await w.sim.printer.unplug(40_000)
    await w.customer.tap("yes")
    await w.sim.wait_view("ticket_waits", timeout_s=60)
    assert len(w.deposits()) == 1
    await w.sim.wait_view("ticket_failed", timeout_s=1000)
    await newly(w, "closed", timeout_s=100)
    assert words(w) == ["failed"] and claims(w) == [("ticket_failed", PRICE_CENTS)]
    assert not w.deposits()
    assert w.data(m.ClaimOpened)[0].claim in told(w, "ticket_failed")
    assert w.ledger.credit_cents() == 0, "never credit"
    await check(w, "never back")
