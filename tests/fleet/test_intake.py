"""What arrives from booths: in any order, repeated, forged, broken. A receipt erases on the booth: it must be true."""

import random
import secrets
from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest

from edge import seal
from edge.messages import (
    CHUNK_BYTES,
    MAX_BODY_BYTES,
    CoinTaken,
    Committed,
    Event,
    Receipt,
    Signed,
    decode,
    encode,
)
from edge.messages import (
    State as StateMessage,
)
from fleet.life import State
from fleet.presence import presences

from .booth import Booth, found_in
from .conftest import NOW, Fleet


@pytest.mark.parametrize("seed", range(12))
def test_a_deposit_is_stored_whole_whatever_the_order_and_however_often(fleet: Fleet, booth: Booth, seed: int) -> None:
    rng = random.Random(seed)
    made = booth.deposit()
    other = booth.deposit(portrait=b"\xff\xd8 another" + bytes(50_000))
    messages = made.messages + other.messages + rng.choices(made.messages, k=5)
    rng.shuffle(messages)
    for topic, payload in messages:
        fleet.take(topic, payload)
    for each in (made, other):
        receipt = fleet.receipt(booth, *each.messages[0])
        assert (receipt.result, receipt.item_id, receipt.sha256) == ("stored", each.id, each.sha256)
        row = fleet.db.execute("SELECT body FROM sealed WHERE deposit = ?", (each.id,)).fetchone()
        assert row["body"] == each.body
    assert fleet.db.execute("SELECT count(*) FROM chunk").fetchone()[0] == 0
    assert fleet.alerts() == {}


def test_a_manifest_sent_again_is_answered_with_the_chunks_that_are_missing(fleet: Fleet, booth: Booth) -> None:
    made = booth.deposit()
    manifest, *chunks = made.messages
    assert fleet.receipt(booth, *manifest).missing == [0, 1, 2]
    assert fleet.take(*chunks[1]) is None
    assert fleet.receipt(booth, *manifest).missing == [0, 2]
    assert fleet.take(*chunks[2]) is None
    assert fleet.receipt(booth, *chunks[0]).result == "stored"


def test_stored_is_said_only_for_bytes_that_fit_the_manifest(fleet: Fleet, booth: Booth) -> None:
    made = booth.deposit()
    manifest, first, *rest = made.messages
    fleet.take(*manifest)
    fleet.take(first[0], secrets.token_bytes(CHUNK_BYTES))
    fleet.take(*rest[0])
    assert fleet.receipt(booth, *rest[1]).result == "rejected"
    assert not fleet.held(made)
    assert "sha256" in fleet.alerts()["deposit_rejected"]
    # the operator orders it to be sent again: nothing of the wrong bytes is in the way
    for message in made.messages:
        fleet.take(*message)
    assert fleet.held(made)


def test_the_same_deposit_id_with_another_manifest_is_rejected_and_the_first_one_stays(
    fleet: Fleet, booth: Booth
) -> None:
    made = fleet.live(booth)
    other = booth.deposit(id=made.id)
    receipt = fleet.receipt(booth, *other.messages[0])
    assert (receipt.result, receipt.sha256) == ("rejected", other.sha256)
    assert fleet.state(made) == State.LIVE
    assert "manifest_rejected" in fleet.alerts()


def test_a_code_that_two_deposits_claim_stays_the_first_ones(fleet: Fleet, booth: Booth, installation: object) -> None:
    made = fleet.live(booth)
    thief = Booth(booth.keys, "nice-01")
    receipt = fleet.receipt(thief, *thief.deposit(code=made.code).messages[0])
    assert receipt.result == "rejected" and made.code not in receipt.why


def test_a_forged_manifest_is_not_answered_and_not_kept(fleet: Fleet, booth: Booth) -> None:
    made = booth.deposit()
    forger = Booth(booth.keys, "nice-01")
    forged = seal.sign(made.manifest, forger.signer)
    assert fleet.take(made.messages[0][0], encode(forged)) is None
    changed = msgspec.structs.replace(made.signed, signed=made.signed.signed.replace(made.visit, "0" * 10))
    assert fleet.take(made.messages[0][0], encode(changed)) is None
    assert fleet.state(made) is None
    assert "signature" in fleet.alerts()["message_unfit"]


