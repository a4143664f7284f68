"""What a ccTalk acceptor counted, told as coin events: each once, over resets, kills and restarts.

It must never credit what an earlier run may have told already: that becomes an unclear coin, as a signal's tail.
"""

import asyncio
import logging
import secrets
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from hw.cabin import Coin, CoinEvent, DeviceError, TrainOpened, UnclearCoin
from hw.coins.cctalk import ERRORS, EventBuffer, news, next_counter
from hw.coins.cctalk_memory import CounterMemory

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Mark:
    """Everything up to this counter has been told; with `opening`, the row of the next event follows at once."""

    counter: int
    opening: bool = False


class CountedEvents(AsyncIterator[CoinEvent]):
    """What `CountedCoins.events` gives, and how much of it fell before this run."""

    def __init__(self, counted: "CountedCoins", in_order: AsyncIterator[CoinEvent]) -> None:
        self._counted = counted
        self._in_order = in_order

    @property
    def missed(self) -> int:
        """Coins, or what may be some, that the acceptor counted while no booth listened: only one that enters them into
        its ledger may step into the events. Known once the acceptor was read, 0 before."""
        return self._counted.missed

    async def __anext__(self) -> CoinEvent:
        return await anext(self._in_order)


class CountedCoins:
    """The buffers that were read, in; coin events, in order, out."""

    def __init__(self, memory: CounterMemory) -> None:
        self._memory = memory
        self._run = secrets.token_hex(6)
        self._trains = 0
        self._counter: int | None = None  # as last read in this run
        self._queue: deque[CoinEvent | _Mark | DeviceError] = deque()
        self._came = asyncio.Event()
        self._absent: DeviceError | None = None
        self.missed = 0
        """Of what was counted before this run, as CountedEvents has it."""
        self.unkept: DeviceError | None = None
        """The disk takes no counter: what was counted waits, uncredited."""

    def take(self, now: EventBuffer, cents: Mapping[int, int], *, may_have_taken: bool) -> None:
        """The acceptor's buffer as just read. `cents`: the channels' values; `may_have_taken`: a coin that it forgot
        in a reset may have fallen since the last buffer. DeviceFault where the counter of the last run is damaged."""
        if self._counter is not None:
            self._tell(self._counter, now, cents, may_have_taken=may_have_taken)
        elif (kept := self._memory.read()) is not None:
            self._tell(kept[0], now, cents, unheard=True, opening=kept[1])
            self.missed = sum(isinstance(item, TrainOpened) for item in self._queue)
        else:
            self._put(_Mark(now.counter))
        self._counter, self._absent = now.counter, None

    def end(self, error: DeviceError) -> None:
        """Nothing is read any more: the events end with `error`."""
        if self._absent is None:
            self._put(error.again())
        self._absent = error

    def events(self) -> CountedEvents:
        """Ends with DeviceError. Each step back into it says that what came before is in the ledger."""
        return CountedEvents(self, self._in_order())

    async def _in_order(self) -> AsyncIterator[CoinEvent]:
        while True:
            while not self._queue:
                if self._absent is not None:
                    raise self._absent.again()
                self._came.clear()
                await self._came.wait()
            item = self._queue[0]
            if isinstance(item, _Mark):
                self._keep(item)
            self._queue.popleft()
            if isinstance(item, DeviceError):
                raise item
            if not isinstance(item, _Mark):
                yield item

    def _keep(self, mark: _Mark) -> None:
        try:
            self._memory.write(mark.counter, mark.opening)
        except DeviceError as error:
            self.unkept = error
            raise
        self.unkept = None

    def _tell(
        self,
        before: int,
        now: EventBuffer,
        cents: Mapping[int, int],
        *,
        may_have_taken: bool = False,
        unheard: bool = False,
        opening: bool = False,
    ) -> None:
        """`unheard`: counted while no booth listened; `opening`: the first of it may have a row from the last run."""
        found = news(before, now)
        if found.reset:
            log.warning("coins: the acceptor began anew: its counter was %d and is %d", before, now.counter)
            if may_have_taken:
                train, at_ns = self._open()
                why = "the acceptor was reset while it took coins; whether one fell is not known"
                self._put(UnclearCoin(train, why, at_ns))
            before, opening = 0, False
            self._put(_Mark(0))
        for _ in range(found.lost):
            before = self._unclear("the acceptor counted it and no longer knows what it was", before, opening)
            opening = False
        for event in found.oldest_first:
            value = cents.get(event.coin)
            if event.coin == 0:
                log.info("coins: error event %d (%s)", event.code, ERRORS.get(event.code, "see the acceptor's manual"))
                before = next_counter(before)
                self._put(_Mark(before))
            elif value is None:
                before = self._unclear(f"channel {event.coin} of the acceptor has no value here", before, opening)
            elif unheard:
                why = f"it fell while the booth did not listen: {value} cents by the acceptor"
                before = self._unclear(why, before, opening)
            else:
                self._put(_Mark(before, opening=True))
                train, at_ns = self._open()
                before = next_counter(before)
                self._put(_Mark(before), Coin(train, value, at_ns))
            opening = False

    def _unclear(self, why: str, before: int, tail: bool) -> int:
        """Tells the event after `before`; answers its counter."""
        self._put(_Mark(before, opening=True))
        train, at_ns = self._open()
        counter = next_counter(before)
        self._put(_Mark(counter), UnclearCoin(train, why, at_ns, tail=tail))
        return counter

    def _open(self) -> tuple[str, int]:
        """The event's row in the ledger, between its two marks. A kill after the first may leave the row: the next run
        tells the event as a tail, which the daemon knows for the same. A kill after the second leaves the row alone."""
        self._trains += 1
        train, at_ns = f"{self._run}.{self._trains}", time.monotonic_ns()
        self._put(TrainOpened(train, at_ns))
        return train, at_ns

    def _put(self, *items: CoinEvent | _Mark | DeviceError) -> None:
        self._queue.extend(items)
        self._came.set()
