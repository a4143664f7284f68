"""The booth's uplink as one object: the daemon gives it an outbox and health, and learns whether the fleet is there.

Never decides what is sold: a booth without a link goes on, and its outbox waits.
"""

import asyncio
import dataclasses
import random as randomness
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ..messages import Topics
from ..seal import VerifyKey
from .link import Address, Connection, Link, LinkPace
from .outbox import Outbox
from .reports import HealthValue, Reports, ReportsPace
from .sender import Sender, SenderPace, Stats


@dataclass(frozen=True)
class Pace:
    """Every delay of the uplink; tests pass shorter ones."""

    link: LinkPace = field(default_factory=LinkPace)
    sender: SenderPace = field(default_factory=SenderPace)
    reports: ReportsPace = field(default_factory=ReportsPace)


class Uplink:
    """Runs as one task of the daemon's TaskGroup; everything else here may be called at any time from the loop."""

    def __init__(
        self,
        booth: str,
        address: Address,
        outbox: Outbox,
        fleet_keys: Sequence[VerifyKey],
        *,
        boot: str,
        version: str,
        clock: Callable[[], datetime],
        random: randomness.Random,
        alert: Callable[[str, str], None],
        pace: Pace = Pace(),
    ) -> None:
        """`clock` gives aware UTC times. `alert(name, what)` is called on the loop, its names are `uplink_rejected`,
        `uplink_too_large`, `uplink_refused`, `uplink_suspect`. OSError where the TLS files cannot be used."""
        self._clock = clock
        self._stats = Stats()
        self._changes = asyncio.Queue[Connection]()
        self._reports = Reports(booth, boot=boot, version=version, clock=clock, random=random, pace=pace.reports)
        self._sender = Sender(
            booth,
            outbox,
            fleet_keys,
            clock=clock,
            random=random,
            alert=alert,
            pace=pace.sender,
            stats=self._stats,
        )
        self._link = Link(
            address,
            booth,
            topics=[Topics.SERVER_STATE, Topics(booth).receipt],
            state=self._reports.state,
            received=self._sender.receive,
            up=self._up,
            down=self._down,
            random=random,
            pace=pace.link,
        )
        self.online = False
        self.since = clock()
        self.why = "not connected yet"

    @property
    def fleet_online(self) -> bool | None:
        """Whether the fleet says that it is there; None while nothing was heard."""
        return self._sender.fleet_online

    @property
    def stats(self) -> Stats:
        """A copy of the counts."""
        return dataclasses.replace(self._stats)

    def health(self, report: Mapping[str, HealthValue]) -> None:
        """The health report from now on: flat, units in the names. See Reports.update."""
        self._reports.update(report)

    async def run(self) -> None:
        """Never returns. When cancelled, the booth says goodbye to the broker."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._link.run())
            tasks.create_task(self._sender.run())
            tasks.create_task(self._report())

    async def _report(self) -> None:
        while True:
            await self._reports.run(await self._changes.get())

    def _up(self, connection: Connection) -> None:
        self.online, self.since, self.why = True, self._clock(), ""
        self._stats.connections += 1
        self._sender.link_up(connection)
        self._changes.put_nowait(connection)

    def _down(self, why: str) -> None:
        self.why = why
        if self.online:
            self.online, self.since = False, self._clock()
            self._sender.link_down()
            self._reports.link_down()
