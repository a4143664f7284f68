"""Checks a booth's events against its ledger's sums: a lost, doubled or invented event is seen, whatever the order.

For each booth and epoch: what all received events add up to, beginning from the counters before the first of them, must
be the counters of the last one. Pure sums in, alerts out; never refuses an event.
"""

import sqlite3
from datetime import datetime

import msgspec

from edge.messages import ClaimOpened, CoinTaken, CoinUnclear, Committed, Counters, Event, EventData

from . import alerts
from .claims import TICKET_REASONS

FIELDS = Counters.__struct_fields__


class Tally(msgspec.Struct):
    """`count`: items received between `first` and `last`. `before`: the counters before `first_event`; `moved`: what
    all events since add up to; `after`: the counters of `last_event`."""

    first: int
    last: int
    count: int = 0
    first_event: int | None = None
    last_event: int | None = None
    before: list[int] = []
    moved: list[int] = []
    after: list[int] = []


def effect(data: EventData) -> Counters:
    """What an event moves; every other event moves nothing."""
    moved = dict.fromkeys(FIELDS, 0)
    match data:
        case CoinTaken(cents=cents):
            moved |= {"coins_cents": cents, "credit_cents": cents}
        case CoinUnclear():
            moved |= {"unclear_coins": 1}
        case Committed(price_cents=cents):
            moved |= {"spent_cents": cents, "credit_cents": -cents}
        case ClaimOpened(reason=reason, cents=int(cents)) if reason in TICKET_REASONS:
            moved |= {"claimed_ticket_cents": cents}
        case ClaimOpened(reason=reason, cents=int(cents)) if reason != "unclear_coin":
            moved |= {"claimed_credit_cents": cents, "credit_cents": -cents}
    return Counters(**moved)


def add(db: sqlite3.Connection, booth: str, epoch: int, seq: int, event: Event | None, now: datetime) -> None:
    """One more item of the outbox was received (`event` is None for a manifest); raises or clears the alerts."""
    row = db.execute("SELECT sums FROM tally WHERE booth = ? AND epoch = ?", (booth, epoch)).fetchone()
    tally = Tally(seq, seq) if row is None else msgspec.json.decode(row["sums"], type=Tally)
    tally.first, tally.last, tally.count = min(tally.first, seq), max(tally.last, seq), tally.count + 1
    if event is not None:
        _move(tally, seq, event)
    db.execute(
        "INSERT INTO tally (booth, epoch, sums) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET sums = excluded.sums",
        (booth, epoch, msgspec.json.encode(tally).decode()),
    )
    _judge(db, booth, tally, now)
    if event is not None:
        c = event.counters
        if c.coins_cents != c.spent_cents + c.claimed_credit_cents + c.credit_cents:
            alerts.raise_alert(db, booth, "ledger_sums", f"event {seq}: coins are not spent + claimed + credit", now)


def _move(tally: Tally, seq: int, event: Event) -> None:
    moved = _values(effect(event.data))
    counters = _values(event.counters)
    tally.moved = [a + b for a, b in zip(tally.moved or [0] * len(FIELDS), moved, strict=True)]
    if tally.first_event is None or seq < tally.first_event:
        tally.first_event = seq
        tally.before = [a - b for a, b in zip(counters, moved, strict=True)]
    if tally.last_event is None or seq > tally.last_event:
        tally.last_event, tally.after = seq, counters


def _judge(db: sqlite3.Connection, booth: str, tally: Tally, now: datetime) -> None:
    missing = tally.last - tally.first + 1 - tally.count
    if missing > 0:
        # a ticket that failed takes its deposit out of the outbox: that number never comes, and rightly
        missing -= db.execute(
            "SELECT count(*) FROM ticket t WHERE t.booth = ? AND t.word = 'failed' AND NOT EXISTS"
            " (SELECT 1 FROM deposit d WHERE d.booth = t.booth AND d.id = t.deposit)",
            (booth,),
        ).fetchone()[0]
    if missing > 0:
        what = f"{missing} of the items {tally.first} to {tally.last} have not arrived"
        alerts.raise_alert(db, booth, "items_missing", what, now)
        return
    alerts.clear_alert(db, booth, "items_missing", now)
    if tally.first_event is None:
        return
    wrong = [
        f"{name} {after}, its events add up to {before + moved}"
        for name, before, moved, after in zip(FIELDS, tally.before, tally.moved, tally.after, strict=True)
        if before + moved != after
    ]
    if wrong:
        alerts.raise_alert(db, booth, "sums_differ", "; ".join(wrong), now)
    else:
        alerts.clear_alert(db, booth, "sums_differ", now)


def _values(counters: Counters) -> list[int]:
    return [int(getattr(counters, name)) for name in FIELDS]
