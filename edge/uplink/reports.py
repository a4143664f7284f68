"""What the booth says of itself: birth, last will, goodbye and health. Never looks into the outbox or at a customer.

An idle booth sends at most 2 MB a day in all (docs/uplink.md); `idle_bytes_per_day` is the arithmetic.
"""

import asyncio
import random as randomness
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec

from ..messages import MAX_BODY_BYTES, VERSION, State, Topics, encode
from .link import Connection, LinkPace, Outgoing, PublishError

HealthValue = str | int | float | bool | None
HEALTH_EXPIRY_S = 3600
DAY_S = 86400

PUBLISH_BYTES = 11
"""A health report besides topic and payload: fixed header 3, topic length 2, properties 1 + 5."""
PACKET_BYTES = 52 + 22
"""What TCP/IPv4 with timestamps and a TLS 1.3 record put around a message."""
ACK_BYTES = 52
"""A bare TCP acknowledgement, sent for what the broker says."""


@dataclass(frozen=True)
class ReportsPace:
    """The health report's delays in seconds."""

    every_s: float = 60.0
    change_s: float = 5.0  # a change is told at once, but no two reports are closer than this


class TooMuchHealth(ValueError):
    """The report is longer than any receiver reads."""


class Reports:
    """Makes the booth's own messages and sends its health while the link is up."""

    def __init__(
        self,
        booth: str,
        *,
        boot: str,
        version: str,
        clock: Callable[[], datetime],
        random: randomness.Random,
        pace: ReportsPace,
    ) -> None:
        self._booth, self._boot, self._version = booth, boot, version
        self._clock, self._random, self._pace = clock, random, pace
        self._topics = Topics(booth)
        self._seq = 0
        self._health: dict[str, HealthValue] = {}
        self._changed = asyncio.Event()

    def state(self, online: bool) -> Outgoing:
        """Birth (True), last will and goodbye (False): retained on one topic."""
        state = State(
            id=self._id(),
            ts=self._clock(),
            boot=self._boot,
            seq=self._next(),
            online=online,
            booth=self._booth,
            version=self._version,
        )
        return Outgoing(self._topics.state, encode(state), retain=True)

    def update(self, health: Mapping[str, HealthValue]) -> None:
        """The report from now on. A change of anything but a number is sent soon, numbers go with the next report.

        TooMuchHealth above MAX_BODY_BYTES; values are flat, units stand in the names.
        """
        if len(msgspec.json.encode(health)) > MAX_BODY_BYTES - 512:
            raise TooMuchHealth(f"a health report has at most {MAX_BODY_BYTES - 512} bytes")
        if _words(health) != _words(self._health):
            self._changed.set()
        self._health = dict(health)

    def link_down(self) -> None:
        self._changed.set()

    async def run(self, connection: Connection) -> None:
        """Sends health on this connection: at once, on change, and every `every_s`. Returns at the connection's end."""
        clock = asyncio.get_running_loop().time
        while not connection.is_over:
            self._changed.clear()
            sent_s = clock()
            try:
                await connection.publish(self.health())
            except PublishError:
                return
            try:
                async with asyncio.timeout_at(sent_s + self._pace.every_s):
                    await self._changed.wait()
            except TimeoutError:
                continue
            if not connection.is_over:
                await asyncio.sleep(sent_s + self._pace.change_s - clock())

    def health(self) -> Outgoing:
        """The report as it is sent."""
        body: dict[str, object] = {
            "v": VERSION,
            "id": self._id(),
            "ts": self._clock().replace(microsecond=0),
            "boot": self._boot,
            "seq": self._next(),
            **self._health,
        }
        return Outgoing(
            self._topics.health,
            msgspec.json.encode(body),
            qos=0,
            retain=True,
            expiry_s=HEALTH_EXPIRY_S,
            content_type=None,  # 27 kB a day
        )

    def _id(self) -> str:
        return f"{self._random.getrandbits(128):032x}"

    def _next(self) -> int:
        self._seq += 1
        return self._seq


def idle_bytes_per_day(report: Outgoing, reports: ReportsPace, link: LinkPace) -> int:
    """What a booth without customers sends in a day, TLS and TCP/IP included: reports, pings, acknowledgements."""
    report_bytes = len(report.topic) + len(report.payload) + PUBLISH_BYTES + PACKET_BYTES
    ping_bytes = 2 + PACKET_BYTES + ACK_BYTES
    # paho pings when either direction was silent for a keepalive; reports are unanswered, so about that often
    return int(DAY_S / reports.every_s * report_bytes + DAY_S / link.keepalive_s * ping_bytes)


def _words(health: Mapping[str, HealthValue]) -> dict[str, HealthValue]:
    return {name: value for name, value in health.items() if isinstance(value, bool | str | None)}
