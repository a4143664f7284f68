"""The sheet that the customer takes away, and the slip of a claim, as 1-bit pictures for the printer. Pure.

Read `draw_ticket` from top to bottom: it is the ticket. French comes first, English smaller beneath. Whatever the
texts' lengths, nothing is cut off; the paper gets longer.
"""

from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge import code as ephoto_code
from edge.texts import Texts
from edge.ticket_blocks import BOLD, CODE, Bits, beside, blank, framed, padded, paragraph, rule, stack, widened
from edge.ticket_proof import PORTRAIT_HEIGHT_DOTS, PORTRAIT_WIDTH_DOTS, portrait_proof, signature_proof
from edge.ticket_words import (
    BOX_DOTS,
    EN,
    FR,
    GAP_DOTS,
    INNER_DOTS,
    MARGIN_DOTS,
    QR_DOTS,
    SMALL_DOTS,
    both,
    boxed,
    caption,
    day,
    empty_frame,
    euros,
    fact,
    heading,
    kept,
    labelled_qr,
    masthead,
    number,
    pair,
    section,
)


@dataclass(frozen=True)
class Change:
    """What was paid too much, and the claim for it."""

    claim: str
    cents: int


@dataclass(frozen=True, eq=False)
class Ticket:
    """All that a ticket says.

    `portrait`: H × W × 3 sRGB, 35 : 45; `signature`: H × W grey; None where a restart lost them: then empty frames say
    why. `service`: its id; known ids say what they serve (`ticket.serves.<id>`), others by the configured names.
    `expires_on`: the last day, in Europe/Paris. `status_url`: the visit number is appended. `overrides`: findings.
    """

    code: str
    visit: str
    service: str
    service_fr: str
    service_en: str
    price_cents: int
    issued_on: date
    expires_on: date
    booth: str
    place: str
    hotline: str
    status_url: str | None = None
    change: Change | None = None
    overrides: tuple[str, ...] = ()
    portrait: NDArray[np.uint8] | None = None
    signature: NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class ClaimSlip:
    """All that a claim's slip says. `cents` is None until the operator sets the amount."""

    claim: str
    reason: Literal["cancelled", "refused", "unclear_coin", "ticket_failed"]
    cents: int | None
    opened_on: date
    booth: str
    place: str
    hotline: str


def draw_ticket(content: Ticket) -> Bits:
    """H × 576, True = black, 203 dpi; 1,500 to 2,000 rows. Takes about 0.2 s on a PC."""
    return _sheet(
        masthead("ticket.title", "ticket.subtitle"),
        _code(content.code),
        beside(labelled_qr(content.code, "ticket.code.qr"), _validity(content), gap_dots=GAP_DOTS),
        beside(_portrait(content.portrait), _signature_and_facts(content), gap_dots=GAP_DOTS),
        _serves(content),
        _what_next(content),
        *([_change(content.change, content.hotline)] if content.change else []),
        *([_override(content.overrides)] if content.overrides else []),
        rule(INNER_DOTS),
        _help(content),
    )


def draw_slip(content: ClaimSlip) -> Bits:
    """H × 576, True = black, 203 dpi; about 500 rows."""
    return _sheet(
        masthead("slip.title", "slip.subtitle"),
        both(f"slip.reason.{content.reason}", INNER_DOTS),
        boxed(heading("slip.number", BOX_DOTS), number(content.claim, BOX_DOTS), *_amount(content.cents)),
        both("slip.call", INNER_DOTS, hotline=kept(content.hotline)),
        rule(INNER_DOTS),
        fact("slip.date", day(FR, content.opened_on), INNER_DOTS, day(EN, content.opened_on)),
        fact("ticket.fact.booth", f"{content.booth}, {content.place}", INNER_DOTS),
    )


def _sheet(head: Bits, *parts: Bits) -> Bits:
    return stack(head, padded(stack(*parts, gap_dots=GAP_DOTS), MARGIN_DOTS, GAP_DOTS))


# --- the ticket's parts, in its order ------------------------------------------------------------------------------


def _code(code: str) -> Bits:
    """Seven groups of three on two lines, each under its number, so that nobody skips one or reads down a column."""
    wide, gap = 114, 22
    groups = [
        stack(paragraph(str(nth), SMALL_DOTS, wide, align="middle"), paragraph(group, 62, wide, face=CODE))
        for nth, group in enumerate(ephoto_code.shown(code).split(" "), start=1)
    ]
    lines = stack(beside(*groups[:4], gap_dots=gap), beside(*groups[4:], gap_dots=gap))
    return stack(
        section("ticket.code.label"),
        framed(widened(padded(lines, 15, 6), INNER_DOTS - 8), 4),
        caption("ticket.code.reading", INNER_DOTS),
        gap_dots=6,
    )


