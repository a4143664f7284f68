"""Promise 3: a code is redeemed at most once, within six months, and no lost answer kills it; erasure when due."""

import secrets
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fleet import claims
from fleet.claims import Claim, NoRefund
from fleet.life import State
from fleet.redemption import Confirmed, Handed, Refused, redeem
from fleet.store import open_store

from .booth import Booth, Made, found_in
from .conftest import NOW, REQUEST, Fleet

HOUR = timedelta(hours=1)


def test_a_redemption_hands_out_exactly_what_the_booth_sealed(fleet: Fleet, booth: Booth) -> None:
    made = fleet.live(booth)
    handed = fleet.redeem(made)
    assert isinstance(handed, Handed)
    assert (handed.body, handed.header, handed.visit) == (made.body, made.manifest.header, made.visit)


def test_one_of_many_racing_threads_wins(fleet: Fleet, booth: Booth) -> None:
    for _ in range(25):
        made = fleet.live(booth, portrait=b"\xff\xd8")
        marks = fleet.keys.peppers.marks(made.code)
        start = threading.Barrier(8)
        answers: list[Handed | Refused] = []

        def race(caller: int, start: threading.Barrier = start, marks: list[bytes] = marks) -> None:
            db = open_store(fleet.path)
            start.wait()
            answers.append(redeem(db, marks, f"caller-{caller % 2}", secrets.token_hex(16), fleet.now))  # noqa: B023
            db.close()

        racers = [threading.Thread(target=race, args=(n,)) for n in range(8)]
        for racer in racers:
            racer.start()
        for racer in racers:
            racer.join()
        assert sum(isinstance(answer, Handed) for answer in answers) == 1
        assert {answer.why for answer in answers if isinstance(answer, Refused)} == {"used"}


RACER = """
import sys
from datetime import datetime
from pathlib import Path
from fleet.redemption import redeem
from fleet.store import open_store
path, mark, request, now = sys.argv[1:]
db = open_store(Path(path))
print("ready", flush=True)
sys.stdin.readline()
print(type(redeem(db, [bytes.fromhex(mark)], "c", request, datetime.fromisoformat(now))).__name__)
"""


def test_one_of_many_racing_processes_wins(fleet: Fleet, booth: Booth) -> None:
    made = fleet.live(booth)
    mark = fleet.keys.peppers.current.mark(made.code).hex()
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, str(fleet.path), mark, secrets.token_hex(16), NOW.isoformat()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(6)
    ]
    for racer in racers:
        assert racer.stdout is not None and racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    answers = [racer.communicate()[0].strip() for racer in racers]
    assert sorted(answers) == ["Handed"] + ["Refused"] * 5


def test_a_lost_answer_is_given_again_to_the_same_caller_and_request_only(fleet: Fleet, booth: Booth) -> None:
    made = fleet.live(booth)
    first = fleet.redeem(made)
    fleet.now += 71 * HOUR
    fleet.sweep()
    assert fleet.redeem(made) == first
    for caller, request in (("other", REQUEST), ("prefecture", "b" * 32)):
        assert fleet.redeem(made, caller, request) == Refused("used", NOW)


def test_after_72_hours_the_same_request_is_refused_and_the_deposit_erased(fleet: Fleet, booth: Booth) -> None:
    made = fleet.live(booth)
    fleet.redeem(made)
    fleet.now += 72 * HOUR
    assert fleet.redeem(made) == Refused("used", NOW)
    fleet.sweep()
    assert not fleet.held(made)
    assert fleet.redeem(made) == Refused("used", NOW)


def test_confirming_erases_at_once_from_the_file_and_its_log(fleet: Fleet, booth: Booth) -> None:
    made = fleet.live(booth)
    fleet.redeem(made)
    needles = [made.body[at : at + 64] for at in range(0, len(made.body) - 64, 4096)]
    assert found_in(fleet.path.parent, needles)
    assert fleet.confirm() == Confirmed(fleet.confirm().key, "received")  # type: ignore[union-attr]
    assert found_in(fleet.path.parent, needles) == []
    assert fleet.redeem(made) == Refused("used", NOW)


def test_a_rejected_applications_code_stays_used_and_carries_one_claim(fleet: Fleet, booth: Booth) -> None:
    made = fleet.live(booth)
    fleet.redeem(made)
    fleet.confirm()
    for _ in range(2):
        assert isinstance(fleet.confirm("rejected", "portrait"), Confirmed)
    assert fleet.confirm("accepted") == "already_confirmed"
    assert fleet.state(made) == State.USED
    assert fleet.redeem(made) == Refused("used", NOW)
    (claim,) = claims.open_claims(fleet.db)
    assert (claim.cents, claim.reason, claim.visit) == (800, "rejected_application", made.visit)
    assert isinstance(claims.refund(fleet.db, claim.number, None, fleet.now), Claim)
    assert fleet.redeem(made) == Refused("used", NOW)


def test_a_request_id_redeems_one_code_only(fleet: Fleet, booth: Booth) -> None:
    first, second = fleet.live(booth), fleet.live(booth)
    fleet.redeem(first)
    assert fleet.redeem(second) == Refused("request_reused")
    assert fleet.state(second) == State.LIVE


def test_every_state_has_its_own_refusal(fleet: Fleet, booth: Booth) -> None:
    pending = booth.deposit()
    assert fleet.redeem(pending) == Refused("not_seen")
    fleet.take(*pending.messages[0])
    assert fleet.redeem(pending) == Refused("pending", NOW)
    revoked = booth.deposit()
    for message in revoked.messages:
        fleet.take(*message)
    fleet.take(booth.topics.event, booth.word(revoked, "failed"))
    assert fleet.redeem(revoked) == Refused("revoked", NOW)


