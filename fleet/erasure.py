"""Erases what is due by life.py's dates. Run every minute by `fleet serve`; running it late or twice does no harm."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta

from . import alerts, life
from .life import State
from .store import maybe_when, ms, truncate_wal, when, writing
from .vault import Key, erase, settle

ORPHANS_KEPT = timedelta(days=1)
"""Chunks whose manifest never came; the broker itself keeps a chunk for one hour only (uplink.md)."""


@dataclass(frozen=True)
class Erased:
    """How many codes expired, sealed deposits were erased, and rows were dropped."""

    expired: int
    deposits: int
    rows: int


def erase_due(db: sqlite3.Connection, now: datetime) -> Erased:
    """One sweep. The bytes are gone from the database and its WAL when it returns, unless a reader is at work."""
    with writing(db):
        expired = _expire(db, now)
        deposits = _erase_deposits(db, now)
        rows = _drop_rows(db, now)
        db.execute(
            "DELETE FROM chunk WHERE received_ms <= ? AND NOT EXISTS"
            " (SELECT 1 FROM deposit d WHERE d.booth = chunk.booth AND d.id = chunk.deposit)",
            (ms(now - ORPHANS_KEPT),),
        )
    truncate_wal(db)
    return Erased(expired, deposits, rows)


def _expire(db: sqlite3.Connection, now: datetime) -> int:
    due = db.execute(
        "SELECT booth, id FROM deposit WHERE state IN ('pending', 'live') AND expires_ms <= ?", (ms(now),)
    ).fetchall()
    for row in due:
        settle(db, Key(row["booth"], row["id"]), now)
    return len(due)


def _erase_deposits(db: sqlite3.Connection, now: datetime) -> int:
    count = 0
    for row in db.execute("SELECT * FROM deposit WHERE state <> 'live' AND erased_ms IS NULL").fetchall():
        dates = life.Dates(
            state=State(row["state"]),
            state_since=when(row["state_since_ms"]),
            received_at=when(row["received_ms"]),
            expires_at=when(row["expires_ms"]),
            used_at=maybe_when(row["used_ms"]),
            confirmed_at=maybe_when(row["confirmed_ms"]),
        )
        due = life.erase_at(dates)
        if due is None or due > now:
            continue
        erase(db, Key(row["booth"], row["id"]), now)
        count += 1
        if dates.state == State.PENDING:
            what = f"visit {row['visit']}: pending for {life.PENDING_KEPT.days} days, its deposit is erased"
            alerts.raise_alert(db, row["booth"], "pending_without_end", what, now)
    return count


def _drop_rows(db: sqlite3.Connection, now: datetime) -> int:
    count = 0
    # no row is due before twelve months of 28 days: spares reading the younger ones
    youngest = ms(now - timedelta(days=12 * 28))
    for row in db.execute("SELECT * FROM deposit WHERE erased_ms <= ?", (youngest,)).fetchall():
        if life.row_erase_at(when(row["erased_ms"])) <= now and row["state"] in life.FINAL:
            db.execute("DELETE FROM ticket WHERE booth = ? AND deposit = ?", (row["booth"], row["id"]))
            db.execute("DELETE FROM deposit WHERE booth = ? AND id = ?", (row["booth"], row["id"]))
            count += 1
    return count
