"""Brings the outbox to the fleet: events and sealed deposits, each until the fleet's own signed receipt.

A broker's acknowledgement erases nothing here. Sends only while the fleet says that it is there. Never opens a seal,
never logs what a message holds.
"""

import asyncio
import logging
import random as randomness
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec

from ..messages import CHUNK_BYTES, BadMessage, Receipt, Signed, State, Topics, decode, encode
from ..seal import SealError, VerifyKey
from .link import WINDOW, Connection, LinkDown, Outgoing, PublishError, Refused, TooLarge
from .outbox import Item, Outbox
from .receipts import believed

log = logging.getLogger(__name__)

EVENTS_AT_A_TIME = 8
"""Unreceipted events under way: at 100 ms to the fleet and back, 80 events/s."""
PAGE = 64
INFINITE = float("inf")
WHY_CHARACTERS = 200
DEPOSIT_EXPIRY_S = 3600
LATE = timedelta(seconds=60)
"""Sent this long after it was made, an item is marked historical."""
ASKS = 3
"""An item that the fleet does not answer steps aside after so many questions, so that others go on."""
SUSPECT_AFTER = 3
"""So often in a row a connection died on an item's message before the item has to wait: it may be what kills it."""


@dataclass(frozen=True)
class SenderPace:
    """The sender's delays in seconds."""

    unheard_s: float = 5.0  # without any word of the fleet's state after this, it is tried
    receipt_s: float = 5.0  # the fleet commits in batches below a second, 4G adds as much; doubled with each question
    aside_s: float = 30.0  # an item that is refused, suspected or unanswered waits this long, doubled each time …
    aside_last_s: float = 300.0  # … up to here


@dataclass
class Stats:
    """Counts since the daemon's start."""

    connections: int = 0
    messages: int = 0
    bytes: int = 0
    receipts_stored: int = 0
    receipts_missing: int = 0
    receipts_rejected: int = 0
    receipts_unbelieved: int = 0
    receipts_unmatched: int = 0
    asked_again: int = 0
    set_aside: int = 0


@dataclass
class _Flight:
    """An item under way, and what was heard of it: `heard` is set with each word and with the link's end."""

    item: Item
    done: bool = False
    missing: list[int] | None = None
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    def ask(self) -> None:
        """Only what comes after a question is its answer."""
        self.missing = None


class _Unanswered(PublishError):
    """Asked ASKS times, and the fleet said nothing of this item."""


