"""The ccTalk driver, real pyserial and all, on a simulated acceptor behind a pseudo-terminal."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from hw import settings
from hw.cabin import CoinEvent, Health, TrainOpened
from hw.coins.cctalk_acceptor import CctalkAcceptor, open_cctalk
from hw.coins.cctalk_port import Port
from hw.sim.cctalk import SimCctalk
from hw.sim.journal import Entry, Journal


class Workbench:
    """`sim`: what is done to the acceptor; `coins`: the booth's driver of the moment."""

    def __init__(self, folder: Path, **how: Any) -> None:
        self.journal = Journal()
        self.sim = SimCctalk(random.Random(3), self.journal, folder / "tty", **how)
        self.chosen = settings.CctalkCoins(port=str(folder / "tty"), state=str(folder / "cctalk.json"))
        self.coins: CctalkAcceptor
        self._booth = AsyncExitStack()

    async def wait(self, what: str) -> Entry:
        return await self.journal.wait(what)

    async def connect(self, **other: Any) -> None:
        """A new booth; `other` settings than the usual ones."""
        changed = {name: getattr(self.chosen, name) for name in self.chosen.__struct_fields__} | other
        self.coins = await self._booth.enter_async_context(open_cctalk(settings.CctalkCoins(**changed)))

    async def stop(self) -> None:
        """As `systemctl stop` does."""
        await self._booth.aclose()

    async def kill(self) -> None:
        """Nothing more is said on the wire, as after a SIGKILL."""

        async def leave(port: Port) -> None:
            port.close()

        self.coins._leave = leave  # type: ignore[method-assign]
        await self.stop()

    async def becomes(self, health: Health, why: str = "") -> None:
        """Waits until the driver says so, and says `why`."""
        async with asyncio.timeout(20):
            while (status := self.coins.status()).health is not health or why not in status.why:  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    async def open(self) -> None:
        await self.becomes(Health.WELL)
        await self.coins.accept(for_s=60)
        async with asyncio.timeout(20):
            while not self.sim.open:  # noqa: ASYNC110
                await asyncio.sleep(0.02)


@asynccontextmanager
async def workbench(folder: Path, **how: Any) -> AsyncIterator[Workbench]:
    """A connected booth; `how`: see SimCctalk."""
    bench = Workbench(folder, **how)
    try:
        await bench.connect()
        yield bench
        await bench.stop()
    finally:
        await bench.sim.close()


async def ends(events: AsyncIterator[CoinEvent], count: int) -> list[CoinEvent]:
    """The next `count` events that are no opening; each was opened just before."""
    found: list[CoinEvent] = []
    async with asyncio.timeout(20):
        while len(found) < count:
            opened, event = await anext(events), await anext(events)
            assert isinstance(opened, TrainOpened) and not isinstance(event, TrainOpened)
            assert event.train == opened.train
            found.append(event)
    return found


async def settled(bench: Workbench, events: AsyncIterator[CoinEvent]) -> None:
    """The next event is the next coin: nothing else is to be told."""

    async def next_coin() -> CoinEvent:
        return (await ends(events, 1))[0]

    await bench.open()
    told = asyncio.create_task(next_coin())
    assert (await bench.sim.insert(5)).heard == "whole"
    assert getattr(await told, "cents", None) == 5


def play(folder: Path, story: Callable[[Workbench], Awaitable[None]], **how: Any) -> None:
    """Runs a story on a connected booth, in real time: a pseudo-terminal knows no other."""

    async def whole() -> None:
        async with asyncio.timeout(60), workbench(folder, **how) as bench:
            await story(bench)

    asyncio.run(whole())
