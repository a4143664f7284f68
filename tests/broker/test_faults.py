"""What may happen to a broker or a fleet, and what must not happen to the outbox then."""

import asyncio
import dataclasses
import os
import secrets
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from edge import messages, seal
from edge.messages import Topics
from edge.uplink.sender import SenderPace
from tests.broker.booth import QUICK, booth
from tests.broker.conftest import Field, started
from tests.broker.outbox import Keys, MemoryOutbox
from tests.broker.proxy import Proxy
from tests.broker.receiver import Receiver


def test_a_broker_killed_and_restarted_in_a_deposit_loses_nothing(field: Field) -> None:
    async def main() -> None:
        outbox = MemoryOutbox(field.keys, "lyon-03")
        deposit = outbox.deposit(os.urandom(1_000_000))
        body = outbox.bodies[deposit.id]
        events = [outbox.event() for _ in range(5)]
        fleet = Receiver(field.address("fleet"), field.keys)
        await fleet.start()
        async with (
            Proxy(field.broker.port, bytes_per_s=1_000_000) as link,
            booth(field.address("lyon-03", link.port), field.keys, outbox) as (uplink, _),
        ):
            await fleet.until(lambda: fleet.chunk_count.total() >= 3)
            field.broker.kill()
            assert deposit.id in outbox.items, "it was killed in the middle"
            field.broker.start()
            await outbox.empty()
            assert uplink.stats.connections >= 2
        assert fleet.whole == {deposit.id: body}
        assert set(fleet.events) == {event.id for event in events}
        fleet.stop()

    asyncio.run(main())


def test_an_offline_fleet_holds_the_outbox_until_it_is_back(field: Field) -> None:
    async def main() -> None:
        outbox = MemoryOutbox(field.keys, "lyon-03")
        fleet = Receiver(field.address("fleet"), field.keys)
        await fleet.start()
        fleet.say(False)
        await fleet.until(lambda: fleet.said[-1:] == [False])
        async with booth(field.address("lyon-03"), field.keys, outbox) as (uplink, _):
            late = outbox.event(ago_s=3600)
            items = [late, outbox.deposit(os.urandom(50_000))]
            for number in range(3):  # health is not held: each report is a round trip in which nothing else came
                uplink.health({"round": str(number)})
                await fleet.until(lambda number=number: len(fleet.health) > number)
            assert uplink.online and uplink.fleet_online is False
            assert not fleet.events and not fleet.manifests and len(outbox.items) == 2
            fleet.say(True)
            await outbox.empty()
            assert set(outbox.delivered) == {item.id for item in items}
            fresh = outbox.event()
            await outbox.empty()
        assert late.id in fleet.historical and fresh.id not in fleet.historical
        fleet.stop()

    asyncio.run(main())


