"""A booth's uplink in a test: real, on the test's loop, with delays short enough not to wait for."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from edge import seal
from edge.uplink.link import Address, LinkPace
from edge.uplink.reports import ReportsPace
from edge.uplink.sender import SenderPace
from edge.uplink.uplink import Pace, Uplink

from .outbox import Keys, MemoryOutbox, clock

QUICK = Pace(
    link=LinkPace(reconnect_first_s=0.02, reconnect_last_s=0.1, will_delay_s=0),
    sender=SenderPace(unheard_s=0.3, receipt_s=0.5, aside_s=0.2, aside_last_s=0.5),
    reports=ReportsPace(every_s=60.0, change_s=0.0),
)
BOUND_S = 40


@asynccontextmanager
async def booth(
    address: Address, keys: Keys, outbox: MemoryOutbox, *, name: str = "lyon-03", pace: Pace = QUICK
) -> AsyncIterator[tuple[Uplink, list[tuple[str, str]]]]:
    """A running uplink and the alerts that it raised; everything inside ends within BOUND_S."""
    alerts: list[tuple[str, str]] = []
    uplink = Uplink(
        name,
        address,
        outbox,
        [seal.load_verify(keys.public("fleet"))],
        boot="boot-1",
        version="0.1.0",
        clock=clock,
        random=random.Random(1),
        alert=lambda alert, what: alerts.append((alert, what)),
        pace=pace,
    )
    async with asyncio.timeout(BOUND_S):
        task = asyncio.create_task(uplink.run())
        try:
            yield uplink, alerts
        finally:
            running = not task.done()
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                assert running, "the uplink ended by itself"