def test_a_manifest_for_another_booths_topic_is_rejected(fleet: Fleet, booth: Booth) -> None:
    made = booth.deposit(booth="nice-01")
    assert fleet.receipt(booth, *made.messages[0]).result == "rejected"


@pytest.mark.parametrize(
    "change",
    [{"chunks": 2}, {"visit": "0123456789"}, {"header": "{}"}, {"index": seal.b64(bytes(200))}, {"size": 1}],
    ids=lambda change: next(iter(change)),
)
def test_a_signed_manifest_that_contradicts_itself_is_rejected_with_why(
    fleet: Fleet, booth: Booth, change: dict[str, object]
) -> None:
    receipt = fleet.receipt(booth, *booth.deposit(**change).messages[0])  # type: ignore[arg-type]
    assert receipt.result == "rejected" and receipt.why


@pytest.mark.parametrize("payload", [b"", b"\xff\xfe garbage", b"{}", b"[" * 50_000, b"x" * (MAX_BODY_BYTES + 1)])
def test_garbage_on_any_topic_changes_nothing_and_is_reported(fleet: Fleet, booth: Booth, payload: bytes) -> None:
    made = fleet.live(booth)
    before = [tuple(row) for row in fleet.db.execute("SELECT * FROM deposit")]
    ours = booth.topics
    for topic in (
        ours.state, ours.health, ours.event, ours.manifest(made.id), ours.chunk(made.id, 0), ours.chunk("xyz", 999_999),
        ours.manifest("../../x"), ours.command_answer, "ephoto/v1/_srv/state", "ephoto/v1/unknown/up/event", "x/y", "",
    ):  # fmt: skip
        assert fleet.take(topic, payload) is None
    assert [tuple(row) for row in fleet.db.execute("SELECT * FROM deposit")] == before
    assert {"message_unfit", "unknown_booth"} <= set(fleet.alerts())


def test_an_unknown_booth_is_reported_in_one_row_however_many_names_it_uses(fleet: Fleet, booth: Booth) -> None:
    for n in range(50):
        fleet.take(f"ephoto/v1/stranger-{n}/up/event", booth.coin())
    assert fleet.db.execute("SELECT booth, count FROM alert").fetchall()[0]["count"] == 50
    assert fleet.db.execute("SELECT count(*) FROM event").fetchone()[0] == 0


def test_chunks_of_unknown_deposits_never_take_more_than_the_booths_share(
    make_fleet: Callable[..., Fleet], booth: Booth
) -> None:
    fleet = make_fleet(unfinished_bytes=5 * CHUNK_BYTES)
    for n in range(20):
        fleet.take(booth.topics.chunk(secrets.token_hex(16), n), bytes(CHUNK_BYTES))
        assert fleet.db.execute("SELECT sum(size) FROM chunk").fetchone()[0] <= 5 * CHUNK_BYTES
    made = fleet.live(booth)
    assert fleet.held(made)
    fleet.now += timedelta(days=1)
    fleet.sweep()
    assert fleet.db.execute("SELECT count(*) FROM chunk").fetchone()[0] == 0


def test_unfinished_deposits_never_take_more_than_the_booths_share(
    make_fleet: Callable[..., Fleet], booth: Booth
) -> None:
    fleet = make_fleet(unfinished_bytes=3 * CHUNK_BYTES)
    for _ in range(4):
        for topic, payload in booth.deposit().messages[:-1]:
            fleet.take(topic, payload)
    assert fleet.db.execute("SELECT sum(size) FROM chunk").fetchone()[0] <= 3 * CHUNK_BYTES
    assert "too_many_unfinished" in fleet.alerts()


def test_an_event_is_taken_once_and_receipted_each_time(fleet: Fleet, booth: Booth) -> None:
    coin = booth.coin()
    first, second = (fleet.receipt(booth, booth.topics.event, coin) for _ in range(2))
    assert first.result == second.result == "stored"
    assert first.sha256 == seal.digest(decode(Signed, coin).signed)
    assert fleet.db.execute("SELECT count(*) FROM event").fetchone()[0] == 1


