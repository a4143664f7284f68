"""The ledger's own promises: money adds up, a code is issued once, what must go is gone from the disk."""

import asyncio
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from edge import messages as m
from edge.clock import expiry, expiry_day
from edge.deposit import Photo
from edge.ledger import Ledger, NotEnoughCredit
from edge.ledger_schema import MIGRATIONS, LedgerTooNew
from tests.world import sealer

PHOTO = Photo(b"\xff\xd8 a portrait " + bytes(range(256)) * 40, b"\x89PNG a signature")


class HandClock:
    boot_id = "boot-1"

    def __init__(self) -> None:
        self.at = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def boottime_s(self) -> float:
        return 100.0

    def trusted(self) -> bool:
        return True


def make(folder: Path, seed: int = 1) -> Ledger:
    import random

    return Ledger(
        folder / "ledger.db", booth="test-1", sealer=sealer(), clock=HandClock(),
        token_bytes=random.Random(seed).randbytes,
    )  # fmt: skip


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    found = make(tmp_path)
    yield found
    found.close()


def pay(ledger: Ledger, *coins: int) -> str:
    visit = ledger.open_visit().number
    for number, cents in enumerate(coins):
        ledger.train_opened(f"{visit}-{number}")
        ledger.coin(f"{visit}-{number}", cents)
    return visit


def commit(ledger: Ledger, visit: str, price_cents: int = 600) -> m.VisitNumber:
    owed = ledger.commit(visit, language="fr", service="driving_licence", price_cents=price_cents, photo=PHOTO)
    return owed.code


def events(ledger: Ledger) -> list[m.Event]:
    items = ledger.outbox.waiting(limit=1000)
    return [m.decode(m.Event, m.decode(m.Signed, i.signed).signed) for i in items if i.kind == "event"]


def _bytes(folder: Path) -> bytes:
    """All that a thief finds on the disk."""
    return b"".join(file.read_bytes() for file in sorted(folder.iterdir()))


def test_a_coin_told_twice_is_credited_once(ledger: Ledger) -> None:
    ledger.open_visit()
    ledger.train_opened("t1")
    assert ledger.coin("t1", 200) == 200
    assert ledger.coin("t1", 200) == 200


def test_a_train_left_open_by_a_power_cut_is_one_unclear_coin_and_one_claim(tmp_path: Path) -> None:
    first = make(tmp_path)
    first.open_visit()
    first.train_opened("t1")
    first.close()
    again = make(tmp_path, seed=2)
    (found,) = [found for found in again.recover() if found.claim]
    assert "unclear coin" in found.what and found.claim and found.claim.cents is None
    assert again.recover() == []
    claims = [e.data for e in events(again) if isinstance(e.data, m.ClaimOpened)]
    assert [(c.reason, c.cents) for c in claims] == [("unclear_coin", None)]
    assert again.coin("t1", 200) == 0, "its late end credits nothing"
    again.close()


def test_what_is_over_after_a_ticket_is_a_claim_made_in_the_commit(ledger: Ledger) -> None:
    visit = pay(ledger, 200, 200, 200, 50)
    commit(ledger, visit)
    (owed,) = ledger.owed_tickets()
    assert owed.change is not None and owed.change.cents == 50
    assert ledger.credit_cents() == 0


def test_a_commit_without_enough_credit_changes_nothing(ledger: Ledger) -> None:
    visit = pay(ledger, 200)
    before = ledger.counters(), len(ledger.outbox.waiting(limit=100))
    with pytest.raises(NotEnoughCredit):
        commit(ledger, visit)
    assert (ledger.counters(), len(ledger.outbox.waiting(limit=100))) == before


def test_a_commit_that_cannot_be_sealed_changes_nothing(ledger: Ledger) -> None:
    visit = pay(ledger, 200, 200, 200)
    before = ledger.counters()
    with pytest.raises(ValueError, match="at most"):
        ledger.commit(visit, language="fr", service="x", price_cents=600, photo=Photo(bytes(5_000_000), b""))
    assert ledger.counters() == before and ledger.owed_tickets() == []


