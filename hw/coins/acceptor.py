"""The coin acceptor on pulse lines: drives the decoder with the lines' edges and the loop's clock.

It must never lose an edge because its reader is slow, never leave the acceptor open longer than it was asked for, and
never let a coin in that could be taken for the rest of an earlier one.
"""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Collection
from contextlib import suppress
from typing import Protocol

from hw.cabin import CoinEvent, DeviceError, DeviceMissing, Edge, Health, Status
from hw.coins.decoder import PulseDecoder
from hw.coins.tables import PulseTable

log = logging.getLogger(__name__)

DELIVERY_S = 0.1  # an edge older than this when it reaches us means that the loop itself stood still


class CoinListener(Protocol):
    """Who is told what happens on the lines, in the loop's thread and in order."""

    def lines_came(self, at_ns: int, low: Collection[str] = ()) -> None:
        """`low`: the lines that are not idle at `at_ns`."""

    def edge(self, edge: Edge) -> None: ...
    def lines_gone(self, why: str) -> None: ...


class CoinLines(Protocol):
    """The electrical side: coin lines whose edges carry CLOCK_MONOTONIC, and the acceptor's enable line."""

    def status(self) -> Status: ...

    def listen(self, listener: CoinListener) -> None:
        """Tells `listener` from now on; first whether the lines are there."""

    def enable(self, for_s: float) -> None:
        """Holds the enable line on for so long; 0 is off, now. It falls by itself, whatever this process does or not.

        DeviceMissing.
        """


class PulseAcceptor:
    """The coin acceptor on pulse lines. The loop's clock must be the one that stamps the edges (CLOCK_MONOTONIC)."""

    def __init__(self, lines: CoinLines, table: PulseTable, *, run: str | None = None) -> None:
        """Listens from now on. `run`: makes train names unique over restarts; random if not given."""
        self._loop = asyncio.get_running_loop()
        self._lines = lines
        self._table = table
        self._run = run or secrets.token_hex(6)
        self._sessions = 0
        self._decoder: PulseDecoder | None = None
        self._absent = "not there"
        self._queue: asyncio.Queue[CoinEvent | DeviceError] = asyncio.Queue()
        self._quiet_timer: asyncio.TimerHandle | None = None
        self._wanted_until_s = 0.0
        self._open_timer: asyncio.TimerHandle | None = None
        lines.listen(self)

    def status(self) -> Status:
        status = self._lines.status()
        if status.health is Health.WELL and self._decoder is not None and self._decoder.trouble:
            return Status(Health.FAULTY, self._decoder.trouble)
        return status

    async def accept(self, *, for_s: float) -> None:
        """Opens at once, or as soon as nothing that comes can be a signal's rest from before we listened."""
        self._wanted_until_s = self._loop.time() + for_s
        self._open()

    async def refuse(self) -> None:
        self._wanted_until_s = 0.0
        try:
            self._lines.enable(0)
        except DeviceMissing as gone:
            log.debug("nothing to close: %s", gone)  # lines that are gone hold the acceptor closed

    async def events(self) -> AsyncIterator[CoinEvent]:
        while True:
            if self._queue.empty() and self._decoder is None:
                raise DeviceMissing("coins", self._absent)
            item = await self._queue.get()
            if isinstance(item, DeviceError):
                raise item
            yield item

    # --- what the lines tell

    def lines_came(self, at_ns: int, low: Collection[str] = ()) -> None:
        self.lines_gone("listened to anew")
        self._sessions += 1
        self._decoder = PulseDecoder(self._table, run=f"{self._run}.{self._sessions}", since_ns=at_ns, low=low)

    def edge(self, edge: Edge) -> None:
        assert self._decoder is not None, "edges come only between lines_came and lines_gone"
        self._tell(self._decoder.feed(edge))

    def lines_gone(self, why: str) -> None:
        self._absent = why
        if self._decoder is None:
            return
        decoder, self._decoder = self._decoder, None
        self._tell(decoder.abandon(f"the lines went away: {why}"))
        self._queue.put_nowait(DeviceMissing("coins", why))

    # --- inside

    def _open(self) -> None:
        """DeviceMissing."""
        if self._open_timer is not None:
            self._open_timer.cancel()
            self._open_timer = None
        left_s = self._wanted_until_s - self._loop.time()
        if left_s <= 0:
            return
        opens_s = 0.0 if self._decoder is None else self._decoder.tails_end_ns / 1e9 + DELIVERY_S
        if opens_s > self._loop.time():
            self._open_timer = self._loop.call_at(opens_s, self._open_late)
        else:
            self._lines.enable(left_s)

    def _open_late(self) -> None:
        with suppress(DeviceMissing):  # told by `status` and `events`
            self._open()

    def _tell(self, events: list[CoinEvent]) -> None:
        for event in events:
            self._queue.put_nowait(event)
        if self._quiet_timer is not None:
            self._quiet_timer.cancel()
            self._quiet_timer = None
        if self._decoder is not None and (close_ns := self._decoder.next_close_ns) is not None:
            self._wait_quiet(close_ns / 1e9 + DELIVERY_S)

    def _wait_quiet(self, due_s: float) -> None:
        self._quiet_timer = self._loop.call_at(due_s, self._quiet, due_s)

    def _quiet(self, due_s: float) -> None:
        now_s = self._loop.time()
        if now_s - due_s > DELIVERY_S:
            self._wait_quiet(now_s + DELIVERY_S)  # the loop stood still: edges that wait to be read come first
        elif self._decoder is not None:
            self._tell(self._decoder.close(int((now_s - DELIVERY_S) * 1e9) + 1000))
