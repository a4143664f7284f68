"""The coin acceptor on a ccTalk wire: asked every 100 ms, also while closed, and set anew whenever it comes back.

It must never lose or double a counted coin over a kill, never credit what the acceptor does not name, and never stay
open unasked: it is told so each second, and an acceptor like the X6 stops by itself 1 s after the last question.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from hw import settings
from hw.cabin import CoinEvent, DeviceError, DeviceFault, DeviceSilent, Health, Status
from hw.coins import cctalk
from hw.coins.cctalk import BROADCAST, CHANNELS, Garbled, Header, Refused
from hw.coins.cctalk_counted import CountedCoins
from hw.coins.cctalk_memory import CounterMemory
from hw.coins.cctalk_port import NoAnswer, Port

log = logging.getLogger(__name__)

POLL_S = 0.1
RENEW_S = 1.0
"""Mask and inhibit are set anew so often: an acceptor that was reset between two coins shows it by nothing else."""
SILENT_S = 1.0
"""Without a clear answer for so long, it is gone; an X6 has stopped by then."""
BACK_S = 1.0


class CctalkAcceptor:
    """CoinAcceptor over a serial port. `run` is its life; `open_cctalk` gives it one."""

    def __init__(self, chosen: settings.CctalkCoins) -> None:
        self._loop = asyncio.get_running_loop()
        self._chosen = chosen
        self._counted = CountedCoins(CounterMemory(Path(chosen.state)))
        self._status = Status(Health.UNKNOWN, "not asked yet")
        self._absent: DeviceError | None = DeviceSilent("coins", "not asked yet")
        self._wake = asyncio.Event()
        self.asked = asyncio.Event()
        """Whether it is there is known."""
        self._open_until_s = 0.0
        self._opened = False  # what it was told last
        self._may_have_taken = False  # it was open at the last count
        self._coins: dict[int, int] = {}  # channel → cents
        self._unclear_since_s: float | None = None

    def status(self) -> Status:
        if self._counted.unkept is not None:
            return Status(Health.FAULTY, self._counted.unkept.why)
        return self._status

    async def accept(self, *, for_s: float) -> None:
        if self._absent is not None:
            raise self._absent.again()
        self._open_until_s = self._loop.time() + for_s
        self._wake.set()

    async def refuse(self) -> None:
        self._open_until_s = 0.0
        self._wake.set()

    def events(self) -> AsyncIterator[CoinEvent]:
        return self._counted.events()

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
        self._unclear_since_s = None
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
        return _text(await self._ask(port, Header.COIN_ID, bytes((channel,)), optional=True)).strip(".")

    async def _set(self, port: Port, *, accept: bool) -> None:
        """Both locks: the master inhibit goes first when closing, last when opening."""
        steps = [
            (Header.MASK, cctalk.mask(self._coins if accept else ())),
            (Header.MASTER_INHIBIT, bytes((accept,))),
        ]
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
        """The answer's data; all that is asked here may be asked twice, and is, until nothing was clear for SILENT_S.

        `optional`: b"" after a refusal or two silences.
        """
        silences = 0
        while True:
            asked_s = self._loop.time()
            try:
                _, answer = await port.ask(self._chosen.address, header, data)
            except Refused:
                if optional:
                    return b""
                raise DeviceFault("coins", f"it refuses command {header}: not a model that we know") from None
            except NoAnswer:
                silences += 1
                if optional and silences == 2:
                    return b""
                error: DeviceError = DeviceSilent(
                    "coins",
                    f"nothing answers at address {self._chosen.address}: look at the acceptor's 12 V, the ccTalk wire, "
                    "and cabin.coins.address",
                )
            except Garbled as garbled:
                error = DeviceFault(
                    "coins", f"only noise on the ccTalk wire ({garbled}): look at its ground and the adapter"
                )
            else:
                self._unclear_since_s = None
                return answer
            if self._unclear_since_s is None:
                self._unclear_since_s = asked_s
            if self._loop.time() - self._unclear_since_s >= SILENT_S:
                raise error

    async def _count(self, port: Port) -> None:
        try:
            now = cctalk.read_events(await self._ask(port, Header.EVENTS))
        except Garbled as garbled:
            raise DeviceFault("coins", f"its events are not understood ({garbled}): not a model that we know") from None
        self._counted.take(now, self._coins, may_have_taken=self._may_have_taken)
        self._may_have_taken = self._opened

    def _lose(self, error: DeviceError) -> None:
        self._open_until_s = 0.0
        self._absent = error
        self._status = Status(Health.FAULTY, error.why)
        self._counted.end(error)
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


def _text(data: bytes) -> str:
    return data.decode("ascii", "replace").strip(" \0")
