"""The life of a code and the dates of its erasure: design.md, sentence by sentence."""

from datetime import UTC, datetime, timedelta

import pytest

from fleet.life import Dates, Facts, State, answer_kept, erase_at, latest_expiry, row_erase_at, settled

NOW = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
LATER = NOW + timedelta(days=100)


def facts(state: State = State.PENDING, **change: object) -> Facts:
    known: dict[str, object] = {"held": False, "word": None, "refunded": False, "expires_at": LATER} | change
    return Facts(state, **known)  # type: ignore[arg-type]


@pytest.mark.parametrize("word", ["printed", "unknown"])
def test_a_code_lives_with_both_its_deposit_and_its_tickets_word(word: str) -> None:
    assert settled(facts(held=True), NOW) == State.PENDING
    assert settled(facts(word=word), NOW) == State.PENDING
    assert settled(facts(held=True, word=word), NOW) == State.LIVE


@pytest.mark.parametrize("state", [State.PENDING, State.LIVE])
def test_a_failed_ticket_and_a_refunded_one_revoke(state: State) -> None:
    assert settled(facts(state, held=True, word="failed"), NOW) == State.REVOKED
    assert settled(facts(state, held=True, word="unknown", refunded=True), NOW) == State.REVOKED


@pytest.mark.parametrize("state", [State.USED, State.EXPIRED, State.REVOKED])
def test_a_final_state_stays_whatever_comes(state: State) -> None:
    assert settled(facts(state, held=True, word="failed", refunded=True), LATER) == state


def test_a_code_expires_pending_or_live() -> None:
    assert settled(facts(State.LIVE, held=True, word="printed"), LATER - timedelta(seconds=1)) == State.LIVE
    assert settled(facts(State.LIVE, held=True, word="printed"), LATER) == State.EXPIRED
    assert settled(facts(), LATER) == State.EXPIRED


@pytest.mark.parametrize(
    ("committed", "expires"),
    [
        # winter to summer time: the day in Paris ends at 22:00 UTC
        (datetime(2026, 11, 23, 14, 30, tzinfo=UTC), datetime(2027, 5, 23, 22, 0, tzinfo=UTC)),
        # 23:30 UTC is the next day in Paris
        (datetime(2026, 11, 23, 23, 30, tzinfo=UTC), datetime(2027, 5, 24, 22, 0, tzinfo=UTC)),
        # clamped to the month's end
        (datetime(2026, 8, 31, 12, 0, tzinfo=UTC), datetime(2027, 2, 28, 23, 0, tzinfo=UTC)),
        (datetime(2027, 8, 30, 12, 0, tzinfo=UTC), datetime(2028, 2, 29, 23, 0, tzinfo=UTC)),
    ],
)
def test_no_code_lives_beyond_the_end_of_the_day_six_months_later_in_paris(
    committed: datetime, expires: datetime
) -> None:
    assert latest_expiry(committed) == expires


def test_the_deposit_is_erased_when_design_says() -> None:
    def due(state: State, **when: datetime) -> datetime | None:
        return erase_at(Dates(state=state, state_since=NOW, received_at=NOW, expires_at=LATER, **when))

    hour = timedelta(hours=1)
    assert due(State.LIVE) is None
    assert due(State.PENDING) == NOW + timedelta(days=30)
    assert due(State.REVOKED) == NOW
    assert due(State.EXPIRED) == LATER + timedelta(days=7)
    assert due(State.USED, used_at=NOW) == NOW + 72 * hour
    assert due(State.USED, used_at=NOW, confirmed_at=NOW + hour) == NOW + hour


def test_the_row_goes_twelve_months_after_its_picture() -> None:
    assert row_erase_at(datetime(2028, 2, 29, tzinfo=UTC)) == datetime(2029, 2, 28, tzinfo=UTC)


def test_the_same_answer_is_kept_for_72_hours_or_until_confirmed() -> None:
    assert answer_kept(NOW, None, NOW + timedelta(hours=72) - timedelta(seconds=1))
    assert not answer_kept(NOW, None, NOW + timedelta(hours=72))
    assert not answer_kept(NOW, NOW, NOW)
