"""The booth's one durable store: credit, visits, codes, tickets, outbox. Every promise about them is kept here.

Each public verb that changes something is one SQLite transaction (WAL, synchronous FULL): it has happened whole or not
at all, its event is in the outbox with it, and a power cut at any moment leaves one of the two. Nothing here waits,
prints or sends. A picture or a signature never enters but sealed.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Literal

from . import code as codes
from . import messages as m
from . import seal
from .clock import Clock, expiry
from .deposit import Photo, Sealer, Slot
from .ledger_outbox import LedgerOutbox
from .ledger_schema import migrate
from .ledger_values import Claim, ClaimReason, Found, OpenVisit, Outcome, OwedTicket

_LEFT_OVER: dict[Outcome, ClaimReason] = {
    "ticket": "change",
    "cancelled": "cancelled",
    "abandoned": "abandoned",
    "refused": "refused",
    "interrupted": "abandoned",
}


class NotEnoughCredit(Exception):
    """A commit for more than the credit; nothing was changed."""


class Ledger:
    """Opens or makes the ledger at `path`. `token_bytes` is the source of every random number (codes included);
    `connect` opens the database: a test passes one that dies at a chosen write."""

    def __init__(
        self,
        path: Path,
        *,
        booth: str,
        sealer: Sealer,
        clock: Clock,
        token_bytes: Callable[[int], bytes],
        connect: Callable[..., sqlite3.Connection] = sqlite3.connect,
        synchronous: Literal["FULL", "OFF"] = "FULL",
    ) -> None:
        self._db = connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute(f"PRAGMA synchronous = {synchronous}")
        self._db.execute("PRAGMA foreign_keys = ON")
        self._db.execute("PRAGMA secure_delete = ON")
        migrate(self._db)
        self._booth = booth
        self._sealer = sealer
        self._clock = clock
        self._token_bytes = token_bytes
        self.outbox = LedgerOutbox(self._db, self._write)

    def close(self) -> None:
        self._db.close()

    # --- the visit ---------------------------------------------------------------------------------------------

    def open_visit(self) -> OpenVisit:
        """The open visit, begun now if there is none."""
        if (visit := self.visit()) is not None:
            return visit
        with self._write():
            number = self._begin()
        return OpenVisit(number, None, None, False, 0)

    def visit(self) -> OpenVisit | None:
        row = self._db.execute("SELECT number, language, service, paid FROM visits WHERE ended_at IS NULL").fetchone()
        return None if row is None else OpenVisit(row[0], row[1], row[2], bool(row[3]), self.credit_cents())

    def choose(self, visit: str, *, language: str, service: str) -> None:
        """Remembers the choice for a restart."""
        with self._write():
            self._db.execute(
                "UPDATE visits SET language = ?, service = ? WHERE number = ? AND ended_at IS NULL",
                (language, service, visit),
            )

    def paid(self, visit: str) -> None:
        """The customer has paid and goes on to the shots: counted by day, without the visit."""
        with self._write():
            row = self._db.execute("SELECT service, paid FROM visits WHERE number = ?", (visit,)).fetchone()
            if row and not row[1] and row[0]:
                self._count("service", row[0])
            self._db.execute("UPDATE visits SET paid = 1 WHERE number = ?", (visit,))

    def refused_findings(self, names: Sequence[str]) -> None:
        """Counts findings that a shot was refused for: by day, nobody's."""
        with self._write():
            for name in names:
                self._count("finding", name)

    def end_visit(self, visit: str, outcome: Outcome) -> Claim | None:
        """Ends the visit; what credit is left becomes one claim. Ending twice changes nothing."""
        with self._write():
            return self._end(visit, outcome)

    # --- the money ---------------------------------------------------------------------------------------------

    def credit_cents(self) -> int:
        return int(self._db.execute("SELECT credit_cents FROM totals").fetchone()[0])

    def train_opened(self, train: str) -> None:
        """A pulse train's first edge: from here on a power cut leaves an unclear coin, never nothing."""
        with self._write():
            self._db.execute(
                "INSERT OR IGNORE INTO trains (train, visit, opened_at) VALUES (?, ?, ?)",
                (train, self._visit_of_coin(), self._now()),
            )

    def open_trains(self) -> int:
        """Pulse trains begun and not ended: at a start, signals that a kill has cut."""
        return int(self._db.execute("SELECT count(*) FROM trains").fetchone()[0])

    def coin(self, train: str, cents: int) -> int:
        """Credits a coin and closes its train; the same train twice is credited once. Returns the credit in cents."""
        with self._write():
            visit = self._close_train(train)
            if visit is not None:
                visit = self._visit_of_coin(visit)
                self._move(visit, "coin", cents)
                self._event(m.CoinTaken(visit=visit, cents=cents))
        return self.credit_cents()

    def unclear_coin(self, train: str, why: str, edges: Sequence[tuple[str, bool, int]] = ()) -> Claim | None:
        """A signal that is not clearly a coin: not credited, reported with a claim. None if its train was closed."""
        with self._write():
            visit = self._close_train(train)
            return None if visit is None else self._unclear(visit, why, edges)

    def glitch(self, train: str) -> None:
        """A train that was too short for a coin is closed without a trace."""
        with self._write():
            self._close_train(train)

    # --- commit and ticket -------------------------------------------------------------------------------------

    def commit(self, visit: str, *, language: str, service: str, price_cents: int, photo: Photo) -> OwedTicket:
        """THE transaction: credit spent, what is over made a claim, code reserved, sealed deposit in the outbox,
        ticket owed. NotEnoughCredit or ValueError leave everything as it was."""
        now = self._clock.now()
        with self._write():
            credit = self.credit_cents()
            if credit < price_cents:
                raise NotEnoughCredit(f"{credit} cents of credit, {price_cents} needed")
            if price_cents:
                self._move(visit, "spent", price_cents)
            deposit, code = self._token_bytes(16).hex(), codes.make(self._token_bytes)
            boot_id, boottime_s = self._clock.boot_id, self._clock.boottime_s()
            slot = Slot(
                self._booth, visit, deposit, code, service, price_cents,
                self._next_seq(), self._epoch(), boot_id, now, expiry(now),
            )  # fmt: skip
            sealed = self._sealer.seal(slot, photo)
            self.outbox.add(slot.seq, "deposit", deposit, seal.digest(sealed.manifest), now, sealed.signed, sealed.body)
            self._event(m.Committed(visit=visit, deposit=deposit, price_cents=price_cents))
            change = self._claim_credit(visit, "change")
            self._db.execute(
                "INSERT INTO tickets VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'owed')",
                (
                    visit, deposit, code, service, language, bool(photo.overrides), price_cents,
                    change.number if change else None, _iso(now), _iso(slot.expires_at), boot_id, boottime_s,
                ),
            )  # fmt: skip
        return OwedTicket(
            visit, deposit, code, service, language, bool(photo.overrides), price_cents,
            change, now, slot.expires_at, boot_id, boottime_s,
        )  # fmt: skip

    def owed_tickets(self) -> list[OwedTicket]:
        """Committed, not printed, not begun: oldest first."""
        rows = self._db.execute(
            "SELECT t.visit, deposit, code, service, language, overridden, price_cents, change_claim, c.cents, "
            "committed_at, expires_at, boot_id, boottime_s "
            "FROM tickets t LEFT JOIN claims c ON c.number = change_claim "
            "WHERE word = 'owed' ORDER BY committed_at"
        ).fetchall()
        return [
            OwedTicket(
                row[0], row[1], row[2], row[3], row[4], bool(row[5]), row[6], Claim(row[7], row[8]) if row[7] else None,
                datetime.fromisoformat(row[9]), datetime.fromisoformat(row[10]), row[11], row[12],
            )
            for row in rows
        ]  # fmt: skip

    def begin_printing(self, visit: str) -> None:
        """Written before the first byte goes to the printer: cut after this, the ticket is `unknown`."""
        with self._write():
            self._word(visit, "printing", only_from="owed")

    def print_again(self, visit: str) -> None:
        """A print that is proven to have failed is owed again."""
        with self._write():
            self._word(visit, "owed", only_from="printing")

    def settle_ticket(self, visit: str, word: Literal["printed", "unknown", "failed"], *, claim: bool) -> Claim | None:
        """The ticket's last word, once: reported, its plain code erased from the disk. `failed` erases the sealed
        deposit too. With `claim`, the price becomes one. None where it was settled before, or free."""
        made = None
        with self._write():
            row = self._db.execute(
                "SELECT deposit, price_cents FROM tickets WHERE visit = ? AND word IN ('owed', 'printing')", (visit,)
            ).fetchone()
            if row is None:
                return None
            deposit, price_cents = row
            self._db.execute("UPDATE tickets SET word = ?, code = NULL, service = NULL WHERE visit = ?", (word, visit))
            if word == "failed":
                self.outbox.erase(deposit)
            if claim and price_cents:
                made = self._claim(
                    visit, "ticket_failed" if word == "failed" else "ticket_unknown", price_cents, deposit
                )
            self._event(m.TicketSettled(visit=visit, deposit=deposit, word=word))
        self.outbox.wipe()
        return made

    # --- coming back -------------------------------------------------------------------------------------------

    def recover(self) -> list[Found]:
        """At a start, before anything else: what a kill left open gets its one meaning. Open trains become unclear
        coins; a print that had begun is `unknown` with a claim; a visit that was committed, or has neither credit nor
        a choice, is ended."""
        found = []
        for (train,) in self._db.execute("SELECT train FROM trains").fetchall():
            claim = self.unclear_coin(train, "the booth stopped while its signal came")
            found.append(Found("a coin's signal was cut: unclear coin", claim))
        for (visit,) in self._db.execute("SELECT visit FROM tickets WHERE word = 'printing'").fetchall():
            claim = self.settle_ticket(visit, "unknown", claim=True)
            found.append(Found("a ticket was being printed: unknown", claim))
        open_visit = self.visit()
        if open_visit is not None:
            committed = self._db.execute("SELECT 1 FROM tickets WHERE visit = ?", (open_visit.number,)).fetchone()
            if committed or open_visit.credit_cents == 0:
                self.end_visit(open_visit.number, "ticket" if committed else "interrupted")
                found.append(Found("a visit was ended"))
            else:
                found.append(Found("a visit with credit goes on"))
        self.outbox.wipe()
        return found

    def alert(self, name: str, what: str) -> None:
        """Puts a line for the operator into the outbox."""
        with self._write():
            self._event(m.Alert(name=name, what=what))

    def report_days_before(self, today: str) -> None:
        """Sends the daily counts of every day before `today` (YYYY-MM-DD), once."""
        days = self._db.execute("SELECT DISTINCT day FROM counts WHERE day < ? ORDER BY day", (today,)).fetchall()
        for (day,) in days:
            with self._write():
                kinds: dict[str, dict[str, int]] = {"service": {}, "finding": {}}
                for kind, name, n in self._db.execute("SELECT kind, name, n FROM counts WHERE day = ?", (day,)):
                    kinds[kind][name] = n
                self._event(m.DailyCounts(day=day, services=kinds["service"], findings=kinds["finding"]))
                self._db.execute("DELETE FROM counts WHERE day = ?", (day,))

    def counters(self) -> m.Counters:
        row = self._db.execute(
            "SELECT coins_cents, spent_cents, claimed_credit_cents, claimed_ticket_cents, credit_cents, unclear_coins "
            "FROM totals"
        ).fetchone()
        return m.Counters(
            coins_cents=row[0], spent_cents=row[1], claimed_credit_cents=row[2],
            claimed_ticket_cents=row[3], credit_cents=row[4], unclear_coins=row[5],
        )  # fmt: skip

    def writable(self) -> bool:
        """Whether a transaction goes through now: a condition of the gate and of the watchdog."""
        try:
            with self._write():
                self._db.execute("UPDATE totals SET epoch = epoch")
        except sqlite3.Error:
            return False
        return True

    # --- inside a transaction ----------------------------------------------------------------------------------

    @contextmanager
    def _write(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")
        self.outbox.committed()

    def _begin(self) -> str:
        number = self._number(10)
        self._db.execute("INSERT INTO visits (number, started_at) VALUES (?, ?)", (number, self._now()))
        return number

    def _end(self, visit: str, outcome: Outcome) -> Claim | None:
        row = self._db.execute(
            "SELECT started_at FROM visits WHERE number = ? AND ended_at IS NULL", (visit,)
        ).fetchone()
        if row is None:
            return None
        claim = self._claim_credit(visit, _LEFT_OVER[outcome])
        self._db.execute(
            "UPDATE visits SET ended_at = ?, outcome = ?, service = NULL WHERE number = ?",
            (self._now(), outcome, visit),
        )
        seconds = max(0, round((self._clock.now() - datetime.fromisoformat(row[0])).total_seconds()))
        self._event(m.VisitEnded(visit=visit, outcome=outcome, seconds=seconds))
        return claim

    def _visit_of_coin(self, opened_in: str | None = None) -> str:
        """A coin belongs to the open visit; it opens one where there is none (the credit must be somebody's)."""
        row = self._db.execute("SELECT number FROM visits WHERE ended_at IS NULL").fetchone()
        if row is not None:
            return str(row[0])
        return self._begin() if opened_in is None or self._ended(opened_in) else opened_in

    def _ended(self, visit: str) -> bool:
        row = self._db.execute("SELECT ended_at FROM visits WHERE number = ?", (visit,)).fetchone()
        return row is None or row[0] is not None

    def _close_train(self, train: str) -> str | None:
        row = self._db.execute("DELETE FROM trains WHERE train = ? RETURNING visit", (train,)).fetchone()
        return None if row is None else str(row[0])

    def _unclear(self, visit: str, why: str, edges: Sequence[tuple[str, bool, int]]) -> Claim:
        """The coin's event goes before its claim's: every event's sums are those of the events up to itself."""
        number = self._number(8)
        self._db.execute("UPDATE totals SET unclear_coins = unclear_coins + 1")
        self._event(m.CoinUnclear(visit=visit, claim=number, why=why, edges=list(edges)[:200]))
        return self._claim(visit, "unclear_coin", None, None, number=number)

    def _move(self, visit: str, kind: Literal["coin", "spent", "claimed"], cents: int) -> None:
        column = {"coin": "coins_cents", "spent": "spent_cents", "claimed": "claimed_credit_cents"}[kind]
        sign = 1 if kind == "coin" else -1
        self._db.execute(
            f"UPDATE totals SET {column} = {column} + ?, credit_cents = credit_cents + ?",  # noqa: S608
            (cents, sign * cents),
        )
        self._db.execute(
            "INSERT INTO money (visit, kind, cents, at) VALUES (?, ?, ?, ?)", (visit, kind, cents, self._now())
        )

    def _claim_credit(self, visit: str, reason: ClaimReason) -> Claim | None:
        cents = self.credit_cents()
        if cents == 0:
            return None
        self._move(visit, "claimed", cents)
        return self._claim(visit, reason, cents, None)

    def _claim(
        self, visit: str, reason: ClaimReason, cents: int | None, deposit: str | None, *, number: str | None = None
    ) -> Claim:
        claim = Claim(number or self._number(8), cents)
        self._db.execute(
            "INSERT INTO claims (number, visit, reason, cents, at) VALUES (?, ?, ?, ?, ?)",
            (claim.number, visit, reason, cents, self._now()),
        )
        if deposit is not None and cents is not None:
            self._db.execute("UPDATE totals SET claimed_ticket_cents = claimed_ticket_cents + ?", (cents,))
        self._event(m.ClaimOpened(claim=claim.number, visit=visit, reason=reason, cents=cents, deposit=deposit))
        return claim

    def _word(self, visit: str, word: str, *, only_from: str) -> None:
        changed = self._db.execute(
            "UPDATE tickets SET word = ? WHERE visit = ? AND word = ?", (word, visit, only_from)
        ).rowcount
        if changed != 1:
            raise ValueError(f"visit {visit}: its ticket is not {only_from}")

    def _count(self, kind: Literal["service", "finding"], name: str) -> None:
        self._db.execute(
            "INSERT INTO counts VALUES (?, ?, ?, 1) ON CONFLICT DO UPDATE SET n = n + 1",
            (self._now()[:10], kind, name),
        )

    def _event(self, data: m.EventData) -> None:
        now = self._clock.now()
        event = m.Event(
            id=self._token_bytes(16).hex(), ts=now, boot=self._clock.boot_id, seq=self._next_seq(),
            booth=self._booth, epoch=self._epoch(), counters=self.counters(), data=data,
        )  # fmt: skip
        signed = seal.sign(event, self._sealer.signer)
        self.outbox.add(event.seq, "event", event.id, seal.digest(signed.signed), now, m.encode(signed), None)

    def _next_seq(self) -> int:
        return int(self._db.execute("UPDATE totals SET seq = seq + 1 RETURNING seq").fetchone()[0])

    def _epoch(self) -> int:
        return int(self._db.execute("SELECT epoch FROM totals").fetchone()[0])

    def _number(self, length: int) -> str:
        bits = int.from_bytes(self._token_bytes(length), "big")
        return "".join(codes.ALPHABET[(bits >> (5 * i)) & 31] for i in range(length))

    def _now(self) -> str:
        return _iso(self._clock.now())


def _iso(at: datetime) -> str:
    return at.isoformat()
