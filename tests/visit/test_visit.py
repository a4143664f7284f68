"""One customer through every room on the simulated cabin: what they are told, pay, sign and carry away."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from edge import messages as m
from edge.guide import jpeg
from edge.picture import read_picture
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


def test_a_visit_ends_well_on_a_camera_whose_stills_are_jpegs(tmp_path: Path) -> None:
    async def story() -> None:
        async with world(tmp_path) as w:
            await w.sim.camera.compress(95)
            await w.customer.to_commit()
            await w.sim.wait_view("take_ticket")
            (deposit,) = w.deposits()
            rgb, judge = read_picture(GOOD), w.booth.judge
            array = jpeg(judge.portrait(rgb, judge.look(rgb)), quality=95, dpi=600)
            assert np.abs(at_100_dpi(deposit.portrait) - at_100_dpi(array)).mean() < 2

    run(story())


def test_stills_that_cannot_be_read_end_the_visit_with_a_claim_and_the_booth_goes_on(tmp_path: Path) -> None:
    async def story() -> None:
        async with world(tmp_path, guidance_s=2.0, result_s=3.0) as w:
            await w.sim.camera.tear()
            await w.customer.to_paid()
            await w.sim.wait_view("goodbye", timeout_s=300)
            assert [ended.outcome for ended in w.data(m.VisitEnded)] == ["refused"]
            assert [claim.cents for claim in w.data(m.ClaimOpened)] == [PRICE_CENTS]
            await w.sim.camera.recover()
            await w.sim.wait_view("door")

    run(story())


def at_100_dpi(portrait: bytes) -> np.ndarray:
    """Small enough that a pixel more or less of its frame is not seen."""
    return np.asarray(Image.open(io.BytesIO(portrait)).resize((138, 177), Image.Resampling.BOX), np.float64)


def test_a_camera_that_compresses_below_the_norm_is_refused_for_it(tmp_path: Path) -> None:
    async def story() -> None:
        async with world(tmp_path, guidance_s=2.0, result_s=3.0) as w:
            await w.sim.camera.compress(60)
            await w.customer.to_paid()
            view = await w.sim.wait_view("refused")
            assert any("60" in line and "JPEG" in line for line in view.data["lines"]), view.data["lines"]
            await w.sim.camera.compress(95)
            await w.customer.from_shots()
            await w.sim.wait_view("take_ticket")

    run(story())
