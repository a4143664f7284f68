"""Which booths are there: what their births, last wills and health reports say, and how far it can be trusted.

An online mark must never lie: it comes from the last will AND the age of the last health report.
"""

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec

from edge.messages import BadMessage, State, decode

from .store import maybe_when, ms

HealthValue = str | int | float | bool | None
SILENT_AFTER = timedelta(seconds=180)
"""Three health reports missed (one comes every 60 s)."""
MAX_FIELDS = 300


@dataclass(frozen=True)
class Gate:
    """A condition that keeps a booth from taking money. `ok` is None where it is not known."""

    name: str
    ok: bool | None
    since: datetime | None
    why: str


@dataclass(frozen=True)
class Presence:
    """`why` names a sentence of the page's texts. `gate_known`: an online booth has told its conditions; what an absent
    one told last is in `closed`, but that nothing else keeps it from selling is not known."""

    booth: str
    state: Literal["online", "silent", "offline", "unseen"]
    why: Literal["reports", "no_report", "will", "never"]
    since: datetime | None
    last_seen: datetime | None
    version: str
    closed: list[Gate]
    gate_known: bool
    warnings: str = ""  # of its last report, about the machine itself: it sells on, but somebody should go there


def take_state(db: sqlite3.Connection, booth: str, payload: bytes, *, retained: bool, now: datetime) -> None:
    """Birth, goodbye or last will. A retained one tells of an earlier time, which for a will nobody knows."""
    state = decode(State, payload)
    if state.booth != booth:
        raise BadMessage("State: it names another booth than its topic")
    seen = min(state.ts, now) if retained else now
    db.execute("INSERT OR IGNORE INTO booth (id) VALUES (?)", (booth,))
    before = db.execute("SELECT online, last_seen_ms FROM booth WHERE id = ?", (booth,)).fetchone()
    if not retained or before["online"] != int(state.online):
        # a will is written at the connect: its time is not the time it came
        since = seen if state.online or not retained else maybe_when(before["last_seen_ms"])
        db.execute(
            "UPDATE booth SET online = ?, online_since_ms = ?, version = ? WHERE id = ?",
            (state.online, None if since is None else ms(since), state.version[:60], booth),
        )
    if state.online:
        _seen(db, booth, seen)


def take_health(db: sqlite3.Connection, booth: str, payload: bytes, *, retained: bool, now: datetime) -> None:
    """A flat report; a retained one counts from the time it tells."""
    try:
        report = msgspec.json.decode(payload, type=dict[str, HealthValue])
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BadMessage("health: no flat JSON object") from None
    if len(report) > MAX_FIELDS:
        raise BadMessage(f"health: {len(report)} fields, at most {MAX_FIELDS} are read")
    told = _time(report.get("ts"))
    at = min(told, now) if retained and told is not None else now
    db.execute("INSERT OR IGNORE INTO booth (id) VALUES (?)", (booth,))
    db.execute(
        "UPDATE booth SET health = ?, health_ms = ? WHERE id = ? AND coalesce(health_ms, 0) <= ?",
        (msgspec.json.encode(report).decode(), ms(at), booth, ms(at)),
    )
    _seen(db, booth, at)


def presence(row: sqlite3.Row | None, booth: str, now: datetime) -> Presence:
    """What can be said of a booth now; `row` is its line of the booth table, None where it never spoke."""
    if row is None or (row["online"] is None and row["health_ms"] is None):
        return Presence(booth, "unseen", "never", None, None, "", [], False)
    health_at, seen = maybe_when(row["health_ms"]), maybe_when(row["last_seen_ms"])
    since, version = maybe_when(row["online_since_ms"]), row["version"]
    report = msgspec.json.decode(row["health"], type=dict[str, HealthValue]) if row["health"] else {}
    closed, warnings = _closed(report), str(report.get("warnings") or "")
    if row["online"] == 0:
        return Presence(booth, "offline", "will", since, seen, version, closed, False, warnings)
    born_at = max(filter(None, (health_at, since)), default=None)
    if born_at is None or now - born_at > SILENT_AFTER:
        return Presence(booth, "silent", "no_report", health_at or since, seen, version, closed, False, warnings)
    return Presence(booth, "online", "reports", since, seen, version, closed, health_at is not None, warnings)


def presences(db: sqlite3.Connection, registered: list[str], now: datetime) -> list[Presence]:
    """Every registered booth and every one that was heard, by id."""
    rows = {row["id"]: row for row in db.execute("SELECT * FROM booth")}
    return [presence(rows.get(booth), booth, now) for booth in sorted({*registered, *rows})]


def _closed(report: dict[str, HealthValue]) -> list[Gate]:
    """The conditions that do not hold, from `gate_<name>_ok`, `…_since` and `…_why`."""
    return [
        Gate(
            name[5:-3],
            ok if isinstance(ok, bool) else None,
            _time(report.get(f"{name[:-3]}_since")),
            str(report.get(f"{name[:-3]}_why", "")),
        )
        for name, ok in sorted(report.items())
        if name.startswith("gate_") and name.endswith("_ok") and ok is not True
    ]


def _time(value: HealthValue) -> datetime | None:
    try:
        told = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return told if told is None or told.tzinfo is not None else told.replace(tzinfo=UTC)


def _seen(db: sqlite3.Connection, booth: str, at: datetime) -> None:
    db.execute("UPDATE booth SET last_seen_ms = max(coalesce(last_seen_ms, 0), ?) WHERE id = ?", (ms(at), booth))
