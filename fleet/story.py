"""What happened to one visit and its code, as far as the fleet knows: for `fleet explain` and the status page.

Reads only. Tells nothing of the picture, the service or the code itself.
"""

import sqlite3
from dataclasses import dataclass
from datetime import datetime

import msgspec

from edge.messages import ClaimOpened, CoinTaken, Committed, Event, EventData, TicketSettled, VisitEnded

from . import life
from .claims import Claim, claims_of
from .life import State, Word
from .store import maybe_when, when


@dataclass(frozen=True)
class CodeStory:
    """One code's life. `chunks_here` counts what has arrived of a deposit that is not whole."""

    dates: life.Dates
    committed_at: datetime
    price_cents: int
    stored_at: datetime | None
    erased_at: datetime | None
    chunks: int
    chunks_here: int
    used_by: str | None
    outcome: str | None
    outcome_reason: str | None


@dataclass(frozen=True)
class Story:
    """`code` is None until the manifest has come; `word` and `word_at` until the ticket's word has."""

    visit: str
    booth: str
    code: CodeStory | None
    word: Word | None
    word_at: datetime | None
    claims: list[Claim]
    events: list[tuple[datetime, EventData]]


def of_visit(db: sqlite3.Connection, visit: str, now: datetime) -> Story | None:
    """The visit with this number; None where nothing of it has arrived."""
    for table in ("deposit", "event", "claim"):
        row = db.execute(f"SELECT booth FROM {table} WHERE visit = ?", (visit,)).fetchone()  # noqa: S608
        if row is not None:
            return _story(db, visit, row["booth"], now)
    return None


def of_code(db: sqlite3.Connection, marks: list[bytes], now: datetime) -> Story | None:
    """The visit that the code with these marks was made in; None where it was not seen."""
    holes = ", ".join("?" * len(marks))
    row = db.execute(f"SELECT visit, booth FROM deposit WHERE code_hmac IN ({holes})", marks).fetchone()  # noqa: S608
    return None if row is None else _story(db, row["visit"], row["booth"], now)


def sentences(story: Story, now: datetime) -> list[str]:
    """The story in plain sentences, each with its time, for a technician."""
    out = [f"Visit {story.visit} at booth {story.booth}."]
    for at, data in story.events:
        told = _event(data)
        if told:
            out.append(f"{_at(at)}: {told}.")
    code = story.code
    if code is None:
        out.append("No manifest of a deposit has arrived: the visit made no code, or its booth has not sent it yet.")
    else:
        out += _code(code, story.word)
        if story.word is not None and story.word_at is not None:
            out.append(f"The ticket's word arrived {_at(story.word_at)}: {story.word}.")
        else:
            out.append("The ticket's word has not arrived.")
        out.append(_state(code.dates, now))
        if code.erased_at is not None:
            out.append(f"The sealed deposit was erased {_at(code.erased_at)}.")
        elif (due := life.erase_at(code.dates)) is not None:
            out.append(f"The sealed deposit is to be erased {_at(due)}.")
    for claim in story.claims:
        amount = "an amount to be set" if claim.cents is None else f"{claim.cents / 100:.2f} €"
        end = "still open" if claim.refunded_at is None else f"refunded {_at(claim.refunded_at)}"
        out.append(f"Claim {claim.number} for {amount} ({claim.reason}), opened {_at(claim.opened_at)}: {end}.")
    return out


def _story(db: sqlite3.Connection, visit: str, booth: str, now: datetime) -> Story:
    row = db.execute("SELECT * FROM deposit WHERE visit = ? AND booth = ?", (visit, booth)).fetchone()
    ticket = db.execute("SELECT * FROM ticket WHERE visit = ? AND booth = ?", (visit, booth)).fetchone()
    events = db.execute("SELECT body FROM event WHERE visit = ? AND booth = ? ORDER BY epoch, seq", (visit, booth))
    told = [msgspec.json.decode(event["body"], type=Event) for event in events]
    return Story(
        visit=visit,
        booth=booth,
        code=None if row is None else _code_story(db, row, now),
        word=None if ticket is None else ticket["word"],
        word_at=None if ticket is None else maybe_when(ticket["word_ms"]),
        claims=claims_of(db, booth, visit),
        events=[(event.ts, event.data) for event in told],
    )


