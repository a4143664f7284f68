"""What the ledger answers with. Values only: nothing here reads or writes the ledger."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Outcome = Literal["ticket", "cancelled", "abandoned", "refused", "interrupted"]
ClaimReason = Literal["cancelled", "abandoned", "refused", "change", "unclear_coin", "ticket_failed", "ticket_unknown"]


@dataclass(frozen=True)
class OpenVisit:
    """The visit that goes on. At most one is open; the whole credit is its own."""

    number: str
    language: str | None
    service: str | None
    paid: bool
    credit_cents: int


@dataclass(frozen=True)
class Claim:
    number: str
    cents: int | None


@dataclass(frozen=True)
class Found:
    """What a start found open. `claim`: made for it, and nobody has been told of it yet."""

    what: str
    claim: Claim | None = None


@dataclass(frozen=True)
class OwedTicket:
    """A ticket committed and not settled; with what is needed to print it, pictures excepted."""

    visit: str
    deposit: str
    code: str
    service: str
    language: str
    overridden: bool
    price_cents: int
    change: Claim | None
    committed_at: datetime
    expires_at: datetime
    boot_id: str
    boottime_s: float
