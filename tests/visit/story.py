"""How the visit's tests are told: a test is one coroutine in its own world; `reach` leads a customer to a step."""

import inspect
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from edge import messages as m
from tests.virtual import run
from tests.visit.colours import EYES_SHUT, TOO_DARK, WELL, ColourJudge
from tests.world import World, world

STEPS = ("choose", "pay", "place", "refused", "accepted", "choose_shot", "override", "sign", "sign_again", "confirm")
"""Where a customer decides something before the commit, in the story's order."""
PAID = STEPS[STEPS.index("place") :]


def story(**options: Any) -> Callable[[Callable[..., Awaitable[None]]], Callable[..., None]]:
    """Makes a test of a coroutine that takes a World (and a test's parameters). `options`: of `world`."""

    def told(tell: Callable[..., Awaitable[None]]) -> Callable[..., None]:
        async def whole(tmp_path: Path, params: dict[str, Any]) -> None:
            async with world(tmp_path, **({"judging": ColourJudge(), "pictures": [WELL]} | options)) as w:
                await tell(w, **params)

        def test(tmp_path: Path, **params: Any) -> None:
            run(whole(tmp_path, params))

        test.__name__, test.__doc__, test.__module__ = tell.__name__, tell.__doc__, tell.__module__  # type: ignore[attr-defined]
        first = inspect.Parameter("tmp_path", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        rest = list(inspect.signature(tell).parameters.values())[1:]
        test.__signature__ = inspect.Signature([first, *rest])  # type: ignore[attr-defined]
        return test

    return told


async def reach(w: World, step: str) -> None:
    """A customer at this step, shown now; paid with 3 × 2 € from `place` on, one coin of 2 € at `pay`."""
    sim, customer = w.sim, w.customer
    await sim.wait_view("door")
    await customer.tap("shot.1")
    await sim.wait_view("choose")
    if step == "choose":
        return
    await customer.tap("service.driving_licence")
    await sim.wait_view("pay")
    await customer.pay(200)
    if step == "pay":
        return
    await sim.camera.show({"refused": TOO_DARK, "override": EYES_SHUT}.get(step, WELL))
    await customer.pay(200, 200)
    await sim.wait_view("place")
    if step in ("place", "refused", "override"):
        await sim.wait_view(step, timeout_s=300)
        return
    await sim.wait_view("accepted")
    if step == "accepted":
        return
    if step == "choose_shot":
        await customer.tap("redo")
        await sim.wait_view("accepted")
        await customer.tap("redo")
        await sim.wait_view("choose_shot")
        return
    await customer.tap("yes")
    await sim.wait_view("sign")
    if step == "sign_again":
        await customer.tap("yes")
        await sim.wait_view("sign_again")
    if step == "confirm":
        await customer.sign()
        await customer.tap("yes")
        await sim.wait_view("confirm")


async def at_the_door_again(w: World, *, timeout_s: float = 300) -> None:
    await w.sim.wait_view("goodbye", timeout_s=timeout_s)
    await w.sim.wait_view("door", "closed")


async def newly(w: World, *steps: str, timeout_s: float = 30) -> None:
    """Waits for a view of one of these steps that is shown from now on."""
    before = w.sim.journal.entries[-1].n
    while (await w.sim.wait_view(*steps, timeout_s=timeout_s)).n <= before:
        pass


def claims(w: World) -> list[tuple[str, int | None]]:
    """(reason, cents) of every claim, in order."""
    return [(claim.reason, claim.cents) for claim in w.data(m.ClaimOpened)]


def words(w: World) -> list[str]:
    return [settled.word for settled in w.data(m.TicketSettled)]


def outcomes(w: World) -> list[str]:
    return [ended.outcome for ended in w.data(m.VisitEnded)]


def steps_shown(w: World) -> list[str]:
    return [entry.data["step"] for entry in w.sim.journal.entries if entry.what == "panel.view"]


def told(w: World, step: str) -> str:
    """Everything that the last view of this step said."""
    views = [e for e in w.sim.journal.entries if e.what == "panel.view" and e.data["step"] == step]
    return "\n".join(views[-1].data["lines"])


async def slips(w: World) -> int:
    """Whole papers that are too short for a ticket."""
    return sum(1 for paper in await w.sim.printer.papers() if paper.whole and len(paper.rows) <= 1200)


async def tickets(w: World) -> int:
    return sum(1 for paper in await w.sim.printer.papers() if paper.whole and len(paper.rows) > 1200)
