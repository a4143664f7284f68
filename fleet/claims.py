"""Claims: money owed to customers, opened by booths or by a rejected application, refunded once by the operator.

A refund revokes a code only where the claim is for its ticket; a used code's ticket is not refunded.
"""

import secrets
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from .life import State
from .store import maybe_when, ms, when, writing
from .vault import Key, withdraw

TICKET_REASONS = ("ticket_failed", "ticket_unknown")
REJECTED = "rejected_application"
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass(frozen=True)
class Claim:
    """`cents` is None until the operator sets it; `refunded_at` is None while it is open."""

    number: str
    booth: str
    visit: str
    reason: str
    cents: int | None
    opened_at: datetime
    refunded_at: datetime | None


@dataclass(frozen=True)
class NoRefund:
    """Why a claim is not refunded."""

    why: Literal["unknown", "refunded", "code_used", "amount_unknown", "other_amount"]


def open_claim(
    db: sqlite3.Connection,
    booth: str,
    number: str,
    visit: str,
    reason: str,
    cents: int | None,
    now: datetime,
    deposit: str | None = None,
) -> bool:
    """Opens it once; told again it fills in what was not known. False where another booth has the number."""
    known = db.execute("SELECT booth, cents FROM claim WHERE number = ?", (number,)).fetchone()
    if known is None:
        db.execute(
            "INSERT INTO claim (number, booth, visit, deposit, reason, cents, opened_ms) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (number, booth, visit, deposit, reason, cents, ms(now)),
        )
    elif known["booth"] == booth:
        db.execute("UPDATE claim SET cents = coalesce(cents, ?) WHERE number = ?", (cents, number))
    return known is None or bool(known["booth"] == booth)


def open_for_rejection(db: sqlite3.Connection, key: Key, visit: str, cents: int, now: datetime) -> None:
    """The one claim that a code may carry whose application was rejected."""
    if db.execute("SELECT 1 FROM claim WHERE deposit = ? AND reason = ?", (key.id, REJECTED)).fetchone() is None:
        number = "".join(secrets.choice(_ALPHABET) for _ in range(8))
        open_claim(db, key.booth, number, visit, REJECTED, cents, now, deposit=key.id)


def refund(db: sqlite3.Connection, number: str, cents: int | None, now: datetime) -> Claim | NoRefund:
    """Closes a claim and, for a ticket's, revokes its code in the same transaction. `cents`: needed where the amount
    was not known, else it may be left out."""
    with writing(db):
        row = db.execute("SELECT * FROM claim WHERE number = ?", (number,)).fetchone()
        if row is None:
            return NoRefund("unknown")
        if row["refunded_ms"] is not None:
            return NoRefund("refunded")
        amount = row["cents"] if cents is None else cents
        if amount is None:
            return NoRefund("amount_unknown")
        if row["cents"] not in (None, amount):
            return NoRefund("other_amount")
        if row["reason"] in TICKET_REASONS and row["deposit"] is not None:
            key = Key(row["booth"], row["deposit"])
            used = db.execute(
                "SELECT 1 FROM deposit WHERE booth = ? AND id = ? AND state = ?", (*key, State.USED)
            ).fetchone()
            if used is not None:
                return NoRefund("code_used")
            withdraw(db, key, row["visit"], now)
        db.execute(
            "UPDATE claim SET cents = ?1, refunded_cents = ?1, refunded_ms = ?2 WHERE number = ?3",
            (amount, ms(now), number),
        )
        return _claim(db.execute("SELECT * FROM claim WHERE number = ?", (number,)).fetchone())


def open_claims(db: sqlite3.Connection) -> list[Claim]:
    """What is still owed, the oldest first."""
    return [_claim(row) for row in db.execute("SELECT * FROM claim WHERE refunded_ms IS NULL ORDER BY opened_ms")]


def claims_of(db: sqlite3.Connection, booth: str, visit: str) -> list[Claim]:
    """Every claim of one visit."""
    rows = db.execute("SELECT * FROM claim WHERE booth = ? AND visit = ? ORDER BY opened_ms", (booth, visit))
    return [_claim(row) for row in rows]


def _claim(row: sqlite3.Row) -> Claim:
    return Claim(
        number=row["number"],
        booth=row["booth"],
        visit=row["visit"],
        reason=row["reason"],
        cents=row["cents"],
        opened_at=when(row["opened_ms"]),
        refunded_at=maybe_when(row["refunded_ms"]),
    )