def test_an_event_with_a_known_id_and_other_content_is_rejected(fleet: Fleet, booth: Booth) -> None:
    coin = booth.coin()
    fleet.take(booth.topics.event, coin)
    known = decode(Event, decode(Signed, coin).signed)
    other = encode(seal.sign(msgspec.structs.replace(known, data=CoinTaken(visit="0" * 10, cents=1)), booth.signer))
    assert fleet.receipt(booth, booth.topics.event, other).result == "rejected"
    assert "event_rejected" in fleet.alerts()


def test_a_signed_event_of_an_unknown_kind_or_version_is_rejected_by_name(fleet: Fleet, booth: Booth) -> None:
    known = decode(Event, decode(Signed, booth.coin()).signed)
    for change in ({"type": "coin"}, {"type": "ufo"}):
        text = msgspec.json.decode(encode(known)) | {"v": 2 if change["type"] == "coin" else 1, "data": change}
        raw = msgspec.json.encode(text).decode()
        signed = Signed(signed=raw, sig=seal.b64(booth.signer.sign(raw.encode())))
        receipt = fleet.receipt(booth, booth.topics.event, encode(signed))
        assert (receipt.result, receipt.item_id) == ("rejected", known.id)


def test_events_in_any_order_add_up_and_a_lost_one_is_seen(fleet: Fleet, booth: Booth) -> None:
    events = [booth.coin(cents) for cents in (200, 100, 50, 200)]
    made = booth.deposit()
    events.append(booth.event(Committed(visit=made.visit, deposit=made.id, price_cents=500)))
    for event in (events[4], events[0], events[3], events[1]):
        fleet.take(booth.topics.event, event)
    assert "2 of the items" in fleet.alerts()["items_missing"]
    fleet.take(*made.messages[0])
    assert "1 of the items" in fleet.alerts()["items_missing"]
    fleet.take(booth.topics.event, events[2])
    assert fleet.alerts() == {}


def test_an_item_that_was_only_overtaken_is_never_shown_as_missing(fleet: Fleet, booth: Booth) -> None:
    first, second, third, fourth = (booth.coin() for _ in range(4))
    fleet.take(booth.topics.event, first)
    fleet.take(booth.topics.event, third)
    assert fleet.shown_alerts() == set()
    fleet.now += timedelta(seconds=29)
    fleet.take(booth.topics.event, second)
    fleet.now += timedelta(minutes=1)
    assert fleet.shown_alerts() == set()

    fleet.take(booth.topics.event, booth.coin())  # the fourth stays away
    fleet.now += timedelta(seconds=29)
    assert fleet.shown_alerts() == set()
    fleet.now += timedelta(seconds=1)
    assert fleet.shown_alerts() == {"items_missing"}
    fleet.take(booth.topics.event, fourth)
    assert fleet.shown_alerts() == set()


def test_sums_that_differ_from_the_events_are_reported(fleet: Fleet, booth: Booth) -> None:
    fleet.take(booth.topics.event, booth.coin())
    booth.sums["coins_cents"] += 50
    booth.sums["credit_cents"] += 50
    fleet.take(booth.topics.event, booth.coin())
    assert "coins_cents 450, its events add up to 400" in fleet.alerts()["sums_differ"]


def test_a_ledger_whose_coins_are_not_accounted_for_is_reported(fleet: Fleet, booth: Booth) -> None:
    booth.sums["spent_cents"] += 1
    fleet.take(booth.topics.event, booth.coin())
    assert "ledger_sums" in fleet.alerts()


def test_a_failed_ticket_revokes_and_takes_its_deposits_number_with_it(fleet: Fleet, booth: Booth) -> None:
    coin = booth.coin(800)
    gone = booth.deposit()  # erased from the outbox by its ticket's failing: it is never sent
    fleet.take(booth.topics.event, coin)
    fleet.take(booth.topics.event, booth.event(Committed(visit=gone.visit, deposit=gone.id, price_cents=800)))
    fleet.take(booth.topics.event, booth.claim(gone, "ticket_failed")[1])
    fleet.take(booth.topics.event, booth.word(gone, "failed"))
    assert fleet.alerts() == {}


@pytest.mark.parametrize("word_first", [True, False])
def test_a_failed_word_revokes_erases_and_lets_the_booth_erase_too(
    fleet: Fleet, booth: Booth, word_first: bool
) -> None:
    made = booth.deposit()
    word = booth.word(made, "failed")
    if word_first:
        fleet.take(booth.topics.event, word)
    for message in made.messages:
        fleet.take(*message)
    if not word_first:
        assert fleet.held(made)
        fleet.take(booth.topics.event, word)
    assert fleet.state(made) == State.REVOKED
    assert not fleet.held(made)
    receipt = fleet.receipt(booth, *made.messages[0])
    assert (receipt.result, receipt.why[:7]) == ("stored", "revoked")