def _validity(content: Ticket) -> Bits:
    wide = INNER_DOTS - GAP_DOTS - QR_DOTS
    return stack(
        heading("ticket.validity.label", wide),
        paragraph(day(FR, content.expires_on), 34, wide, face=BOLD),
        pair(FR("ticket.validity.until"), f"{day(EN, content.expires_on)}, {EN('ticket.validity.until')}", wide),
        blank(4),
        heading("ticket.warning.label", wide),
        both("ticket.warning.text", wide),
        gap_dots=5,
    )


def _portrait(portrait: NDArray[np.uint8] | None) -> Bits:
    if portrait is None:
        return empty_frame("ticket.proof.portrait_lost", PORTRAIT_WIDTH_DOTS, PORTRAIT_HEIGHT_DOTS)
    return stack(portrait_proof(portrait), caption("ticket.proof.portrait", PORTRAIT_WIDTH_DOTS), gap_dots=4)


def _signature_and_facts(content: Ticket) -> Bits:
    wide, high = INNER_DOTS - GAP_DOTS - PORTRAIT_WIDTH_DOTS, 106
    if content.signature is None:
        proof = empty_frame("ticket.proof.signature_lost", wide, high)
    else:
        inside = signature_proof(content.signature, wide - 4, high - 4)
        proof = stack(framed(inside), caption("ticket.proof.signature", wide), gap_dots=4)
    return stack(
        proof,
        fact("ticket.fact.service", content.service_fr, wide, content.service_en),
        fact("ticket.fact.price", euros(content.price_cents, "fr"), wide),
        fact("ticket.fact.issued", day(FR, content.issued_on), wide, day(EN, content.issued_on)),
        gap_dots=10,
    )


def _serves(content: Ticket) -> Bits:
    key = _own("ticket.serves", content.service)
    french, english = FR(key, service=content.service_fr), EN(key, service=content.service_en)
    return stack(section("ticket.serves_label"), pair(french, english, INNER_DOTS), gap_dots=5)


def _what_next(content: Ticket) -> Bits:
    site = _own("ticket.site", content.service)
    digit, wide = 30, INNER_DOTS - 30 - 12
    steps = [
        beside(
            ~padded(paragraph(str(nth), 24, digit, face=BOLD, align="middle"), 0, 2),
            pair(FR(f"ticket.next.step_{nth}", site=FR(site)), EN(f"ticket.next.step_{nth}", site=EN(site)), wide),
            gap_dots=12,
        )
        for nth in (1, 2, 3)
    ]
    return stack(section("ticket.next.label"), *steps, gap_dots=8)


def _change(change: Change, hotline: str) -> Bits:
    claim = number(change.claim, BOX_DOTS)
    wide = BOX_DOTS - claim.shape[1] - GAP_DOTS
    french = FR("ticket.change.text", amount=euros(change.cents, "fr"), hotline=kept(hotline))
    english = EN("ticket.change.text", amount=euros(change.cents, "en"), hotline=kept(hotline))
    owed = paragraph(euros(change.cents, "fr"), 32, wide, face=BOLD, align="right")
    return boxed(
        heading("ticket.change.label", BOX_DOTS),
        beside(claim, owed, gap_dots=GAP_DOTS, at="foot"),
        pair(french, english, BOX_DOTS),
    )


def _override(findings: tuple[str, ...]) -> Bits:
    def named(texts: Texts) -> str:
        return ", ".join(dict.fromkeys(texts(_own("ticket.finding", finding)) for finding in findings))

    text = "ticket.override.text"
    words = pair(FR(text, findings=named(FR)), EN(text, findings=named(EN)), BOX_DOTS)
    return boxed(heading("ticket.override.label", BOX_DOTS), words)


def _help(content: Ticket) -> Bits:
    status = labelled_qr(content.status_url + content.visit, "ticket.help.status") if content.status_url else None
    wide = INNER_DOTS if status is None else INNER_DOTS - status.shape[1] - GAP_DOTS
    words = stack(
        heading("ticket.help.label", wide),
        both("ticket.help.text", wide, hotline=kept(content.hotline)),
        stack(caption("ticket.help.visit", wide), number(content.visit, wide)),
        fact("ticket.fact.booth", f"{content.booth}, {content.place}", wide),
        gap_dots=6,
    )
    return words if status is None else beside(status, words, gap_dots=GAP_DOTS)


def _amount(cents: int | None) -> tuple[Bits, ...]:
    """The slip's amount, or that the operator will say it."""
    if cents is not None:
        return heading("slip.amount", BOX_DOTS), paragraph(euros(cents, "fr"), 48, BOX_DOTS, face=BOLD)
    unknown = paragraph(f"{FR('slip.undetermined')} · {EN('slip.undetermined')}", 26, BOX_DOTS, face=BOLD)
    return heading("slip.amount", BOX_DOTS), unknown, both("slip.undetermined_why", BOX_DOTS)


def _own(table: str, name: str) -> str:
    """The text of one service or finding; what the catalogue does not know has the table's `other`."""
    return f"{table}.{name}" if f"{table}.{name}" in FR else f"{table}.other"