class Sender:
    """`link_up`, `link_down` and `receive` come from the link, `run` holds all its tasks."""

    def __init__(
        self,
        booth: str,
        outbox: Outbox,
        fleet_keys: Sequence[VerifyKey],
        *,
        clock: Callable[[], datetime],
        random: randomness.Random,
        alert: Callable[[str, str], None],
        pace: SenderPace,
        stats: Stats,
    ) -> None:
        self._booth, self._outbox, self._fleet_keys = booth, outbox, fleet_keys
        self._clock, self._random, self._alert, self._pace = clock, random, alert, pace
        self._topics = Topics(booth)
        self._stats = stats
        self._connection: Connection | None = None
        self.fleet_online: bool | None = None
        self._state_is_news = False
        self._open = asyncio.Event()
        self._unheard: asyncio.TimerHandle | None = None
        self._news = asyncio.Event()
        self._inbox: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
        self._flights: dict[str, _Flight] = {}
        self._failures: dict[str, int] = {}
        self._aside_until_s: dict[str, float] = {}
        self._told: set[tuple[str, str]] = set()
        self._backlog_seq = 0

    # what the link tells

    def link_up(self, connection: Connection) -> None:
        self._connection = connection
        # a fresh connection may take what the last one was too small for
        self._aside_until_s = {id_: until for id_, until in self._aside_until_s.items() if until != INFINITE}
        if not connection.resumed and not self._state_is_news:
            self.fleet_online = None  # only a resumed session has kept each change of it for us
        self._gate(after_s=self._pace.unheard_s)

    def link_down(self) -> None:
        self._connection = None
        self._state_is_news = False
        self._gate()
        for flight in self._flights.values():
            flight.heard.set()

    def receive(self, topic: str, payload: bytes) -> None:
        self._inbox.put_nowait((topic, payload))

    def _gate(self, *, after_s: float = 0.0) -> None:
        """Opens or closes the way; a fleet that was not heard of within `after_s` is tried all the same."""
        if self._unheard is not None:
            self._unheard.cancel()
            self._unheard = None
        if self._connection is None or self.fleet_online is False:
            self._open.clear()
        elif self.fleet_online is None and after_s > 0:
            # some brokers (rumqttd) keep the retained word from a session that they resume
            self._unheard = asyncio.get_running_loop().call_later(after_s, self._gate)
        elif not self._open.is_set():
            self._backlog_seq = max((item.seq for item in self._waiting(0)), default=0)
            self._open.set()
            self._news_came()

    # the tasks

    async def run(self) -> None:
        """Never returns; an exception of the outbox ends it."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._hear())
            tasks.create_task(self._watch())
            tasks.create_task(self._work("deposit"))
            for _ in range(EVENTS_AT_A_TIME):
                tasks.create_task(self._work("event"))

    async def _watch(self) -> None:
        while True:
            await self._outbox.changed()
            self._news_came()

    async def _hear(self) -> None:
        while True:
            topic, payload = await self._inbox.get()
            try:
                if topic == Topics.SERVER_STATE:
                    self._server_state(decode(State, payload))
                elif topic == self._topics.receipt:
                    self._word(believed(payload, self._booth, self._fleet_keys))
            except (BadMessage, SealError, UnicodeError) as error:
                self._stats.receipts_unbelieved += 1
                self._once(type(error).__name__, f"a message on {topic} is not believed and changes nothing: {error}")

    async def _work(self, kind: str) -> None:
        while True:
            flight, connection = await self._next(kind)
            item = flight.item
            try:
                await (self._event if kind == "event" else self._deposit)(flight, connection)
                self._failures.pop(item.id, None)
            except LinkDown as error:
                if error.in_flight and self._failed(item) >= SUSPECT_AFTER:
                    self._set_aside(item)
                    self._alert_once("uplink_suspect", item.id, "connections die on its message")
            except TooLarge as error:
                self._aside_until_s[item.id] = INFINITE
                self._stats.set_aside += 1
                self._alert_once("uplink_too_large", item.id, str(error))
            except (Refused, _Unanswered) as error:
                self._failed(item)
                self._set_aside(item)
                if isinstance(error, Refused):
                    self._alert_once("uplink_refused", item.id, str(error))
            finally:
                del self._flights[item.id]

    async def _next(self, kind: str) -> tuple[_Flight, Connection]:
        """The next item of this kind, as soon as there is one and the way is open."""
        while True:
            await self._open.wait()
            connection, news = self._connection, self._news
            assert connection is not None
            item = self._pick(kind)
            if item is not None:
                self._flights[item.id] = flight = _Flight(item)
                return flight, connection
            now_s = asyncio.get_running_loop().time()
            until_s = min((at_s for at_s in self._aside_until_s.values() if at_s > now_s), default=INFINITE)
            try:
                async with asyncio.timeout_at(None if until_s == INFINITE else until_s):
                    await news.wait()
            except TimeoutError:
                continue  # what was set aside may be tried again

    def _pick(self, kind: str) -> Item | None:
        """What was added since the way opened goes before the backlog: its customer is waiting."""
        now_s = asyncio.get_running_loop().time()
        for start in (self._backlog_seq, 0) if self._backlog_seq else (0,):
            for item in self._waiting(start):
                if item.kind != kind or item.id in self._flights:
                    continue
                if self._aside_until_s.get(item.id, 0.0) <= now_s:
                    return item
        return None

    def _waiting(self, after_seq: int) -> Iterable[Item]:
        while page := self._outbox.waiting(limit=PAGE, after_seq=after_seq):
            yield from page
            after_seq = page[-1].seq

    async def _event(self, flight: _Flight, connection: Connection) -> None:
        for wait_s in self._waits():
            await self._publish(connection, Outgoing(self._topics.event, self._body(flight.item)))
            if await self._heard(flight, connection, wait_s):
                return
        raise _Unanswered

    async def _deposit(self, flight: _Flight, connection: Connection) -> None:
        """Manifest, chunks, receipt. What may have been begun before is resumed by asking what is missing."""
        item = flight.item
        try:
            sealed = self._outbox.sealed(item.id)
        except KeyError:
            raise _Unanswered from None  # revoked since it was picked: `waiting` will not name it again
        resumed = item.seq <= self._backlog_seq or item.id in self._failures
        for wait_s in self._waits():
            flight.ask()
            await self._publish(
                connection, Outgoing(self._topics.manifest(item.id), self._body(item), expiry_s=DEPOSIT_EXPIRY_S)
            )
            numbers = list(range(item.chunks))
            if resumed:
                if not await self._heard(flight, connection, wait_s, or_missing=True):
                    continue
                asked = flight.missing or []
                numbers = [number for number in numbers if number in asked]
            await self._chunks(flight, connection, sealed, numbers)
            if await self._heard(flight, connection, wait_s):
                return
            resumed = True
        raise _Unanswered

    async def _chunks(self, flight: _Flight, connection: Connection, sealed: bytes, numbers: list[int]) -> None:
        deposit, left = flight.item.id, iter(numbers)
        errors: list[PublishError] = []

        async def hand() -> None:
            for number in left:
                chunk = sealed[number * CHUNK_BYTES : (number + 1) * CHUNK_BYTES]
                out = Outgoing(
                    self._topics.chunk(deposit, number),
                    chunk,
                    expiry_s=DEPOSIT_EXPIRY_S,
                    content_type="application/octet-stream",
                )
                try:
                    await self._publish(connection, out)
                except PublishError as error:
                    errors.append(error)
                if errors or flight.done:
                    return
                self._failures.pop(deposit, None)  # it moves: no suspect

        async with asyncio.TaskGroup() as hands:
            for _ in range(WINDOW):
                hands.create_task(hand())
        if errors:
            raise errors[0]

    async def _publish(self, connection: Connection, out: Outgoing) -> None:
        await self._open.wait()
        await connection.publish(out)
        self._stats.messages += 1
        self._stats.bytes += out.size

    async def _heard(self, flight: _Flight, connection: Connection, wait_s: float, *, or_missing: bool = False) -> bool:
        """Whether the fleet's word came in time. LinkDown where the connection ended before it."""
        try:
            async with asyncio.timeout(wait_s):
                while not (flight.done or (or_missing and flight.missing is not None)):
                    if connection is not self._connection:
                        raise LinkDown(connection.why)
                    flight.heard.clear()
                    await flight.heard.wait()
        except TimeoutError:
            self._stats.asked_again += 1
            return False
        return True

    def _waits(self) -> Iterable[float]:
        for n in range(ASKS):
            yield self._pace.receipt_s * 2**n * self._random.uniform(0.8, 1.2)

    def _body(self, item: Item) -> bytes:
        if self._clock() - item.made_at <= LATE:
            return item.signed
        return encode(msgspec.structs.replace(decode(Signed, item.signed), historical=True))

    # what the fleet says

    def _server_state(self, state: State) -> None:
        if state.online != self.fleet_online:
            log.info("the fleet is %s", "there" if state.online else "away: the outbox is held")
        self.fleet_online, self._state_is_news = state.online, True
        if state.online:  # it may know now what it could not answer before
            self._aside_until_s = {id_: until for id_, until in self._aside_until_s.items() if until == INFINITE}
            self._news_came()
        self._gate()

    def _word(self, receipt: Receipt) -> None:
        flight = self._flights.get(receipt.item_id)
        matched = flight is not None and flight.item.sha256 == receipt.sha256
        match receipt.result:
            case "missing":
                self._stats.receipts_missing += 1
                if flight is not None and matched:
                    flight.missing = receipt.missing
            case "stored":
                matched = self._outbox.stored(receipt.item_id, receipt.sha256)
                self._stats.receipts_stored += matched
            case "rejected":
                matched = self._outbox.quarantine(receipt.item_id, receipt.sha256, receipt.why[:WHY_CHARACTERS])
                self._stats.receipts_rejected += matched
                if matched:
                    self._alert_once("uplink_rejected", receipt.item_id, receipt.why[:WHY_CHARACTERS])
        if not matched:
            # often a second receipt for a second sending; else another item's hash, which must erase nothing
            self._stats.receipts_unmatched += 1
            return
        if receipt.result != "missing":
            self._forget(receipt.item_id)
        if flight is not None:
            flight.done = receipt.result != "missing"
            flight.heard.set()

    # what was tried

    def _failed(self, item: Item) -> int:
        self._failures[item.id] = failures = self._failures.get(item.id, 0) + 1
        return failures

    def _set_aside(self, item: Item) -> None:
        self._stats.set_aside += 1
        for_s = min(self._pace.aside_s * 2 ** min(self._failures[item.id] - 1, 16), self._pace.aside_last_s)
        now_s = asyncio.get_running_loop().time()
        self._aside_until_s[item.id] = now_s + for_s * self._random.uniform(0.8, 1.2)

    def _forget(self, item_id: str) -> None:
        self._failures.pop(item_id, None)
        self._aside_until_s.pop(item_id, None)

    def _news_came(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    def _alert_once(self, name: str, item_id: str, why: str) -> None:
        if (name, item_id) not in self._told:
            self._told.add((name, item_id))
            self._alert(name, f"{item_id}: {why}")

    def _once(self, name: str, line: str) -> None:
        if (name, "") not in self._told:
            self._told.add((name, ""))
            log.warning(line)
