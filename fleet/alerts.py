"""What a person must look at, one row for each booth and name, so that no flood of bad messages fills the disk."""

import sqlite3
from datetime import datetime, timedelta

from .store import ms

SHOWN_FOR = timedelta(days=7)
"""After its last occurrence; one that clears itself is gone at once."""

SETTLES = {"items_missing": timedelta(seconds=30)}
"""Alerts that most often clear themselves: shown only once they have lasted. A deposit's chunks take seconds, and the
events behind it overtake it."""


def raise_alert(db: sqlite3.Connection, booth: str, name: str, what: str, now: datetime) -> None:
    """Adds one to it. `booth` is '' where none is known; `what` holds nothing of a message's content."""
    db.execute(
        "INSERT INTO alert (booth, name, what, count, first_ms, last_ms) VALUES (?, ?, ?, 1, ?4, ?4)"
        " ON CONFLICT (booth, name) DO UPDATE SET what = excluded.what, last_ms = excluded.last_ms,"
        " count = CASE WHEN cleared_ms IS NULL THEN count + 1 ELSE 1 END,"
        " first_ms = CASE WHEN cleared_ms IS NULL THEN first_ms ELSE excluded.first_ms END, cleared_ms = NULL",
        (booth, name, what[:300], ms(now)),
    )


def clear_alert(db: sqlite3.Connection, booth: str, name: str, now: datetime) -> None:
    """It is well again."""
    db.execute(
        "UPDATE alert SET cleared_ms = ? WHERE booth = ? AND name = ? AND cleared_ms IS NULL", (ms(now), booth, name)
    )


def open_alerts(db: sqlite3.Connection, now: datetime) -> list[sqlite3.Row]:
    """What the page shows, the newest first."""
    rows = db.execute(
        "SELECT * FROM alert WHERE cleared_ms IS NULL AND last_ms > ? ORDER BY last_ms DESC", (ms(now - SHOWN_FOR),)
    ).fetchall()
    return [row for row in rows if row["first_ms"] <= ms(now - SETTLES.get(row["name"], timedelta()))]
