"""The coin acceptor on a ccTalk wire: asked every 100 ms, also while closed, and set anew whenever it comes back.

It must never lose or double a counted coin over a kill, never credit what the acceptor does not name, and never stay
open unasked: it is told so each second, and an acceptor like the X6 stops by itself 1 s after the last question.
"""

import asyncio
import logging
import secrets
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from hw import settings
from hw.cabin import Coin, CoinEvent, DeviceError, DeviceFault, DeviceSilent, Health, Status, TrainOpened, UnclearCoin
from hw.coins import cctalk
from hw.coins.cctalk import BROADCAST, CHANNELS, ERRORS, Garbled, Header, Refused
from hw.coins.cctalk_memory import CounterMemory
from hw.coins.cctalk_port import NoAnswer, Port

log = logging.getLogger(__name__)

POLL_S = 0.1
RENEW_S = 1.0
"""Mask and inhibit are set anew so often: an acceptor that was reset between two coins shows it by nothing else."""
SILENT_S = 1.0
"""Without a clear answer for so long, it is gone; an X6 has stopped by then."""
BACK_S = 1.0


@dataclass(frozen=True)
class _Mark:
    """Everything up to this counter has been told."""

    counter: int


class CctalkAcceptor:
    """CoinAcceptor over a serial port. `run` is its life; `open_cctalk` gives it one."""

    def __init__(self, chosen: settings.CctalkCoins) -> None:
        self._loop = asyncio.get_running_loop()
        self._chosen = chosen
        self._memory = CounterMemory(Path(chosen.state))
        self._run = secrets.token_hex(6)
        self._trains = 0
        self._status = Status(Health.UNKNOWN, "not asked yet")
        self._forgetful: Status | None = None  # the disk takes no counter: coins wait, uncredited
        self._absent: DeviceError | None = DeviceSilent("coins", "not asked yet")
        self._queue: deque[CoinEvent | _Mark | DeviceError] = deque()
        self._told = asyncio.Event()
        self._wake = asyncio.Event()
        self.asked = asyncio.Event()
        """Whether it is there is known."""
        self._open_until_s = 0.0
        self._opened = False  # what it was told last
        self._may_have_taken = False  # it was open at or after the last count
        self._counter: int | None = None  # as last read in this run
        self._coins: dict[int, int] = {}  # channel → cents
        self._answered_s = 0.0

    def status(self) -> Status:
        return self._status if self._forgetful is None else self._forgetful

    async def accept(self, *, for_s: float) -> None:
        if self._absent is not None:
            raise _again(self._absent)
        self._open_until_s = self._loop.time() + for_s
        self._wake.set()

    async def refuse(self) -> None:
        self._open_until_s = 0.0
        self._wake.set()

    async def events(self) -> AsyncIterator[CoinEvent]:
        while True:
            while not self._queue:
                if self._absent is not None:
                    raise _again(self._absent)
                self._told.clear()
                await self._told.wait()
            item = self._queue[0]
            if isinstance(item, _Mark):  # the reader has come back for more: the event before is in its ledger
                self._keep(item.counter)
            self._queue.popleft()
            if isinstance(item, DeviceError):
                raise item
            if not isinstance(item, _Mark):
                yield item

    async def run(self) -> None:
        """Asks until cancelled; closes the acceptor then."""
        while True:
            try:
                port = Port(self._chosen.port)
                try:
                    await self._serve(port)
                finally:
                    await self._leave(port)
            except DeviceError as error:
                self._lose(error)
            await asyncio.sleep(BACK_S)

    # --- one connection

    async def _serve(self, port: Port) -> None:
        self._answered_s = self._loop.time()
        await self._find(port)
        await self._set(port, accept=False)  # an AL55/66 may accept from its power-up on
        await self._know(port)
        await self._count(port)
        self._absent, self._status = None, Status(Health.WELL)
        self.asked.set()
        renewed_s = 0.0
        while True:
            now_s = self._loop.time()
            wanted = now_s < self._open_until_s
            if wanted != self._opened or now_s - renewed_s >= RENEW_S:
                await self._set(port, accept=wanted)
                renewed_s = now_s
            await self._count(port)
            with suppress(TimeoutError):
                async with asyncio.timeout_at(now_s + POLL_S):
                    await self._wake.wait()
            self._wake.clear()

    async def _find(self, port: Port) -> None:
        try:
            await self._ask(port, Header.SIMPLE_POLL)
        except DeviceSilent as silent:
            try:
                found, _ = await port.ask(BROADCAST, Header.SIMPLE_POLL)
            except (NoAnswer, Garbled, Refused):
                raise silent from None
            raise DeviceFault(
                "coins",
                f"address {found} answers, {self._chosen.address} does not: set cabin.coins.address = {found} "
                "if that is the acceptor",
            ) from None

    async def _know(self, port: Port) -> None:
        """Who it is, and what its channels are worth."""
        headers = (Header.MANUFACTURER, Header.CATEGORY, Header.PRODUCT)
        maker, category, product = [_text(await self._ask(port, header)) for header in headers]
        if "coin" not in category.lower():
            raise DeviceFault(
                "coins",
                f"address {self._chosen.address} is a {category or 'device without a category'} ({maker} {product}), "
                "no coin acceptor: correct cabin.coins.address",
            )
        ids = {channel: await self._coin_id(port, channel) for channel in CHANNELS}
        values = {channel: cctalk.coin_cents(coin_id, self._chosen.coins) for channel, coin_id in ids.items()}
        self._coins = {channel: cents for channel, cents in values.items() if cents is not None}
        strange = sorted(ids[channel] for channel in CHANNELS if ids[channel] and values[channel] is None)
        if not self._coins:
            raise DeviceFault(
                "coins",
                f"{maker} {product} names no coin that is known ({', '.join(strange) or 'its channels are empty'}): "
                "teach it, or give its ids their cents in cabin.coins.coins",
            )
        log.info("coins: %s %s takes %s cents", maker, product, sorted(set(self._coins.values())))
        if strange:
            log.warning("coins: %s is not taken: cabin.coins.coins gives it no cents", ", ".join(strange))

    async def _coin_id(self, port: Port, channel: int) -> str:
        """Empty for a channel that is not programmed, which some say with dots, some refuse and some do not answer."""
        try:
            answer = await self._ask(port, Header.COIN_ID, bytes((channel,)), optional=True)
        except DeviceFault:
            return ""
        return _text(answer).strip(".")

    async def _set(self, port: Port, *, accept: bool) -> None:
        """Both locks: the master inhibit goes first when closing, last when opening."""
        steps = [
            (Header.MASK, cctalk.mask(self._coins if accept else ())),
            (Header.MASTER_INHIBIT, bytes((accept,))),
        ]
        self._may_have_taken |= accept
        for header, data in steps if accept else reversed(steps):
            await self._ask(port, header, data)
        self._opened = accept

    async def _leave(self, port: Port) -> None:
        """Closes an acceptor that still hears us: not every model stops by itself."""
        try:
            for _ in range(2):  # the first may run into an answer that is under way
                with suppress(NoAnswer, Garbled, Refused):
                    await port.ask(self._chosen.address, Header.MASTER_INHIBIT, b"\0")
                    break
        except DeviceError:
            log.debug("coins: the wire is gone, there is nothing to close")
        finally:
            port.close()

    async def _ask(self, port: Port, header: Header, data: bytes = b"", *, optional: bool = False) -> bytes:
        """The answer's data, asked for until SILENT_S have passed since the last. `optional`: b"" after two silences.

        All that is asked here may be asked twice.
        """
        tries = 0
        while True:
            try:
                _, answer = await port.ask(self._chosen.address, header, data)
                self._answered_s = self._loop.time()
                return answer
            except Refused:
                self._answered_s = self._loop.time()
                raise DeviceFault("coins", f"it refuses command {header}: not a model that we know") from None
            except NoAnswer:
                tries += 1
                if optional and tries == 2:
                    return b""
                if self._loop.time() - self._answered_s >= SILENT_S:
                    raise DeviceSilent(
                        "coins",
                        f"nothing answers at address {self._chosen.address}: look at the acceptor's 12 V, the ccTalk "
                        "wire, and cabin.coins.address",
                    ) from None
            except Garbled as garbled:
                if self._loop.time() - self._answered_s >= SILENT_S:
                    raise DeviceFault(
                        "coins", f"only noise on the ccTalk wire ({garbled}): look at its ground and the adapter"
                    ) from None

    # --- what it counted

    async def _count(self, port: Port) -> None:
        try:
            now = cctalk.read_events(await self._ask(port, Header.EVENTS))
        except Garbled as garbled:
            raise DeviceFault("coins", f"its event buffer is not understood ({garbled}): not a model that we know") from None
        before, unheard = self._counter, False
        if before is None:
            before, unheard = self._memory.read(), True
        if before is None:
            self._put(_Mark(now.counter))
        elif now.counter != before:
            self._tell(before, now, unheard=unheard)
        self._counter, self._may_have_taken = now.counter, self._opened

    def _tell(self, before: int, now: cctalk.EventBuffer, *, unheard: bool) -> None:
        """`unheard`: before this run's first answer; what was told of it may have been cut off by a kill."""
        found = cctalk.news(before, now)
        counter = before
        if found.reset:
            counter = 0
            log.warning("coins: the acceptor began anew (its counter was %d and is %d)", before, now.counter)
            if self._may_have_taken:
                self._unclear("the acceptor was reset while it took coins; whether one fell is not known", None, False)
            if not found.oldest_first:
                self._put(_Mark(0))
        for _ in range(found.lost):
            counter = cctalk.next_counter(counter)
            self._unclear("the acceptor counted it and no longer knows what it was", counter, unheard)
        for event in found.oldest_first:
            counter = cctalk.next_counter(counter)
            cents = self._coins.get(event.coin)
            if event.coin == 0:
                log.info("coins: error event %d (%s)", event.code, ERRORS.get(event.code, "see the acceptor's manual"))
                self._put(_Mark(counter))
            elif cents is None:
                self._unclear(f"channel {event.coin} of the acceptor has no value here", counter, unheard)
            elif unheard:
                self._unclear(f"it fell while the booth did not listen: {cents} cents by the acceptor", counter, True)
            else:
                train, at_ns = self._open_train()
                self._put(_Mark(counter), Coin(train, cents, at_ns))

    def _unclear(self, why: str, counter: int | None, tail: bool) -> None:
        train, at_ns = self._open_train()
        if counter is not None:
            self._put(_Mark(counter))
        self._put(UnclearCoin(train, why, at_ns, tail=tail))

    def _open_train(self) -> tuple[str, int]:
        self._trains += 1
        train, at_ns = f"{self._run}.{self._trains}", time.monotonic_ns()
        self._put(TrainOpened(train, at_ns))
        return train, at_ns

    def _keep(self, counter: int) -> None:
        try:
            self._memory.write(counter)
        except DeviceError as error:
            self._forgetful = Status(Health.FAULTY, _why(error))
            raise
        self._forgetful = None

    def _put(self, *items: CoinEvent | _Mark | DeviceError) -> None:
        self._queue.extend(items)
        self._told.set()

    def _lose(self, error: DeviceError) -> None:
        self._open_until_s = 0.0
        if self._absent is None or str(self._absent) != str(error):
            log.warning("%s", error)
        if self._absent is None:
            self._put(_again(error))
        self._absent = error
        self._status = Status(Health.FAULTY, _why(error))
        self._told.set()
        self.asked.set()


@asynccontextmanager
async def open_cctalk(chosen: settings.CctalkCoins) -> AsyncIterator[CctalkAcceptor]:
    """The acceptor, there or not, once that is known; asked until the end, and closed then."""
    acceptor = CctalkAcceptor(chosen)
    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(acceptor.run(), name="cctalk")
        try:
            await acceptor.asked.wait()
            yield acceptor
        finally:
            asking.cancel()


def _again(error: DeviceError) -> DeviceError:
    """The same error for another reader."""
    return type(error)(error.device, _why(error))


def _why(error: DeviceError) -> str:
    return str(error).removeprefix(f"{error.device}: ")


def _text(data: bytes) -> str:
    return data.decode("ascii", "replace").strip(" \0")