@pytest.mark.parametrize("word", ["printed", "unknown"])
@pytest.mark.parametrize("word_first", [True, False])
def test_a_code_lives_by_deposit_and_word_in_either_order(
    fleet: Fleet, booth: Booth, word: str, word_first: bool
) -> None:
    made = booth.deposit()
    told = [(booth.topics.event, booth.word(made, word))]
    for message in told + made.messages if word_first else made.messages + told:
        assert fleet.state(made) != State.LIVE
        fleet.take(*message)
    assert fleet.state(made) == State.LIVE


def test_a_second_word_does_not_kill_a_ticket_in_a_hand(fleet: Fleet, booth: Booth) -> None:
    made = fleet.live(booth)
    fleet.take(booth.topics.event, booth.word(made, "failed"))
    assert fleet.state(made) == State.LIVE
    assert "ticket_settled_twice" in fleet.alerts()


def test_an_expiry_beyond_six_months_is_cut(fleet: Fleet, booth: Booth) -> None:
    made = fleet.live(booth, expires_at=NOW + timedelta(days=400))
    assert "expiry_too_late" in fleet.alerts()
    fleet.now = NOW + timedelta(days=182)
    assert getattr(fleet.redeem(made), "why", None) == "expired"


def test_neither_code_nor_index_seal_is_ever_in_the_database(fleet: Fleet, booth: Booth) -> None:
    made = fleet.live(booth)
    needles = [made.code.encode(), made.index, seal.b64(made.index).encode()]
    assert found_in(fleet.path.parent, needles) == []
    assert found_in(fleet.path.parent, [made.body[1000:1064]]) != []  # the search finds what is there


def test_a_receipt_is_signed_and_of_its_booth(fleet: Fleet, booth: Booth) -> None:
    receipt: Receipt = fleet.receipt(booth, booth.topics.event, booth.coin())
    assert receipt.ts == NOW and receipt.booth == booth.id


def test_presence_comes_from_the_will_and_the_age_of_the_last_report(fleet: Fleet, booth: Booth) -> None:
    def say(online: bool, *, retained: bool = False) -> None:
        state = StateMessage(id="0" * 32, ts=NOW, boot="b", seq=0, online=online, booth=booth.id, version="1.2")
        fleet.take(booth.topics.state, encode(state), retained=retained)

    def shown() -> tuple[str, str]:
        (one,) = [p for p in presences(fleet.db, ["lyon-03"], fleet.now) if p.booth == "lyon-03"]
        return one.state, one.why

    assert shown() == ("unseen", "never")
    say(True)
    assert shown() == ("online", "reports")
    fleet.now += timedelta(seconds=170)
    health = {"ts": NOW.isoformat(), "gate_paper_ok": False, "gate_paper_since": NOW.isoformat(), "gate_pen_ok": None}
    health["warnings"] = "undervoltage now"
    fleet.take(booth.topics.health, msgspec.json.encode(health))
    fleet.now += timedelta(seconds=170)
    assert shown() == ("online", "reports")
    fleet.now += timedelta(seconds=20)
    assert shown() == ("silent", "no_report")
    say(False)
    assert shown() == ("offline", "will")
    (one,) = presences(fleet.db, ["lyon-03"], fleet.now)
    assert [(gate.name, gate.ok) for gate in one.closed] == [("paper", False), ("pen", None)]
    assert one.since == fleet.now and one.version == "1.2" and one.warnings == "undervoltage now"


def test_a_retained_birth_does_not_make_a_booth_seen_now(fleet: Fleet, booth: Booth) -> None:
    fleet.now = NOW + timedelta(hours=5)
    state = StateMessage(id="0" * 32, ts=NOW, boot="b", seq=0, online=True, booth=booth.id)
    fleet.take(booth.topics.state, encode(state), retained=True)
    (one,) = presences(fleet.db, ["lyon-03"], fleet.now)
    assert (one.state, one.last_seen) == ("silent", NOW)
