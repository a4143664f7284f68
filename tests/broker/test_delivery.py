"""Promise 4 on real brokers: a committed deposit reaches the fleet whole, exactly once in effect."""

import asyncio
import os
from typing import Any

import paho.mqtt.client as mqtt
import pytest

from tests.broker.booth import booth
from tests.broker.conftest import Field
from tests.broker.outbox import MemoryOutbox
from tests.broker.proxy import Proxy
from tests.broker.receiver import Receiver


def test_a_deposit_and_events_arrive_whole_and_leave_the_outbox_on_receipts(field: Field) -> None:
    async def main() -> None:
        outbox = MemoryOutbox(field.keys, "lyon-03")
        deposit = outbox.deposit(os.urandom(300_000))
        body = outbox.bodies[deposit.id]
        events = [outbox.event() for _ in range(30)]
        fleet = Receiver(field.address("fleet"), field.keys)
        await fleet.start()
        async with booth(field.address("lyon-03"), field.keys, outbox) as (uplink, alerts):
            await outbox.empty()
            assert uplink.online and uplink.fleet_online
        assert fleet.whole == {deposit.id: body}
        assert set(fleet.events) == {event.id for event in events}
        assert alerts == []
        fleet.stop()

    asyncio.run(main())


def test_a_deposit_arrives_whole_once_through_a_flapping_link(field: Field) -> None:
    async def main() -> None:
        outbox = MemoryOutbox(field.keys, "lyon-03")
        deposit = outbox.deposit(os.urandom(500_000))
        body = outbox.bodies[deposit.id]
        events = [outbox.event() for _ in range(20)]
        fleet = Receiver(field.address("fleet"), field.keys)
        await fleet.start()
        async with (
            Proxy(field.broker.port, cut_after_bytes=110_000, cuts=12) as link,
            booth(field.address("lyon-03", link.port), field.keys, outbox) as (uplink, _),
        ):
            await outbox.empty()
            assert link.cuts >= 3
            assert uplink.stats.connections >= link.cuts
        assert fleet.whole == {deposit.id: body}
        assert fleet.completed[deposit.id] == 1
        assert outbox.delivered.count(deposit.id) == 1
        assert set(fleet.events) == {event.id for event in events}
        assert sum(fleet.chunk_count.values()) < 3 * deposit.chunks, "resumed, not begun again"
        fleet.stop()

    asyncio.run(main())


def test_paho_never_holds_more_than_two_messages(tls_field: Field, monkeypatch: pytest.MonkeyPatch) -> None:
    """It keeps them in memory only, and would send them all at once on its own account."""
    held: list[int] = []
    publish = mqtt.Client.publish

    def counted(self: mqtt.Client, *arguments: Any) -> mqtt.MQTTMessageInfo:
        info = publish(self, *arguments)
        if self._client_id == b"lyon-03":
            held.append(len(self._out_messages))
        return info

    async def main() -> None:
        outbox = MemoryOutbox(tls_field.keys, "lyon-03")
        outbox.deposit(os.urandom(600_000))
        for _ in range(40):
            outbox.event()
        fleet = Receiver(tls_field.address("fleet"), tls_field.keys)
        await fleet.start()
        async with booth(tls_field.address("lyon-03"), tls_field.keys, outbox):
            await outbox.empty()
        fleet.stop()

    monkeypatch.setattr(mqtt.Client, "publish", counted)
    asyncio.run(main())
    assert max(held) == 2


def test_a_big_deposit_holds_no_event_up(field: Field) -> None:
    async def main() -> None:
        outbox = MemoryOutbox(field.keys, "lyon-03")
        deposit = outbox.deposit(os.urandom(2_000_000))
        fleet = Receiver(field.address("fleet"), field.keys)
        await fleet.start()
        async with (
            Proxy(field.broker.port, bytes_per_s=2_000_000) as link,
            booth(field.address("lyon-03", link.port), field.keys, outbox),
        ):
            await fleet.until(lambda: fleet.chunk_count.total() >= 5)
            before = fleet.chunk_count.total()
            event = outbox.event()
            await fleet.until(lambda: event.id in fleet.events)
            assert fleet.chunk_count.total() - before <= 10
            assert deposit.id in outbox.items
        fleet.stop()

    asyncio.run(main())


def test_a_fresh_deposit_goes_before_an_old_backlog(field: Field) -> None:
    async def main() -> None:
        outbox = MemoryOutbox(field.keys, "lyon-03")
        backlog = [outbox.deposit(os.urandom(100_000)) for _ in range(6)]
        fleet = Receiver(field.address("fleet"), field.keys)
        await fleet.start()
        async with (
            Proxy(field.broker.port, bytes_per_s=500_000) as link,
            booth(field.address("lyon-03", link.port), field.keys, outbox),
        ):
            await fleet.until(lambda: fleet.chunk_count.total() >= 1)
            fresh = outbox.deposit(os.urandom(100_000))
            await outbox.empty()
        assert outbox.delivered.index(fresh.id) == 1, "right behind the one under way"
        assert set(outbox.delivered) == {fresh.id, *(item.id for item in backlog)}
        fleet.stop()

    asyncio.run(main())
