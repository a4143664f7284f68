"""The portrait: live guidance, rounds of up to three shots, each judged with its reasons, and the choice.

A verdict that fails is not answered, but for an override (design.md, "Shots"). A still is judged, framed and let go
at once: only its portrait stays, as JPEG.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from statistics import fmean

from hw.cabin import DeviceError, Health, Rgb

from .booth import Booth
from .customer import Customer, CustomerLeft, NotServed
from .guide import jpeg, mirrored, side_by_side
from .inputs import AllWell
from .picture import PORTRAIT_DPI, UnreadablePictureError, judge_picture, portrait_of
from .portrait import Verdict
from .portrait.guidance import Guidance

log = logging.getLogger("booth")

SHOTS_A_ROUND = 3
REASONS_SHOWN = 3
"""A refused shot says its three most useful reasons; more is not read."""
ATTEMPTS = 3
"""Stills asked for before a camera that keeps failing is given up."""
CAMERA_BACK_S = 1.0
"""Between two tries to look through a camera that fails."""
_mirrors = count(1)


@dataclass(frozen=True, eq=False)
class Shot:
    """A judged still with its portrait as JPEG (empty without a face), and the findings that the customer overrides."""

    verdict: Verdict
    portrait_jpeg: bytes
    overrides: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return self.verdict.passed

    @property
    def worth(self) -> float:
        """Of two passing shots the one whose findings score higher on average is better, 0…100.

        The weakest finding cannot tell: `margins` scores 70 at best, so most shots would be alike. `head_size` is left
        out: OFIQ's scale wants a head larger than the frame lets pass, and the portrait is framed anyway.
        """
        return fmean(f.score for f in self.verdict.findings if f.passed is not None and f.name != "head_size")


async def take_portrait(customer: Customer) -> Shot:
    """Rounds of up to three shots; answers the chosen one. NotServed where none may be sent."""
    booth, guide = customer.booth, customer.booth.guide
    taken: list[Shot] = []
    for _ in range(booth.config.visit.rounds):
        shots: list[Shot] = []
        for number in range(1, SHOTS_A_ROUND + 1):
            shot = await _shoot(customer, number)
            shots.append(shot)
            if shot.verdict.face is not None:
                customer.seen()
            if not shot.passed:
                booth.ledger.refused_findings([f.name for f in shot.verdict.failed])
                await _tell_refusal(customer, shot)
            elif guide.present and number < SHOTS_A_ROUND:
                accepted = partial(guide.show, "accepted", picture=shot.portrait_jpeg)
                if await customer.tap(accepted, "yes", "redo") == "yes":
                    return shot
        if any(shot.passed for shot in shots):
            return await _choose_shot(customer, shots)
        taken += shots
    return await _offer_override(customer, taken)


async def _shoot(customer: Customer, number: int) -> Shot:
    """Guidance, then the shutter: by itself when all is well, at `yes`, or after the configured time."""
    booth, guide = customer.booth, customer.booth.guide
    loop = asyncio.get_running_loop()

    async def show(instruction: str = "", picture: bytes | None = None) -> None:
        more = [instruction] if instruction else []
        await guide.show("place", *more, picture=picture, shot=number, shots=SHOTS_A_ROUND)

    for _ in range(ATTEMPTS):
        await customer.until(partial(guide.show, "wait_camera"), partial(_camera_well, booth))
        deadline = loop.time() + booth.config.visit.guidance_s
        await show()
        async with mirror(customer, show) as ready:
            while (left := deadline - loop.time()) > 0:
                try:
                    given = await customer.input(within_s=left)
                except (TimeoutError, CustomerLeft):
                    break
                if given == ready or customer.field(given) == "yes":
                    break
        await guide.show("shot")
        try:
            still = await booth.cabin.camera.still()
            return await asyncio.to_thread(_judged, booth, still.picture)
        except (DeviceError, UnreadablePictureError) as error:
            log.warning("%s", error)
    raise NotServed


async def _camera_well(booth: Booth) -> bool:
    return booth.cabin.camera.status().health is Health.WELL


def _judged(booth: Booth, picture: Rgb | bytes) -> Shot:
    verdict = judge_picture(booth.judge, picture)
    if verdict.face is None:
        return Shot(verdict, b"")
    return Shot(verdict, jpeg(portrait_of(booth.judge, picture, verdict), quality=95, dpi=PORTRAIT_DPI))


async def _tell_refusal(customer: Customer, shot: Shot) -> None:
    """Why it would be refused, the most useful reason first; goes on by itself or at a tap."""

    async def show() -> None:
        await customer.booth.guide.show("refused", *_reasons(customer, shot), picture=shot.portrait_jpeg or None)

    with suppress(TimeoutError):
        await customer.tap(show, "redo", "yes", within_s=customer.booth.config.visit.result_s)


def _reasons(customer: Customer, shot: Shot) -> list[str]:
    say = customer.booth.guide.say
    reasons = [say(f.reason.key, **f.reason.params) for f in shot.verdict.failed if f.reason is not None]
    return list(dict.fromkeys(reasons))[:REASONS_SHOWN]


async def _choose_shot(customer: Customer, shots: list[Shot]) -> Shot:
    """The customer's choice among a round's passing shots; with no panel the best."""
    guide = customer.booth.guide
    fields = {f"shot.{number}": shot for number, shot in enumerate(shots, 1) if shot.passed}
    if not guide.present:
        return max(fields.values(), key=lambda shot: shot.worth)
    picture = side_by_side([shot.portrait_jpeg for shot in fields.values()])

    async def show() -> None:
        lines = [
            guide.say(f"visit.shot_line.{'passed' if shot.passed else 'failed'}", number=number)
            for number, shot in enumerate(shots, 1)
        ]
        await guide.show("choose_shot", *lines, picture=picture, fields=tuple(fields))

    return fields[await customer.tap(show, *fields)]


async def _offer_override(customer: Customer, taken: list[Shot]) -> Shot:
    """The last resort for a body that cannot meet the norm, with a plain warning. NotServed if there is none, or no,
    or no panel to read the warning from."""
    possible = [shot for shot in taken if shot.portrait_jpeg and shot.verdict.overridable]
    if not possible or not customer.booth.guide.present:
        raise NotServed
    shot = min(possible, key=lambda shot: len(shot.verdict.failed))

    async def show() -> None:
        await customer.booth.guide.show("override", *_reasons(customer, shot), picture=shot.portrait_jpeg)

    if await customer.tap(show, "yes", "redo") == "redo":
        raise NotServed
    return replace(shot, overrides=tuple(f.name for f in shot.verdict.failed))


@asynccontextmanager
async def mirror(customer: Customer, show: Callable[[str, bytes], Awaitable[None]]) -> AsyncIterator[AllWell]:
    """While the block runs, live frames are judged and the one most useful instruction is shown with the frame.

    Gives the input that will say that all is well.
    """
    ready = AllWell(next(_mirrors))
    task = asyncio.create_task(_reflect(customer, show, ready))
    try:
        yield ready
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _reflect(customer: Customer, show: Callable[[str, bytes], Awaitable[None]], ready: AllWell) -> None:
    booth, guide, guidance = customer.booth, customer.booth.guide, Guidance()
    told = False
    while True:
        with suppress(DeviceError):  # the gate names it; the shot itself waits for the camera to come back
            async for frame in booth.cabin.camera.frames():
                verdict = await asyncio.to_thread(booth.judge.look, frame.rgb, live=True)
                guidance.see(verdict, frame.at_ns / 1e9)
                if guide.present:
                    line = guidance.line
                    await show(guide.say(line.key, **line.params), mirrored(frame.rgb))
                if guidance.ready and not told:
                    told = True
                    booth.inputs.put(ready)
        await asyncio.sleep(CAMERA_BACK_S)