def test_credit_is_spent_once_and_only_with_a_committed_visit(ledger: Ledger) -> None:
    visit = pay(ledger, 200, 200, 200)
    commit(ledger, visit)
    with pytest.raises(NotEnoughCredit):
        commit(ledger, visit)


def test_no_credit_passes_to_the_next_customer(ledger: Ledger) -> None:
    visit = pay(ledger, 200)
    claim = ledger.end_visit(visit, "abandoned")
    assert claim is not None and claim.cents == 200
    assert ledger.open_visit().credit_cents == 0
    assert ledger.end_visit(visit, "abandoned") is None


def test_the_plain_code_is_gone_from_the_disk_once_the_ticket_is_settled(tmp_path: Path) -> None:
    ledger = make(tmp_path)
    visit = pay(ledger, 200, 200, 200)
    code = commit(ledger, visit)
    assert code.encode() in _bytes(tmp_path), "owed: the code is needed to print it again"
    ledger.begin_printing(visit)
    ledger.settle_ticket(visit, "printed", claim=False)
    assert code.encode() not in _bytes(tmp_path)
    ledger.close()


def test_after_the_receipt_nothing_of_the_deposit_is_left_on_the_disk(tmp_path: Path) -> None:
    ledger = make(tmp_path)
    commit(ledger, pay(ledger, 200, 200, 200))
    item = next(i for i in ledger.outbox.waiting(limit=100) if i.kind == "deposit")
    sealed = ledger.outbox.sealed(item.id)
    assert sealed[5000:5064] in _bytes(tmp_path)
    assert not ledger.outbox.stored(item.id, "0" * 64), "another hash erases nothing"
    assert ledger.outbox.stored(item.id, item.sha256)
    held = _bytes(tmp_path)
    assert all(sealed[i : i + 64] not in held for i in range(0, len(sealed) - 64, 997))
    ledger.close()


def test_a_failed_ticket_erases_its_deposit_and_owes_the_price(ledger: Ledger) -> None:
    visit = pay(ledger, 200, 200, 200)
    commit(ledger, visit)
    ledger.begin_printing(visit)
    ledger.print_again(visit)
    claim = ledger.settle_ticket(visit, "failed", claim=True)
    assert claim is not None and claim.cents == 600
    assert [i.kind for i in ledger.outbox.waiting(limit=100)].count("deposit") == 0
    assert ledger.settle_ticket(visit, "printed", claim=False) is None, "the last word is said once"
    assert [e.data.word for e in events(ledger) if isinstance(e.data, m.TicketSettled)] == ["failed"]


def test_daily_counts_leave_without_the_visit_they_came_from(ledger: Ledger) -> None:
    visit = pay(ledger, 200, 200, 200)
    ledger.choose(visit, language="fr", service="residence_permit")
    ledger.paid(visit)
    ledger.paid(visit)
    ledger.refused_findings(["yaw", "mouth_closed"])
    ledger.report_days_before("2026-03-02")
    ledger.report_days_before("2026-03-02")
    counts = [e.data for e in events(ledger) if isinstance(e.data, m.DailyCounts)]
    assert [(c.services, c.findings) for c in counts] == [({"residence_permit": 1}, {"yaw": 1, "mouth_closed": 1})]
    others = [m.encode(e.data) for e in events(ledger) if not isinstance(e.data, m.DailyCounts)]
    assert not any(b"residence_permit" in body for body in others)


def test_a_ledger_of_a_later_release_is_refused_with_what_to_do(tmp_path: Path) -> None:
    make(tmp_path).close()
    db = sqlite3.connect(tmp_path / "ledger.db")
    db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    db.close()
    with pytest.raises(LedgerTooNew, match="install the newer release"):
        make(tmp_path)


@pytest.mark.parametrize(
    ("committed", "last_day"),
    [
        ("2026-08-31T10:00:00+00:00", "2027-02-28"),  # clamped
        ("2027-08-30T10:00:00+00:00", "2028-02-29"),  # leap year
        ("2026-03-01T23:30:00+00:00", "2026-09-02"),  # already the 2nd of March in Paris
        ("2026-07-01T12:00:00+00:00", "2027-01-01"),
    ],
)
def test_a_code_expires_at_the_end_of_the_day_six_months_later_in_paris(committed: str, last_day: str) -> None:
    end = expiry(datetime.fromisoformat(committed))
    assert expiry_day(end).isoformat() == last_day
    assert end.astimezone(__import__("zoneinfo").ZoneInfo("Europe/Paris")).time().isoformat() == "23:59:59"


