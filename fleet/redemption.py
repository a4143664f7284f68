"""The one redemption of a code and its confirmation, each a transaction of its own.

Hands a deposit to one caller and request only, by one UPDATE that just one of any number of racers can win. Never opens
a deposit; knows the code only as HMAC marks.
"""

import sqlite3
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from . import claims, life
from .life import State
from .store import maybe_when, ms, truncate_wal, when, writing
from .vault import Key, erase

Outcome = Literal["received", "accepted", "rejected"]
Reason = Literal["portrait", "signature", "other"]
Refusal = Literal["pending", "used", "expired", "revoked", "not_seen", "request_reused"]


@dataclass(frozen=True)
class Handed:
    """What a redemption hands out: the sealed deposit as the booth made it."""

    key: Key
    visit: str
    header: str
    body: bytes
    sha256: str
    committed_at: datetime
    expires_at: datetime
    used_at: datetime


@dataclass(frozen=True)
class Refused:
    """Why nothing is handed out, and since when that is so (None where that tells nothing)."""

    why: Refusal
    since: datetime | None = None


@dataclass(frozen=True)
class Confirmed:
    key: Key
    outcome: Outcome


def redeem(db: sqlite3.Connection, marks: list[bytes], caller: str, request_id: str, now: datetime) -> Handed | Refused:
    """Hands the deposit to exactly one caller and request. The same caller with the same `request_id` gets the same
    answer until it confirms, for 72 h at most. `marks`: of the one code, by every pepper that is still kept."""
    holes = ", ".join("?" * len(marks))
    with writing(db):
        row = db.execute(f"SELECT * FROM deposit WHERE code_hmac IN ({holes})", marks).fetchone()  # noqa: S608
        if row is None:
            return Refused("not_seen")
        key = Key(row["booth"], row["id"])
        if row["used_ms"] is not None:
            mine = (row["used_by"], row["request_id"]) == (caller, request_id)
            if mine and life.answer_kept(when(row["used_ms"]), maybe_when(row["confirmed_ms"]), now):
                return _handed(db, key)
            return Refused("used", when(row["used_ms"]))
        if db.execute("SELECT 1 FROM deposit WHERE used_by = ? AND request_id = ?", (caller, request_id)).fetchone():
            return Refused("request_reused")
        won = db.execute(
            "UPDATE deposit SET state = 'used', state_since_ms = ?1, used_ms = ?1, used_by = ?2, request_id = ?3"
            " WHERE booth = ?4 AND id = ?5 AND state = 'live' AND expires_ms > ?1",
            (ms(now), caller, request_id, *key),
        ).rowcount
        if won == 1:
            return _handed(db, key)
        state = State(row["state"])
        if state != State.REVOKED and row["expires_ms"] <= ms(now):
            return Refused("expired", when(row["expires_ms"]))
        if state == State.REVOKED:
            return Refused("revoked", when(row["state_since_ms"]))
        return Refused("pending", when(row["received_ms"]))


def confirm(
    db: sqlite3.Connection,
    caller: str,
    request_id: str,
    outcome: Outcome,
    reason: Reason | None,
    now: datetime,
) -> Confirmed | Literal["unknown_request", "already_confirmed"]:
    """The caller has it safe: the deposit is erased, its code stays used whatever the outcome. `received` may be
    followed by an outcome once; an outcome is never changed. A portrait or signature that the administration rejects
    opens one claim for the price, where there was one."""
    with writing(db):
        row = db.execute("SELECT * FROM deposit WHERE used_by = ? AND request_id = ?", (caller, request_id)).fetchone()
        if row is None:
            return "unknown_request"
        key = Key(row["booth"], row["id"])
        known: Outcome | None = row["outcome"]
        if known in ("accepted", "rejected") and outcome not in ("received", known):
            return "already_confirmed"
        final: Outcome = known if known is not None and outcome == "received" else outcome
        db.execute(
            "UPDATE deposit SET confirmed_ms = coalesce(confirmed_ms, ?), outcome = ?,"
            " outcome_reason = coalesce(outcome_reason, ?) WHERE booth = ? AND id = ?",
            (ms(now), final, reason, *key),
        )
        if final == "rejected" and reason in ("portrait", "signature") and row["price_cents"]:
            claims.open_for_rejection(db, key, row["visit"], row["price_cents"], now)
        erase(db, key, now)
    truncate_wal(db)
    return Confirmed(key, final)


def _handed(db: sqlite3.Connection, key: Key) -> Handed:
    row = db.execute(
        "SELECT d.*, s.body FROM deposit d JOIN sealed s ON s.booth = d.booth AND s.deposit = d.id"
        " WHERE d.booth = ? AND d.id = ?",
        key,
    ).fetchone()
    return Handed(
        key=key,
        visit=row["visit"],
        header=row["header"],
        body=bytes(row["body"]),
        sha256=row["sha256"],
        committed_at=when(row["committed_ms"]),
        expires_at=when(row["expires_ms"]),
        used_at=when(row["used_ms"]),
    )
