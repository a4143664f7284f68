"""One customer through every room on the simulated cabin: what they are told, pay, sign and carry away."""

from pathlib import Path

from edge import messages as m
from tests.virtual import run
from tests.world import BAD, GOOD, PRICE_CENTS, world


def test_a_visit_ends_with_a_ticket_and_one_sealed_deposit(tmp_path: Path) -> None:
    async def story() -> None:
        async with world(tmp_path) as w:
            await w.customer.to_commit()
            await w.sim.wait_view("take_ticket")
            await w.sim.wait_view("door")
            (deposit,) = w.deposits()
            assert deposit.service == "driving_licence"
            assert deposit.portrait.startswith(b"\xff\xd8") and deposit.signature.startswith(b"\x89PNG")
            (paper,) = await w.sim.printer.papers()
            assert paper.whole
            assert [t.word for t in w.data(m.TicketSettled)] == ["printed"]
            assert w.ledger.credit_cents() == 0
            assert w.ledger.counters().spent_cents == PRICE_CENTS

    run(story())


def test_a_first_shot_that_breaks_the_norm_is_refused_with_its_reasons(tmp_path: Path) -> None:
    async def story() -> None:
        async with world(tmp_path, pictures=[BAD, GOOD], guidance_s=2.0, result_s=3.0) as w:
            await w.customer.to_paid()
            view = await w.sim.wait_view("refused")
            assert len(view.data["lines"]) > 1, "the reasons stand under the title"
            await w.sim.camera.show(GOOD)
            await w.customer.from_shots()
            await w.sim.wait_view("take_ticket")

    run(story())
