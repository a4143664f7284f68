"""A ccTalk coin acceptor on a pseudo-terminal, with its adapter: written from the makers' manuals, not from our driver.

It remembers what physically went in and what came back, and can be reset, unplugged, muted and disturbed as real ones
are. It lives in real time on the loop that made it, and starts no thread and no task.
"""

import asyncio
import os
import random
import tty
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from hw.sim.coins import CoinRecord, Inserted
from hw.sim.journal import Journal

EURO = ("EU005A", "EU010A", "EU020A", "EU050A", "EU100A", "EU200A", "......", "TK001A")
"""Channels 1 to 8; the other eight are empty."""
REJECTED, INHIBITED = 1, 2
PATH = 1
STOPS_S = 1.0
"""An X6 takes coins until so long after the last EVENTS question."""
HEARD_S = 2.0
"""For the question that fetches a coin's event: then nobody listens."""

Model = Literal["x6", "al66"]


@dataclass(eq=False)
class _Fallen:
    n: int
    cents: int
    swallowed: bool = False
    over: bool = False
    told: asyncio.Event = field(default_factory=asyncio.Event)


class SimCctalk:
    """`x6`: its mask is clear after a power-up, and it stops when nobody asks. `al66`: accepts from its power-up on."""

    def __init__(
        self,
        rng: random.Random,
        journal: Journal,
        port: Path,
        *,
        model: Model = "x6",
        echo: bool = True,
        address: int = 2,
        coins: tuple[str, ...] = EURO,
        category: str = "Coin Acceptor",
    ) -> None:
        """`port`: where the adapter appears, a link to its pseudo-terminal."""
        self._loop = asyncio.get_running_loop()
        self._rng, self._journal, self._port = rng, journal, port
        self._model, self._echo, self._coins = model, echo, coins
        self._texts = {246: b"SIM", 245: category.encode(), 244: model.encode()}
        self._address = address
        self._fallen: list[_Fallen] = []
        self._heard = bytearray()
        self._master: int | None = None
        self._slave = -1
        self._powered = True
        self._muted = False
        self._corrupt = 0
        self._noise: asyncio.TimerHandle | None = None
        self._stopping: asyncio.TimerHandle | None = None
        self._was_open = False
        self._power_up()
        self._plug()

    # --- the bench

    async def insert(self, cents: int) -> Inserted:
        """A coin into the slot. Back when it has come back, or its event was fetched, or nobody came to fetch it."""
        fallen = _Fallen(len(self._fallen) + 1, cents)
        self._fallen.append(fallen)
        await asyncio.sleep(self._rng.uniform(0.01, 0.03))
        channel = next((n for n, name in enumerate(self._coins, 1) if name[:5] == f"EU{cents:03}"), 0)
        fallen.swallowed = self._accepts(channel)
        self._journal.note("coins.swallowed" if fallen.swallowed else "coins.returned", n=fallen.n, cents=cents)
        if fallen.swallowed:
            self._loop.call_later(self._rng.uniform(0.02, 0.06), self._count, channel, PATH, fallen)
            with suppress(TimeoutError):
                async with asyncio.timeout(HEARD_S):
                    await fallen.told.wait()
            self._journal.note("coins.over", n=fallen.n, cents=cents, heard=_fate(fallen).heard)
        elif self._powered:
            self._count(0, INHIBITED if channel else REJECTED, None)
        fallen.over = True
        return _fate(fallen)

    async def drop(self, *channels: int) -> None:
        """Coins of these channels pass in one instant, whatever the inhibits say: the counter outruns the buffer."""
        for channel in channels:
            self._count(channel, PATH, None)

    async def err(self, code: int) -> None:
        """An error event."""
        self._count(0, code, None)

    async def power_off(self) -> None:
        self._powered = False
        self._look()

    async def power_on(self) -> None:
        self._power_up()
        self._powered = True
        self._look()

    async def reset(self) -> None:
        """It starts anew between two questions: counter, buffer, mask and inhibit are as after a power-up."""
        self._power_up()
        self._look()

    async def mute(self) -> None:
        """It hears and obeys; what it answers is lost."""
        self._muted = True

    async def speak(self) -> None:
        self._muted = False

    async def corrupt(self, answers: int) -> None:
        """One byte of each of the next answers is wrong."""
        self._corrupt = answers

    async def garbage(self, count: int) -> None:
        """Bytes that nobody asked for."""
        self._write(self._rng.randbytes(count))

    async def disturb(self) -> None:
        """Noise on the wire until `calm`."""
        self._disturb()

    async def calm(self) -> None:
        if self._noise is not None:
            self._noise.cancel()
            self._noise = None

    async def unplug(self) -> None:
        """The adapter leaves the USB port; the acceptor hears nobody."""
        if self._master is None:
            return
        self._loop.remove_reader(self._master)
        os.close(self._master)
        os.close(self._slave)
        self._master = None
        self._port.unlink()

    async def replug(self) -> None:
        if self._master is None:
            self._plug()

    async def record(self) -> CoinRecord:
        fates = tuple(_fate(fallen) for fallen in self._fallen)
        return CoinRecord(
            swallowed_cents=sum(fate.cents for fate in fates if fate.swallowed),
            returned_cents=sum(fate.cents for fate in fates if fate.over and not fate.swallowed),
            heard_cents=sum(fate.cents for fate in fates if fate.heard == "whole"),
            coins=fates,
        )

    async def close(self) -> None:
        """The bench is put away."""
        await self.calm()
        await self.unplug()
        if self._stopping is not None:
            self._stopping.cancel()

    # --- the acceptor

    def _power_up(self) -> None:
        self.counter = 0
        self._events = [(0, 0)] * 5  # newest first
        self._fetching: list[_Fallen] = []
        self._inhibits = 0xFFFF if self._model == "al66" else 0
        self._accepting = True
        self._asked_s: float | None = None

    def _count(self, coin: int, code: int, fallen: _Fallen | None) -> None:
        if not self._powered:
            return
        self.counter = self.counter % 255 + 1
        self._events = [(coin, code), *self._events[:4]]
        if fallen is not None:
            self._fetching.append(fallen)

    def _accepts(self, channel: int) -> bool:
        return channel > 0 and self.open and bool(self._inhibits >> (channel - 1) & 1)

    @property
    def open(self) -> bool:
        """Whether it takes at least one coin."""
        asked = self._asked_s is not None and self._loop.time() - self._asked_s < STOPS_S
        return self._powered and self._accepting and self._inhibits != 0 and (asked or self._model == "al66")

    def _look(self) -> None:
        if self.open != self._was_open:
            self._was_open = not self._was_open
            self._journal.note("coins.enabled" if self._was_open else "coins.closed")

    def _answer(self, header: int, data: bytes) -> bytes | None:
        """The data of the answer, None where it does not know the question."""
        if header in self._texts:
            return self._texts[header]
        match header:
            case 254:
                return b""
            case 231 if len(data) == 2:
                self._inhibits = data[0] | data[1] << 8
                return b""
            case 228 if len(data) == 1:
                self._accepting = bool(data[0] & 1)
                return b""
            case 229:
                self._asked_s = self._loop.time()
                if self._stopping is not None:
                    self._stopping.cancel()
                self._stopping = self._loop.call_later(STOPS_S + 0.01, self._look)
                return bytes([self.counter]) + bytes(byte for event in self._events for byte in event)
            case 184 if len(data) == 1 and 1 <= data[0] <= 16:
                return (self._coins[data[0] - 1] if data[0] <= len(self._coins) else "......").encode()
        return None

    # --- the wire

    def _disturb(self) -> None:
        self._write(self._rng.randbytes(3))
        self._noise = self._loop.call_later(0.002, self._disturb)

    def _plug(self) -> None:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self._loop.add_reader(self._master, self._hear)
        self._heard.clear()
        self._port.symlink_to(os.ttyname(self._slave))

    def _hear(self) -> None:
        assert self._master is not None
        try:
            came = os.read(self._master, 4096)
        except OSError:
            return
        if self._echo:
            self._write(came)
        if not self._powered:
            return
        self._heard += came
        while len(self._heard) >= 5 and len(self._heard) >= (whole := 5 + self._heard[1]):
            question, self._heard = self._heard[:whole], self._heard[whole:]
            if sum(question) & 0xFF or question[0] not in (0, self._address):
                self._heard.clear()
                return
            self._reply(question[2], question[3], bytes(question[4:-1]))

    def _reply(self, host: int, header: int, data: bytes) -> None:
        answer = self._answer(header, data)
        self._look()
        if answer is None or self._muted:
            return
        reply = bytearray((host, len(answer), self._address, 0)) + answer
        reply.append((256 - sum(reply) % 256) % 256)
        if self._corrupt or self._noise is not None:
            self._corrupt = max(0, self._corrupt - 1)
            reply[self._rng.randrange(len(reply))] ^= 1 << self._rng.randrange(8)
            self._write(reply)
            return
        self._write(reply)
        if header == 229:
            for fallen in self._fetching[-5:]:
                fallen.told.set()
            self._fetching.clear()

    def _write(self, data: bytes | bytearray) -> None:
        if self._master is not None:
            with suppress(BlockingIOError):  # nobody reads: what is more is lost, as on a wire
                os.write(self._master, data)


def _fate(fallen: _Fallen) -> Inserted:
    heard = fallen.swallowed and fallen.told.is_set()
    return Inserted(fallen.n, fallen.cents, None, fallen.over, fallen.swallowed, "whole" if heard else "none")
