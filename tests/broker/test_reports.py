"""What the booth says of itself: on and off at once, health on change, and little when idle."""

import asyncio
import dataclasses
import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from edge.gate import CONDITIONS, Gate
from edge.uplink.link import LinkPace
from edge.uplink.reports import PACKET_BYTES, PUBLISH_BYTES, Reports, ReportsPace, TooMuchHealth, idle_bytes_per_day
from edge.uplink.uplink import Pace
from hw.host import Host
from tests.broker.booth import QUICK, booth
from tests.broker.conftest import Field
from tests.broker.outbox import MemoryOutbox, clock
from tests.broker.proxy import Proxy
from tests.broker.receiver import Receiver

HOST = Host(
    power=0, power_since_boot=0, soc_celsius=48.3, memory_free_mb=3210, cma_free_mb=456, disk_life_used_percent=10,
    disk_end_of_life="normal", disk_errors=0, modem_state="connected", modem_signal_percent=72, door_open=False,
)  # fmt: skip
NOW = datetime(2026, 11, 23, 8, 0, 0, tzinfo=UTC)


def idle_health() -> dict[str, Any]:
    """The real gate with all conditions well, and the daemon's other fields (edge/health.py) with large figures."""
    gate = Gate(NOW)
    gate.update(dict.fromkeys(CONDITIONS, (True, "")), NOW)
    return {
        "version": "0.1.0", "place": "Gare de Lyon, Paris, hall 20", **gate.flat(NOW + timedelta(days=1000)),
        "uptime_s": 12_345_678,
        "memory_max_mb": 100, "disk_free_mb": 123_456, "outbox_items": 0, "outbox_quarantined": 0, "outbox_bytes": 0,
        "uplink_online": True, "coins_cents": 1_234_500, "credit_cents": 0, "unclear_coins": 12, **HOST.flat(),
    }  # fmt: skip


def test_an_idle_booth_sends_at_most_2_megabytes_a_day(tls_field: Field) -> None:
    """The figure behind each report is measured on a real TLS connection; TCP/IP headers are reckoned."""
    count = 20
    sizes: list[int] = []

    async def main() -> None:
        fleet = Receiver(tls_field.address("fleet"), tls_field.keys)
        await fleet.start()
        outbox = MemoryOutbox(tls_field.keys, "lyon-03")
        async with (
            Proxy(tls_field.broker.port) as link,
            booth(tls_field.address("lyon-03", link.port), tls_field.keys, outbox) as (uplink, _),
        ):
            for number in range(count + 1):
                # a change of words is sent at once; this one makes the report no longer than it is
                uplink.health({**idle_health(), "place": f"Gare de Lyon, Paris, hall {number:02d}"})
                await fleet.until(
                    lambda number=number: (
                        f"hall {number:02d}".encode() in fleet.health[-1:][0] if fleet.health else False
                    )
                )
                sizes.append(link.up_bytes)
        fleet.stop()

    asyncio.run(main())
    measured = (sizes[-1] - sizes[0]) / count
    reports = Reports(
        "lyon-03", boot="a" * 36, version="0.1.0", clock=lambda: datetime.now(UTC), random=random.Random(1),
        pace=ReportsPace(),
    )  # fmt: skip
    reports.update(idle_health())
    report = reports.health()
    reckoned = len(report.topic) + len(report.payload) + PUBLISH_BYTES + PACKET_BYTES - 52
    assert measured <= reckoned <= measured * 1.1
    assert idle_bytes_per_day(report, ReportsPace(), LinkPace()) <= 2_000_000


def test_health_is_sent_at_once_on_a_change_of_words_and_not_of_numbers(field: Field) -> None:
    async def main() -> None:
        fleet = Receiver(field.address("fleet"), field.keys)
        await fleet.start()
        outbox = MemoryOutbox(field.keys, "lyon-03")
        async with booth(field.address("lyon-03"), field.keys, outbox) as (uplink, _):
            uplink.health({"gate_paper_ok": True, "cpu_celsius": 40})
            await fleet.until(lambda: b'"gate_paper_ok":true' in b"".join(fleet.health))
            before = len(fleet.health)
            uplink.health({"gate_paper_ok": True, "cpu_celsius": 41})
            outbox.event()
            await outbox.empty()  # a whole round trip later nothing came
            assert len(fleet.health) == before
            uplink.health({"gate_paper_ok": None, "cpu_celsius": 42})
            await fleet.until(lambda: len(fleet.health) > before)
            assert json.loads(fleet.health[-1])["gate_paper_ok"] is None
            assert json.loads(fleet.health[-1])["cpu_celsius"] == 42
        fleet.stop()

    asyncio.run(main())


def test_birth_goodbye_and_last_will_tell_whether_the_booth_is_there(field: Field) -> None:
    # no will is due when the next connection takes the session over before the broker saw the end of the first
    link_pace = dataclasses.replace(QUICK.link, reconnect_first_s=1.0, reconnect_last_s=1.0)
    pace = dataclasses.replace(QUICK, link=link_pace)

    async def main() -> None:
        fleet = Receiver(field.address("fleet"), field.keys)
        await fleet.start()
        outbox = MemoryOutbox(field.keys, "lyon-03")
        async with Proxy(field.broker.port) as link:
            async with booth(field.address("lyon-03", link.port), field.keys, outbox):
                await fleet.until(lambda: [state.online for state in fleet.states] == [True])
            await fleet.until(lambda: [state.online for state in fleet.states] == [True, False])
            before = len(fleet.health)
            async with booth(field.address("lyon-03", link.port), field.keys, outbox, pace=pace):
                await fleet.until(lambda: len(fleet.health) > before)  # sent once it is up
                link.cut()  # no word to the broker: it publishes the will
                await fleet.until(lambda: sum(not state.online for state in fleet.states) == 2)
                await fleet.until(lambda: fleet.states[-1].online)
        assert link.connections >= 3
        fleet.stop()

    asyncio.run(main())


def test_a_reconnect_within_the_wills_delay_shows_no_outage(tls_field: Field) -> None:
    """A booth that is cut later and stays away is told after the same delay: by then the first one's will was due."""

    def pace(reconnect_s: float) -> Pace:
        link = LinkPace(will_delay_s=1, reconnect_first_s=reconnect_s, reconnect_last_s=reconnect_s)
        return dataclasses.replace(QUICK, link=link)

    async def main() -> None:
        keys, port = tls_field.keys, tls_field.broker.port
        fleet = Receiver(tls_field.address("fleet"), keys)
        await fleet.start()
        async with Proxy(port) as link, Proxy(port) as other:
            lyon, nice = tls_field.address("lyon-03", link.port), tls_field.address("nice-01", other.port)
            async with (
                booth(lyon, keys, MemoryOutbox(keys, "lyon-03"), pace=pace(0.1)) as (uplink, _),
                booth(nice, keys, MemoryOutbox(keys, "nice-01"), pace=pace(1000.0), name="nice-01"),
            ):
                await fleet.until(lambda: len(fleet.health) == 2)
                link.cut()
                await fleet.until(lambda: len(fleet.health) == 3)
                assert uplink.stats.connections == 2
                other.cut()
                await fleet.until(lambda: not all(state.online for state in fleet.states))
                assert [state.booth for state in fleet.states if not state.online] == ["nice-01"]
        fleet.stop()

    asyncio.run(main())


def test_a_report_that_no_receiver_would_read_is_refused_at_once() -> None:
    reports = Reports("lyon-03", boot="b", version="", clock=clock, random=random.Random(1), pace=ReportsPace())
    with pytest.raises(TooMuchHealth):
        reports.update({"note": "x" * 70_000})