def _code_story(db: sqlite3.Connection, row: sqlite3.Row, now: datetime) -> CodeStory:
    state, since, expires_at = State(row["state"]), when(row["state_since_ms"]), when(row["expires_ms"])
    if state not in life.FINAL and expires_at <= now:
        state, since = State.EXPIRED, expires_at  # the next sweep writes it
    here = db.execute("SELECT count(*) FROM chunk WHERE booth = ? AND deposit = ?", (row["booth"], row["id"]))
    return CodeStory(
        dates=life.Dates(
            state=state,
            state_since=since,
            received_at=when(row["received_ms"]),
            expires_at=expires_at,
            used_at=maybe_when(row["used_ms"]),
            confirmed_at=maybe_when(row["confirmed_ms"]),
        ),
        committed_at=when(row["committed_ms"]),
        price_cents=row["price_cents"],
        stored_at=maybe_when(row["stored_ms"]),
        erased_at=maybe_when(row["erased_ms"]),
        chunks=row["chunks"],
        chunks_here=here.fetchone()[0],
        used_by=row["used_by"],
        outcome=row["outcome"],
        outcome_reason=row["outcome_reason"],
    )


def _code(code: CodeStory, word: Word | None) -> list[str]:
    out = [
        f"Committed {_at(code.committed_at)} for {code.price_cents / 100:.2f} €; the code expires "
        f"{_at(code.dates.expires_at)}.",
        f"Its manifest arrived {_at(code.dates.received_at)}.",
    ]
    if code.stored_at is not None:
        out.append(f"Its sealed deposit was whole and verified {_at(code.stored_at)}.")
    elif word != "failed":
        out.append(f"Its sealed deposit is not whole: {code.chunks_here} of {code.chunks} chunks are here.")
    if code.dates.used_at is not None:
        out.append(f"Redeemed {_at(code.dates.used_at)} by {code.used_by}.")
    if code.dates.confirmed_at is not None:
        reason = f" ({code.outcome_reason})" if code.outcome_reason else ""
        out.append(f"Confirmed {_at(code.dates.confirmed_at)}: {code.outcome}{reason}.")
    return out


def _state(dates: life.Dates, now: datetime) -> str:
    since = _at(dates.state_since)
    match dates.state:
        case State.PENDING:
            return (
                f"The code is pending since {since}: it can be redeemed once deposit and ticket's word are both here."
            )
        case State.LIVE:
            days = (dates.expires_at - now).days
            return f"The code is live since {since}: it can be redeemed once, for {days} more days."
        case State.USED:
            return f"The code is used since {since}: it cannot be redeemed again."
        case State.EXPIRED:
            return f"The code is expired since {since}: nobody redeemed it in time."
        case State.REVOKED:
            return f"The code is revoked since {since}: its ticket failed, or its ticket claim was refunded."


def _event(data: EventData) -> str:
    match data:
        case CoinTaken(cents=cents):
            return f"a coin of {cents / 100:.2f} € was credited"
        case Committed(price_cents=cents):
            return f"the visit was committed, {cents / 100:.2f} € spent"
        case TicketSettled(word=word):
            return f"the ticket was settled: {word}"
        case ClaimOpened(claim=number, reason=reason):
            return f"claim {number} was opened ({reason})"
        case VisitEnded(outcome=outcome, seconds=seconds):
            return f"the visit ended after {seconds} s: {outcome}"
    return ""


def _at(time: datetime) -> str:
    return time.astimezone(life.PARIS).strftime("%Y-%m-%d %H:%M:%S Paris")
