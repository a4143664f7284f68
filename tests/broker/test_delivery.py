"""Promise 4 on real brokers: a committed deposit reaches the fleet whole, exactly once in effect."""

import asyncio
import os

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