def test_a_receipt_that_is_not_the_fleets_or_not_for_this_item_erases_nothing(
    field: Field, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        outbox = MemoryOutbox(field.keys, "lyon-03")
        fleet = Receiver(field.address("fleet"), field.keys)
        fleet.silent = True
        await fleet.start()
        async with booth(field.address("lyon-03"), field.keys, outbox) as (uplink, alerts):
            deposit, event, last = outbox.deposit(b"face" * 20_000), outbox.event(), outbox.event()
            await fleet.until(lambda: last.id in fleet.events and deposit.id in fleet.whole)
            items = {"deposit": deposit, "event": event}
            forger = seal.FleetSigner(ed25519.Ed25519PrivateKey.generate())
            topic = Topics("lyon-03").receipt
            for kind, item in items.items():
                genuine = fleet.receipt("lyon-03", kind, item)
                fleet.send(genuine, signer=forger)
                fleet.send(genuine, signer=field.keys.signer("nice-01"))
                signed = seal.sign(genuine, field.keys.fleet)
                changed = signed.signed.replace('"result":"stored"', '"result": "stored"')
                fleet.client.publish(topic, messages.encode(seal.Signed(signed=changed, sig=signed.sig)), 1)
                foreign = msgspec.structs.replace(genuine, booth="nice-01")
                fleet.client.publish(topic, messages.encode(seal.sign(foreign, field.keys.fleet)), 1)
                for result in ("stored", "rejected"):
                    fleet.send(msgspec.structs.replace(genuine, sha256="0" * 64, result=result))
                    fleet.send(msgspec.structs.replace(genuine, item_id=secrets.token_hex(16), result=result))
            for garbage in (b"", b"\x00\xff", b"{}", b'{"signed":"x","sig":"y"}', b"[" * 70_000, b'"\\ud800"'):
                fleet.client.publish(topic, garbage, 1)
            fleet.send(fleet.receipt("lyon-03", "event", last))
            await outbox.gone(last)  # its receipt came behind all the others on one topic
            assert set(outbox.items) == {deposit.id, event.id}
            assert outbox.bodies.keys() == {deposit.id}
            assert not outbox.quarantined and not alerts
            assert uplink.stats.receipts_unbelieved == 8 + 6
            assert uplink.stats.receipts_unmatched >= 8
            fleet.silent = False
            await outbox.empty()
        fleet.stop()

    asyncio.run(main())
    assert "ud800" not in caplog.text and '"sig"' not in caplog.text


def test_a_rejected_item_is_quarantined_and_the_rest_goes_on(field: Field) -> None:
    async def main() -> None:
        outbox = MemoryOutbox(field.keys, "lyon-03")
        fleet = Receiver(field.address("fleet"), field.keys)
        bad, good = outbox.deposit(os.urandom(200_000)), outbox.deposit(os.urandom(40_000))
        odd, event = outbox.event(), outbox.event()
        fleet.rejects |= {bad.id: "the same id with another hash", odd.id: "seq already taken"}
        await fleet.start()
        async with booth(field.address("lyon-03"), field.keys, outbox) as (uplink, alerts):
            await outbox.empty()
            sent = uplink.stats.messages
            outbox.event()
            await outbox.empty()
            assert uplink.stats.messages == sent + 1, "what was rejected is not sent again"
        assert outbox.quarantined == fleet.rejects
        assert bad.id in outbox.bodies, "kept sealed for the operator"
        assert {good.id, event.id} <= set(outbox.delivered)
        assert sorted(name for name, _ in alerts) == ["uplink_rejected", "uplink_rejected"]
        fleet.stop()

    asyncio.run(main())


def test_a_fleet_that_loses_a_deposit_is_asked_and_gets_only_what_it_misses(field: Field) -> None:
    async def main() -> None:
        outbox = MemoryOutbox(field.keys, "lyon-03")
        fleet = Receiver(field.address("fleet"), field.keys)
        deposit = outbox.deposit(os.urandom(300_000))
        dropped: set[int] = set()
        take = fleet.take

        def lossy(topic: str, payload: bytes, retain: bool) -> None:
            _, number = Topics.deposit_of(topic) or ("", None)
            if number in (2, 5) and number not in dropped:
                dropped.add(number)
            else:
                take(topic, payload, retain)

        fleet.take = lossy  # type: ignore[method-assign]
        await fleet.start()
        async with booth(field.address("lyon-03"), field.keys, outbox) as (uplink, _):
            await outbox.empty()
            assert uplink.stats.asked_again == 1
        assert {number: count for (_, number), count in fleet.chunk_count.items()} == dict.fromkeys(
            range(deposit.chunks), 1
        )
        fleet.stop()

    asyncio.run(main())


@pytest.mark.parametrize("kind", ["mosquitto", "iotcore"])
def test_a_message_too_long_for_the_broker_never_loops_and_holds_nothing_up(
    kind: str, tmp_path: Path, keys: Keys
) -> None:
    """Mosquitto says its limit and is believed; iotcore says none and cuts: the item steps aside."""

    async def main(field: Field) -> None:
        outbox = MemoryOutbox(field.keys, "lyon-03")
        fleet = Receiver(field.address("fleet"), field.keys)
        await fleet.start()
        deposit, small = outbox.deposit(os.urandom(100_000)), outbox.deposit(os.urandom(5_000))
        pace = dataclasses.replace(
            QUICK, sender=SenderPace(unheard_s=0.3, receipt_s=0.5, aside_s=600, aside_last_s=600)
        )
        async with booth(field.address("lyon-03"), field.keys, outbox, pace=pace) as (uplink, alerts):
            await fleet.until(lambda: small.id in fleet.whole)
            for _ in range(5):
                event = outbox.event()
                await fleet.until(lambda event=event: event.id in fleet.events)
            assert uplink.stats.connections <= (1 if kind == "mosquitto" else 12)
            assert uplink.online
            assert deposit.id in outbox.items and uplink.stats.set_aside == 1
            assert [name for name, _ in alerts] == ["uplink_too_large" if kind == "mosquitto" else "uplink_suspect"]
        fleet.stop()

    with started(kind, tmp_path / "broker", keys, max_packet_bytes=20_000) as broker:
        asyncio.run(main(Field(broker, keys)))
