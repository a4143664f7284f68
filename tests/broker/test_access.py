"""Who may do what: provisioning/broker's access list on a real mosquitto with TLS."""

import asyncio
import secrets
import ssl

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from edge.messages import Topics
from edge.uplink.link import Address, Tls
from tests.broker.booth import booth
from tests.broker.conftest import Field
from tests.broker.outbox import MemoryOutbox
from tests.broker.receiver import Receiver, Watcher

LYON, NICE = Topics("lyon-03"), Topics("nice-01")


def test_a_booth_writes_only_its_own_branch(tls_field: Field) -> None:
    async def main() -> None:
        nice = Watcher(tls_field.address("nice-01"), "nice-01", NICE.receipt)
        await nice.start()
        forbidden = [
            LYON.state, LYON.event, LYON.health, LYON.manifest("0" * 32), LYON.chunk("0" * 32, 0), LYON.receipt,
            LYON.command, NICE.receipt, NICE.command, Topics.SERVER_STATE, "ephoto/v1/nice-01", "elsewhere",
        ]  # fmt: skip
        for topic in forbidden:
            nice.client.publish(topic, b"x", 1)
        await asyncio.wait_for(nice.until(lambda: len(nice.refused) == len(forbidden)), 20)
        assert set(nice.refused) == {"Not authorized"}
        nice.stop()

    asyncio.run(main())


@pytest.mark.parametrize("who", ["nice-01", "observer"])
def test_nobody_reads_another_booths_branch(tls_field: Field, who: str) -> None:
    async def main() -> None:
        curious = Watcher(tls_field.address(who), who)
        curious.topics = ["#", "ephoto/#", LYON.receipt, LYON.command, Topics.SERVER_STATE]
        await curious.start()
        outbox = MemoryOutbox(tls_field.keys, "lyon-03")
        outbox.deposit(b"face" * 20_000)
        fleet = Receiver(tls_field.address("fleet"), tls_field.keys)
        await fleet.start()
        async with booth(tls_field.address("lyon-03"), tls_field.keys, outbox):
            await outbox.empty()
        # the fleet's word to the curious one itself comes last, behind all that was not for it
        fleet.client.publish(Topics(who).receipt, b"last", 1)
        fleet.say(False)
        if who == "nice-01":
            await asyncio.wait_for(curious.until(lambda: (NICE.receipt, b"last") in curious.seen), 20)
            assert {topic for topic, _ in curious.seen} <= {NICE.receipt, Topics.SERVER_STATE}
        else:
            await asyncio.wait_for(curious.until(lambda: Topics.SERVER_STATE in dict(curious.seen)), 20)
            assert {topic for topic, _ in curious.seen} <= {Topics(who).receipt, Topics.SERVER_STATE}
        curious.stop()
        fleet.stop()

    asyncio.run(main())


def test_another_booths_certificate_cannot_take_a_client_id_over(tls_field: Field) -> None:
    async def main() -> None:
        outbox = MemoryOutbox(tls_field.keys, "lyon-03")
        fleet = Receiver(tls_field.address("fleet"), tls_field.keys)
        await fleet.start()
        async with booth(tls_field.address("lyon-03"), tls_field.keys, outbox) as (uplink, _):
            outbox.event()
            await outbox.empty()
            thief = Watcher(tls_field.address("nice-01"), "lyon-03", LYON.receipt)
            await thief.start()
            for _ in range(3):
                outbox.event()
                await outbox.empty()
            assert uplink.stats.connections == 1, "it was thrown out"
            assert thief.seen == []
            thief.stop()
        fleet.stop()

    asyncio.run(main())


def test_a_booth_that_joins_the_fleets_share_may_delay_but_loses_nothing(tls_field: Field) -> None:
    """Mosquitto's access list knows no subscriptions: what the share hands to the thief is dropped, and sent again."""

    async def main() -> None:
        outbox = MemoryOutbox(tls_field.keys, "lyon-03")
        fleet = Receiver(tls_field.address("fleet"), tls_field.keys)
        thief = Watcher(tls_field.address("nice-01"), "nice-01", Topics.FLEET_EVENTS)
        await fleet.start()
        await thief.start()
        async with booth(tls_field.address("lyon-03"), tls_field.keys, outbox):
            events = {outbox.event().id for _ in range(6)}
            await outbox.empty()
        assert events == set(fleet.events)
        assert thief.seen == []
        thief.stop()
        fleet.stop()

    asyncio.run(main())


def test_without_a_certificate_of_the_fleets_authority_nobody_comes_in(tls_field: Field) -> None:
    context = ssl.create_default_context(cafile=str(tls_field.keys.folder / "ca/cert.pem"))
    client = mqtt.Client(CallbackAPIVersion.VERSION2, secrets.token_hex(4), protocol=mqtt.MQTTv5)
    client.tls_set_context(context)
    answers: list[str] = []
    client.on_connect = lambda _c, _u, _f, reason, _p: answers.append(str(reason))
    try:
        client.connect("127.0.0.1", tls_field.broker.port)
        for _ in range(20):
            if client.loop(0.2) != mqtt.MQTT_ERR_SUCCESS:
                break
    except OSError as error:
        answers.append(type(error).__name__)
    assert "Success" not in answers


def test_a_broker_of_another_authority_is_not_spoken_to(tls_field: Field, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        folder = tls_field.keys.folder
        own = Tls(
            folder / "booths/lyon-03/cert.pem", folder / "booths/lyon-03/cert.pem", folder / "booths/lyon-03/key.pem"
        )
        outbox = MemoryOutbox(tls_field.keys, "lyon-03")
        address = Address("127.0.0.1", tls_field.broker.port, own)
        told = asyncio.Event()
        seen = caplog.filtering(lambda record: told.set() or True)  # type: ignore[arg-type]
        async with booth(address, tls_field.keys, outbox) as (uplink, _):
            outbox.event()
            with seen:
                await asyncio.wait_for(told.wait(), 20)
            assert "CERTIFICATE_VERIFY_FAILED" in uplink.why
            assert not uplink.online and uplink.stats.messages == 0

    asyncio.run(main())
