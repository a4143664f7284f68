"""The ticket into the customer's hand: an owed ticket is printed until its word is known, or its time is over.

`begin_printing` is durable before the first byte, the word is durable after the proof: a kill between the two leaves
`unknown`, never a second print. A claim's slip is printed once if it can be; its number stands on the panel too.
"""

import asyncio
import io
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hw.cabin import PrintResult

from .booth import Booth
from .clock import PARIS, expiry_day
from .guide import money
from .inputs import Stroke, Unclear
from .ledger_values import Claim, OwedTicket
from .ticket import Change, ClaimSlip, Ticket, draw_slip, draw_ticket

SlipReason = Literal["cancelled", "refused", "unclear_coin"]

LOST = "lost"
"""Which finding was overridden is known to the seal only: a ticket printed after a restart warns without naming it."""

OWED_S = 600.0
CLOCK_WAIT_S = 60.0
RETRY_S = 2.0
"""Between two looks at a printer that is not ready, and after a print that failed."""


@dataclass(frozen=True, eq=False)
class Proof:
    """The pictures of the ticket, encoded. They live in memory only: after a restart the frames stay empty."""

    portrait_jpeg: bytes
    signature_png: bytes
    overrides: tuple[str, ...] = ()


async def hand_over(booth: Booth, owed: OwedTicket, proof: Proof | None) -> None:
    """Prints the ticket and settles its word; tells the customer. Ends only when the ticket is settled."""
    rows = await asyncio.to_thread(draw_ticket, ticket_of(booth, owed, proof))
    guide, ledger, printer = booth.guide, booth.ledger, booth.cabin.printer
    guide.speak(owed.language)
    while not await _over(booth, owed):
        if not (await printer.status()).ready:
            await guide.show("ticket_waits", minutes=round(OWED_S / 60))
            await asyncio.sleep(RETRY_S)
            continue
        ledger.begin_printing(owed.visit)
        await guide.show("printing")
        result: PrintResult = await printer.print(rows)
        if result.outcome == "failed":
            ledger.print_again(owed.visit)
            await asyncio.sleep(RETRY_S)
            continue
        ledger.settle_ticket(owed.visit, result.outcome, claim=False)
        day = expiry_day(owed.expires_at).strftime("%d/%m/%Y")
        if result.outcome == "printed":
            await guide.show("take_ticket", expiry=day)
        else:
            await guide.show("ticket_unsure", hotline=booth.config.booth.hotline, visit=owed.visit)
        await _time_to_read(booth, on_paper=result.outcome == "printed")
        return
    owes = ledger.settle_ticket(owed.visit, "failed", claim=True)
    if owes is None and owed.price_cents == 0:
        await guide.show("ticket_failed_free")
        await _time_to_read(booth, on_paper=False)
    for claim in (owes, owed.change):
        if claim is not None:
            await tell_claim(booth, "ticket_failed" if claim is not owed.change else "claim", claim, on_paper=False)


async def hand_over_claim(booth: Booth, claim: Claim, reason: SlipReason) -> None:
    """A claim's slip, once; without paper the panel alone tells its number."""
    on_paper = False
    if (await booth.cabin.printer.status()).ready:
        rows = await asyncio.to_thread(draw_slip, slip_of(booth, claim, reason))
        on_paper = (await booth.cabin.printer.print(rows)).outcome == "printed"
    await tell_claim(booth, "claim" if claim.cents is not None else "coin_unclear", claim, on_paper=on_paper)


async def tell_claim(booth: Booth, step: str, claim: Claim, *, on_paper: bool) -> None:
    """The claim's number on the panel; longer where it stands nowhere else."""
    guide = booth.guide
    amount = "" if claim.cents is None else money(claim.cents, guide.language)
    await guide.show(step, amount=amount, claim=claim.number, hotline=booth.config.booth.hotline)
    await _time_to_read(booth, on_paper=on_paper)


async def _time_to_read(booth: Booth, *, on_paper: bool) -> None:
    """What a paper says too stays for a moment; what is to be written down stays until a touch."""
    if on_paper:
        await asyncio.sleep(booth.config.visit.thanks_s)
        return
    booth.inputs.forget()
    later: list[Unclear] = []
    with suppress(TimeoutError):
        async with asyncio.timeout(booth.config.visit.idle_s):
            while not isinstance(given := await booth.inputs.next(), Stroke):
                if isinstance(given, Unclear):
                    later.append(given)
    for unclear in later:
        booth.inputs.put(unclear)


async def _over(booth: Booth, owed: OwedTicket) -> bool:
    """Whether the ticket's ten minutes are over: by the boot-time clock under the same boot id, else by the trusted
    calendar, awaited for a minute; a calendar that cannot be trusted, or runs backwards, counts as over."""
    clock = booth.clock
    if owed.boot_id == clock.boot_id:
        return clock.boottime_s() - owed.boottime_s >= OWED_S
    deadline = asyncio.get_running_loop().time() + CLOCK_WAIT_S
    while not clock.trusted():
        if asyncio.get_running_loop().time() >= deadline:
            return True
        await asyncio.sleep(1.0)
    return not 0 <= (clock.now() - owed.committed_at).total_seconds() < OWED_S


def ticket_of(booth: Booth, owed: OwedTicket, proof: Proof | None) -> Ticket:
    """What stands on the ticket."""
    config = booth.config
    return Ticket(
        code=owed.code,
        visit=owed.visit,
        service=owed.service,
        service_fr=booth.service_name(owed.service, "fr"),
        service_en=booth.service_name(owed.service, "en"),
        price_cents=owed.price_cents,
        issued_on=owed.committed_at.astimezone(PARIS).date(),
        expires_on=expiry_day(owed.expires_at),
        booth=config.booth.id,
        place=config.booth.place,
        hotline=config.booth.hotline,
        status_url=config.booth.status_url,
        change=None if owed.change is None else Change(owed.change.number, owed.change.cents or 0),
        overrides=proof.overrides if proof is not None else (LOST,) if owed.overridden else (),
        portrait=None if proof is None else _picture(proof.portrait_jpeg, "RGB"),
        signature=None if proof is None else _picture(proof.signature_png, "L"),
    )


def slip_of(booth: Booth, claim: Claim, reason: SlipReason) -> ClaimSlip:
    """What stands on a claim's slip."""
    return ClaimSlip(
        claim=claim.number,
        reason=reason,
        cents=claim.cents,
        opened_on=booth.clock.now().astimezone(PARIS).date(),
        booth=booth.config.booth.id,
        place=booth.config.booth.place,
        hotline=booth.config.booth.hotline,
    )


def _picture(encoded: bytes, mode: str) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(encoded)).convert(mode))