def test_waiting_for_the_outbox_ends_when_something_is_added(ledger: Ledger) -> None:
    async def story() -> None:
        waiting = asyncio.create_task(ledger.outbox.changed())
        await asyncio.sleep(0)
        assert not waiting.done()
        pay(ledger, 200)
        await asyncio.wait_for(waiting, 5)

    asyncio.run(story())


class MoneyAddsUp(RuleBasedStateMachine):
    """Any order of coins, cancels, commits and restarts: the sums and the events tell the same story."""

    folder: Path

    def __init__(self) -> None:
        super().__init__()
        import tempfile

        self._folder = tempfile.TemporaryDirectory()
        self.folder = Path(self._folder.name)
        self.ledger = make(self.folder)
        self.restarts = 0
        self.trains = 0
        self.inserted = 0

    @rule(cents=st.sampled_from([5, 10, 20, 50, 100, 200]), clear=st.booleans())
    def coin(self, cents: int, clear: bool) -> None:
        self.trains += 1
        train = f"t{self.trains}"
        self.ledger.train_opened(train)
        if clear:
            self.ledger.coin(train, cents)
            self.inserted += cents
        else:
            self.ledger.unclear_coin(train, "test")

    @rule(outcome=st.sampled_from(["cancelled", "abandoned", "refused"]))
    def end(self, outcome: str) -> None:
        if visit := self.ledger.visit():
            self.ledger.end_visit(visit.number, outcome)  # type: ignore[arg-type]

    @rule(price=st.sampled_from([0, 100, 600]), word=st.sampled_from(["printed", "unknown", "failed"]))
    def sell(self, price: int, word: str) -> None:
        visit = self.ledger.open_visit()
        if self.ledger.credit_cents() < price or price == 0:
            return
        commit(self.ledger, visit.number, price)
        self.ledger.begin_printing(visit.number)
        self.ledger.settle_ticket(visit.number, word, claim=word == "failed")  # type: ignore[arg-type]
        self.ledger.end_visit(visit.number, "ticket")

    @rule()
    def restart(self) -> None:
        self.restarts += 1
        self.ledger.close()
        self.ledger = make(self.folder, seed=self.restarts + 100)
        self.ledger.recover()

    @invariant()
    def sums(self) -> None:
        totals = self.ledger.counters()
        assert totals.coins_cents == self.inserted
        assert totals.coins_cents == totals.spent_cents + totals.claimed_credit_cents + totals.credit_cents
        told = events(self.ledger)
        assert [e.seq for e in told] == sorted({e.seq for e in told})
        coins = spent = credit_claims = ticket_claims = unclear = 0
        for event in told:  # as the fleet adds them up: each event's counters are the sums up to itself
            match event.data:
                case m.CoinTaken(cents=cents):
                    coins += cents
                case m.Committed(price_cents=cents):
                    spent += cents
                case m.ClaimOpened(deposit=None, cents=int(cents)):
                    credit_claims += cents
                case m.ClaimOpened(cents=int(cents)):
                    ticket_claims += cents
                case m.CoinUnclear():
                    unclear += 1
            sums = event.counters
            assert (sums.coins_cents, sums.spent_cents, sums.claimed_credit_cents) == (coins, spent, credit_claims)
            assert (sums.claimed_ticket_cents, sums.unclear_coins) == (ticket_claims, unclear)
        assert (coins, spent) == (self.inserted, totals.spent_cents)

    def teardown(self) -> None:
        self.ledger.close()
        self._folder.cleanup()


TestMoneyAddsUp = MoneyAddsUp.TestCase
TestMoneyAddsUp.settings = settings(max_examples=15, stateful_step_count=25, suppress_health_check=list(HealthCheck))
