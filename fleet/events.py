"""Takes in events: each once, by its id. Knows what each means for codes, claims and alerts; never orders a booth."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime

import msgspec

from edge.messages import (
    Alert,
    BadMessage,
    ClaimOpened,
    CoinUnclear,
    Event,
    Id,
    TicketSettled,
    decode,
)
from edge.seal import digest

from . import alerts, tally, vault
from .claims import open_claim
from .deposits import Unfit, seq_taken
from .receipts import Item, Receipts
from .store import ms
from .vault import Key

MAX_ALERT_NAME = 60


class _OnlyId(msgspec.Struct):
    """What must be readable of an event, so that its rejection can name it."""

    id: Id


@dataclass(frozen=True)
class Events:
    db: sqlite3.Connection
    receipts: Receipts

    def take(self, booth: str, text: str, now: datetime) -> bytes | None:
        """`text`: the exact text that the booth signed. The receipt; None where not even an id can be read."""
        sha256 = digest(text)
        try:
            id_ = decode(_OnlyId, text).id
        except BadMessage as error:
            alerts.raise_alert(self.db, booth, "event_rejected", str(error), now)
            return None
        item = Item(booth, "event", id_, sha256)
        try:
            self._take(item, text, now)
        except Unfit as error:
            alerts.raise_alert(self.db, booth, "event_rejected", f"event {id_}: {error}", now)
            return self.receipts.make(item, "rejected", now, why=str(error))
        return self.receipts.make(item, "stored", now)

    def _take(self, item: Item, text: str, now: datetime) -> None:
        known = self.db.execute("SELECT sha256 FROM event WHERE booth = ? AND id = ?", (item.booth, item.id)).fetchone()
        if known is not None:
            if known["sha256"] != item.sha256:
                raise Unfit("an event with this id was another one before")
            return
        try:
            event = decode(Event, text)
        except BadMessage as error:
            raise Unfit(str(error)) from None
        if event.booth != item.booth:
            raise Unfit("it names another booth than its topic")
        if seq_taken(self.db, item.booth, event.epoch, event.seq):
            raise Unfit(f"seq {event.seq} of epoch {event.epoch} was another item's")
        self._apply(event, now)
        self.db.execute(
            "INSERT INTO event (booth, id, sha256, epoch, seq, kind, ts_ms, received_ms, visit, body)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (event.booth, event.id, item.sha256, event.epoch, event.seq, event.data.__struct_config__.tag, ms(event.ts),
             ms(now), getattr(event.data, "visit", None), text),
        )  # fmt: skip
        tally.add(self.db, event.booth, event.epoch, event.seq, event, now)

    def _apply(self, event: Event, now: datetime) -> None:
        match event.data:
            case TicketSettled(visit=visit, deposit=deposit, word=word):
                if not vault.tell_word(self.db, Key(event.booth, deposit), visit, word, now):
                    what = f"visit {visit}: its ticket was settled otherwise before"
                    alerts.raise_alert(self.db, event.booth, "ticket_settled_twice", what, now)
            case ClaimOpened(claim=number, visit=visit, reason=reason, cents=cents, deposit=deposit_id):
                if not open_claim(self.db, event.booth, number, visit, reason, cents, event.ts, deposit=deposit_id):
                    raise Unfit("its claim number is another booth's")
            case CoinUnclear(visit=visit, claim=number):
                if not open_claim(self.db, event.booth, number, visit, "unclear_coin", None, event.ts):
                    raise Unfit("its claim number is another booth's")
            case Alert(name=name, what=what):
                alerts.raise_alert(self.db, event.booth, name[:MAX_ALERT_NAME], what, now)
            case _:
                pass  # coins, commits, visits and daily counts are kept as they are