def test_a_code_works_until_its_last_second_in_paris_and_never_after(fleet: Fleet, booth: Booth) -> None:
    last_second = datetime(2027, 5, 23, 21, 59, 59, tzinfo=UTC)
    made, late = (fleet.live(booth, expires_at=last_second) for _ in range(2))
    fleet.now = last_second - timedelta(seconds=1)
    fleet.sweep()
    assert isinstance(fleet.redeem(made), Handed)
    fleet.now = last_second
    assert fleet.redeem(late, request="c" * 32) == Refused("expired", last_second)
    assert fleet.held(late)
    fleet.sweep()
    assert fleet.state(late) == State.EXPIRED
    assert fleet.redeem(late, request="c" * 32) == Refused("expired", last_second)


def erased_when(fleet: Fleet, made: Made, due: datetime) -> None:
    fleet.now = due - timedelta(seconds=1)
    fleet.sweep()
    before = fleet.db.execute("SELECT erased_ms FROM deposit WHERE id = ?", (made.id,)).fetchone()
    assert before["erased_ms"] is None
    fleet.now = due
    fleet.sweep()
    fleet.sweep()
    left = fleet.db.execute(
        "SELECT (SELECT count(*) FROM sealed) + (SELECT count(*) FROM chunk) FROM deposit WHERE id = ?", (made.id,)
    ).fetchone()
    assert left[0] == 0
    assert found_in(fleet.path.parent, [made.body[5000:5064]]) == []


def test_an_expired_deposit_is_erased_after_seven_days_and_its_row_a_year_later(fleet: Fleet, booth: Booth) -> None:
    made = fleet.live(booth)
    due = made.expires_at + timedelta(days=7)
    erased_when(fleet, made, due)
    fleet.now = due.replace(year=due.year + 1) - timedelta(seconds=1)
    fleet.sweep()
    assert getattr(fleet.redeem(made), "why", None) == "expired"
    fleet.now += timedelta(seconds=1)
    assert fleet.sweep().rows == 1
    assert fleet.redeem(made) == Refused("not_seen")


@pytest.mark.parametrize("whole", [True, False])
def test_what_is_pending_without_end_is_erased_after_30_days_and_reported(
    fleet: Fleet, booth: Booth, whole: bool
) -> None:
    made = booth.deposit()
    for message in made.messages if whole else made.messages[:-1]:
        fleet.take(*message)
    erased_when(fleet, made, NOW + timedelta(days=30))
    assert made.visit in fleet.alerts()["pending_without_end"]
    assert getattr(fleet.redeem(made), "why", None) == "pending"


def test_a_booth_that_comes_back_after_30_days_still_delivers_a_deposit_that_was_never_whole(
    fleet: Fleet, booth: Booth
) -> None:
    made = booth.deposit()
    for message in made.messages[:-1]:
        fleet.take(*message)
    fleet.take(booth.topics.event, booth.word(made))
    fleet.now += timedelta(days=40)
    fleet.sweep()
    assert fleet.receipt(booth, *made.messages[0]).missing == [0, 1, 2]
    fleet.sweep()
    for message in made.messages[1:]:
        fleet.take(*message)
    assert isinstance(fleet.redeem(made), Handed)


def test_refunding_a_tickets_claim_revokes_its_code_also_before_it_arrives(fleet: Fleet, booth: Booth) -> None:
    here, coming = fleet.live(booth), booth.deposit()
    for made in (here, coming):
        number, event = booth.claim(made, "ticket_unknown")
        fleet.take(booth.topics.event, event)
        assert isinstance(claims.refund(fleet.db, number, None, fleet.now), Claim)
        assert claims.refund(fleet.db, number, None, fleet.now) == NoRefund("refunded")
    assert (fleet.state(here), fleet.held(here)) == (State.REVOKED, False)
    assert fleet.receipt(booth, *coming.messages[0]).result == "stored"
    assert fleet.redeem(coming) == Refused("revoked", NOW)


def test_a_used_codes_ticket_is_not_refunded(fleet: Fleet, booth: Booth) -> None:
    made = fleet.live(booth)
    number, event = booth.claim(made, "ticket_unknown")
    fleet.take(booth.topics.event, event)
    fleet.redeem(made)
    assert claims.refund(fleet.db, number, None, fleet.now) == NoRefund("code_used")
    assert fleet.state(made) == State.USED


def test_refunding_change_revokes_nothing(fleet: Fleet, booth: Booth) -> None:
    made = fleet.live(booth)
    number, event = booth.claim(made, "change", 200)
    fleet.take(booth.topics.event, event)
    claims.refund(fleet.db, number, None, fleet.now)
    assert isinstance(fleet.redeem(made), Handed)


def test_an_unclear_coin_is_refunded_with_the_amount_that_the_operator_sets(fleet: Fleet, booth: Booth) -> None:
    number, event = booth.claim(booth.deposit(), "unclear_coin", None)
    fleet.take(booth.topics.event, event)
    assert claims.refund(fleet.db, number, None, fleet.now) == NoRefund("amount_unknown")
    refunded = claims.refund(fleet.db, number, 200, fleet.now)
    assert isinstance(refunded, Claim) and refunded.cents == 200
    assert claims.open_claims(fleet.db) == []


def test_codes_marked_with_an_older_pepper_still_match(fleet: Fleet, booth: Booth, tmp_path: Path) -> None:
    from fleet.pepper import Pepper, Peppers

    made = fleet.live(booth)
    (tmp_path / "new").write_text(secrets.token_hex(32))
    newer = Peppers((Pepper.from_file(tmp_path / "new"), fleet.keys.peppers.current))
    assert isinstance(redeem(fleet.db, newer.marks(made.code), "c", REQUEST, fleet.now), Handed)
