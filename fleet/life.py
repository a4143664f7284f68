"""The life of a code, `pending → live → used | expired | revoked`, and when what is left of it is erased.

Pure: facts and times in, states and times out; design.md, "The life of a code", is its source. Must never touch the
database or a clock.
"""

import calendar
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Literal
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")
VALID_MONTHS = 6
ANSWER_KEPT = timedelta(hours=72)
EXPIRED_KEPT = timedelta(days=7)
PENDING_KEPT = timedelta(days=30)
ROW_KEPT_MONTHS = 12

Word = Literal["printed", "unknown", "failed"]


class State(StrEnum):
    PENDING = "pending"
    LIVE = "live"
    USED = "used"
    EXPIRED = "expired"
    REVOKED = "revoked"


FINAL = frozenset({State.USED, State.EXPIRED, State.REVOKED})


@dataclass(frozen=True)
class Facts:
    """What decides a code's state. `held`: the verified deposit lies in the vault. `refunded`: its ticket claim was."""

    state: State
    held: bool
    word: Word | None
    refunded: bool
    expires_at: datetime


def settled(facts: Facts, now: datetime) -> State:
    """The state that the facts lead to; a final state stays. Deposit and ticket's word may come in either order."""
    if facts.state in FINAL:
        return facts.state
    if facts.word == "failed" or facts.refunded:
        return State.REVOKED
    if facts.expires_at <= now:
        return State.EXPIRED
    if facts.held and facts.word is not None:
        return State.LIVE
    return facts.state


def plus_months(day: datetime, months: int) -> datetime:
    """The same day `months` later, clamped to that month's end."""
    count = day.year * 12 + day.month - 1 + months
    year, month = count // 12, count % 12 + 1
    return day.replace(year=year, month=month, day=min(day.day, calendar.monthrange(year, month)[1]))


def latest_expiry(committed_at: datetime) -> datetime:
    """The end (exclusive, UTC) of the day six calendar months after the commit, in Paris: no code lives longer."""
    last_day = plus_months(committed_at.astimezone(PARIS), VALID_MONTHS).date() + timedelta(days=1)
    return datetime.combine(last_day, time(), PARIS).astimezone(UTC)


@dataclass(frozen=True)
class Dates:
    """When what happened to a code, as far as it did. `state_since`: when its present state began."""

    state: State
    state_since: datetime
    received_at: datetime
    expires_at: datetime
    used_at: datetime | None = None
    confirmed_at: datetime | None = None


def erase_at(dates: Dates) -> datetime | None:
    """When the sealed deposit (whole or in chunks) is to be erased; None while its code is live."""
    match dates.state:
        case State.USED if dates.used_at is not None:
            limit = dates.used_at + ANSWER_KEPT
            return min(limit, dates.confirmed_at) if dates.confirmed_at else limit
        case State.EXPIRED:
            return dates.expires_at + EXPIRED_KEPT
        case State.REVOKED:
            return dates.state_since
        case State.PENDING:
            return dates.received_at + PENDING_KEPT
    return None


def row_erase_at(erased_at: datetime) -> datetime:
    """When the row without its picture goes too."""
    return plus_months(erased_at, ROW_KEPT_MONTHS)


def answer_kept(used_at: datetime, confirmed_at: datetime | None, now: datetime) -> bool:
    """Whether the caller who redeemed still gets the same answer."""
    return confirmed_at is None and now < used_at + ANSWER_KEPT
