"""The simulated coin acceptor: what a multi-coin acceptor does mechanically and on its pulse line, bounce included.

It remembers what physically went in and what came back, so that money can be checked against it.
"""

import asyncio
import random
from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from hw.cabin import DeviceMissing, Edge, Health, Status
from hw.coins import DELIVERY_S, CoinListener, PulseTable
from hw.sim.journal import Journal

FAULTS = ("truncated", "extra", "short_pulse", "same_direction", "seq_hole", "stuck", "garbage")
"""Last pulse missing, one too many, one half as long, one edge merged away, one lost with a hole, held low, noise."""

ROLL_S = (0.15, 0.35)  # from the slot to the validation
PULSE_S, GAP_S = 0.045, 0.050
LINE = "coin"

Heard = Literal["whole", "part", "none"]


@dataclass(frozen=True)
class Inserted:
    """One coin's fate. `fault`: what was asked for, or what an earlier fault did to this one.

    `heard`: how much of its signal, with the silence after it, reached a booth that listened.
    """

    n: int
    cents: int
    fault: str | None
    over: bool
    swallowed: bool
    heard: Heard


@dataclass(frozen=True)
class CoinRecord:
    """`heard_cents`: swallowed coins whose whole and faultless signal was heard: the credit that must exist."""

    swallowed_cents: int
    returned_cents: int
    heard_cents: int
    coins: tuple[Inserted, ...]


@dataclass(eq=False)
class _Coin:
    n: int
    cents: int
    fault: str | None
    done: asyncio.Future[None]
    swallowed: bool = False
    over: bool = False
    session: int = 0
    sent: int = 0
    heard_edges: int = 0
    cut_off: bool = False

    def fate(self) -> Inserted:
        whole = self.over and not self.cut_off and self.sent == self.heard_edges
        heard: Heard = "none" if not self.heard_edges else "whole" if whole else "part"
        return Inserted(self.n, self.cents, self.fault, self.over, self.swallowed, heard)


@dataclass(eq=False)
class _Session:
    """One booth that listens; its kernel numbers each line's edges from 1."""

    number: int
    listener: CoinListener
    acknowledges: bool
    seq: int = 0
    hidden: bool = False  # its last edge was lost or merged, and no later one has shown it yet
    unheard: deque[tuple[int, _Coin | None]] = field(default_factory=deque)


class SimCoins:
    """CoinLines protocol (the electrical side of PulseAcceptor) and its bench verbs."""

    VERBS = frozenset({"insert", "spike", "stick", "release", "unplug", "replug", "record"})

    def __init__(self, rng: random.Random, journal: Journal, table: PulseTable) -> None:
        self._loop = asyncio.get_running_loop()
        self._rng = rng
        self._journal = journal
        self._counts = {cents: count for count, cents in table.coins[LINE].items()}
        self._silence_s = (table.closing_ms + table.pulse_ms[1]) / 1000 + 2 * DELIVERY_S
        self._session: _Session | None = None
        self._sessions = 0
        self._enabled = False
        self._open_timer: asyncio.TimerHandle | None = None
        self._plugged = True
        self._high = True
        self._coins: list[_Coin] = []
        self._waiting: deque[_Coin] = deque()
        self._busy = False

    # --- the electrical side

    def status(self) -> Status:
        return Status(Health.WELL) if self._plugged else Status(Health.FAULTY, "unplugged")

    def listen(self, listener: CoinListener, *, acknowledges: bool = False) -> None:
        """`acknowledges`: it says by `heard` when an edge has really arrived; else it has arrived when it is told."""
        self._sessions += 1
        self._session = _Session(self._sessions, listener, acknowledges)
        if self._plugged:
            listener.lines_came(self._now_ns(), () if self._high else (LINE,))
        else:
            listener.lines_gone("unplugged")

    def enable(self, for_s: float) -> None:
        if not self._plugged:
            raise DeviceMissing("coins", "unplugged")
        if self._open_timer is not None:
            self._open_timer.cancel()
            self._open_timer = None
        if for_s > 0:
            self._open_timer = self._loop.call_later(for_s, self.enable, 0)
        if (for_s > 0) != self._enabled:
            self._enabled = for_s > 0
            self._journal.note("coins.enabled" if self._enabled else "coins.closed")

    def heard(self, seq: int) -> None:
        """The booth has edge `seq` and all before it."""
        unheard = self._session.unheard if self._session is not None else deque()
        while unheard and unheard[0][0] <= seq:
            coin = unheard.popleft()[1]
            if coin is not None:
                coin.heard_edges += 1

    def let_go(self) -> None:
        """The booth is gone: the enable line falls, edges that it has not heard vanish."""
        self._session = None
        if self._enabled:
            self.enable(0)

    # --- the bench

    async def insert(self, cents: int, fault: str | None = None) -> Inserted:
        """A coin into the slot, its signal spoilt by `fault` (one of FAULTS). Back when its signal is over."""
        if fault is not None and fault not in FAULTS:
            raise ValueError(f"fault {fault!r}: choose one of {', '.join(FAULTS)}")
        coin = _Coin(len(self._coins) + 1, cents, fault, self._loop.create_future())
        self._coins.append(coin)
        self._waiting.append(coin)
        self._next()
        await asyncio.shield(coin.done)  # who looks away does not stop the coin
        return coin.fate()

    async def spike(self) -> None:
        """A disturbance on the line, too short for any coin."""
        at_s = self._loop.time()
        for _edge in range(2 * self._rng.randint(1, 3)):
            self._emit(not self._high, None, at_ns=int(at_s * 1e9))  # as planned: a late timer makes no longer spike
            lasts_s = self._rng.uniform(0.0005, 0.004)
            at_s += lasts_s
            await asyncio.sleep(lasts_s)

    async def stick(self) -> None:
        """The line is pulled low, and stays."""
        if self._high:
            self._emit(False, None)
        self._journal.note("coins.fault", fault="stuck")

    async def release(self) -> None:
        """The line is high again."""
        if not self._high:
            self._emit(True, None)
        self._journal.note("coins.fault", fault="")

    async def unplug(self) -> None:
        if self._enabled:
            self.enable(0)
        self._plugged = False
        self._journal.note("coins.fault", fault="unplugged")
        if self._session is not None:
            self._session.listener.lines_gone("unplugged")

    async def replug(self) -> None:
        if self._plugged:
            return
        self._plugged = True
        if self._session is not None:
            self.listen(self._session.listener, acknowledges=self._session.acknowledges)
        self._journal.note("coins.fault", fault="")

    async def record(self) -> CoinRecord:
        fates = tuple(coin.fate() for coin in self._coins)
        return CoinRecord(
            swallowed_cents=sum(coin.cents for coin in fates if coin.swallowed),
            returned_cents=sum(coin.cents for coin in fates if coin.over and not coin.swallowed),
            heard_cents=sum(coin.cents for coin in fates if coin.heard == "whole" and coin.fault is None),
            coins=fates,
        )

    # --- inside: one coin at a time, all by timers, so that it goes on whoever looks

    def _next(self) -> None:
        if self._waiting and not self._busy:
            self._busy = True
            self._loop.call_later(self._rng.uniform(*ROLL_S), self._validate, self._waiting.popleft())

    def _validate(self, coin: _Coin) -> None:
        count = self._counts.get(coin.cents)
        coin.swallowed = self._enabled and self._plugged and count is not None
        self._journal.note("coins.swallowed" if coin.swallowed else "coins.returned", n=coin.n, cents=coin.cents)
        if not coin.swallowed or count is None:
            self._finish(coin)
            return
        coin.session = self._session.number if self._session is not None else 0
        wave = self._wave(count, coin.fault)
        began_s = self._loop.time() + 0.05
        for at, (after_s, rising, fate) in enumerate(wave):
            self._loop.call_at(began_s + after_s, self._play, coin, at == 0, rising, fate, began_s + after_s)
        self._loop.call_at(began_s + wave[-1][0] + self._silence_s, self._finish, coin)

    def _play(self, coin: _Coin, first: bool, rising: bool, fate: str, at_s: float) -> None:
        if first:
            if not self._high:
                coin.fault = coin.fault or "line held low"
            self._journal.note("coins.train", n=coin.n)
        self._emit(rising, coin, fate=fate, at_ns=int(at_s * 1e9))

    def _finish(self, coin: _Coin) -> None:
        coin.cut_off |= self._session is None or self._session.number != coin.session
        coin.over = True
        if coin.swallowed:
            self._journal.note("coins.over", n=coin.n, cents=coin.cents, heard=coin.fate().heard)
        if not coin.done.done():
            coin.done.set_result(None)
        self._busy = False
        self._next()

    def _emit(self, rising: bool, coin: _Coin | None, *, fate: str = "told", at_ns: int | None = None) -> None:
        """An edge on the line. `fate`: told, lost (the kernel's buffer ran over) or merged (no event at all)."""
        self._high = rising
        session = self._session if self._plugged else None
        if coin is not None and fate == "told":
            coin.sent += 1
        if session is None:
            return
        session.seq += fate != "merged"
        was_hidden, session.hidden = session.hidden, fate != "told"
        if fate != "told":
            return
        if was_hidden and coin is not None and coin.fault is None:
            coin.fault = "after a loss"
        session.unheard.append((session.seq, coin))
        session.listener.edge(Edge(LINE, rising, at_ns if at_ns is not None else self._now_ns(), session.seq))
        if not session.acknowledges:
            self.heard(session.seq)

    def _wave(self, count: int, fault: str | None) -> list[tuple[float, bool, str]]:
        """(seconds, rising, fate) of every edge of a train."""
        rng = self._rng
        if fault == "garbage":
            at, noise = 0.0, []
            for _ in range(rng.randint(5, 60)):
                noise.append((at, rng.random() < 0.5, "told"))
                at += rng.choice((0.0003, 0.003, 0.02, 0.06))
            return [*noise, (at + 0.06, True, "told")]
        pulses = count + {"truncated": -1, "extra": 1}.get(fault or "", 0)
        spoilt = rng.randrange(max(1, pulses - 1))  # an edge lost at the very end would spoil the next coin too
        wave: list[tuple[float, bool, str]] = []
        at = 0.0
        for pulse in range(max(0, pulses)):
            here = pulse == spoilt
            width = PULSE_S / 2 if here and fault == "short_pulse" else PULSE_S
            wave += self._bouncing(at, False, "told")
            at += width + rng.uniform(-0.001, 0.001)
            if here and fault == "stuck":
                return wave
            fate = {"seq_hole": "lost", "same_direction": "merged"}.get(fault or "", "told") if here else "told"
            wave += self._bouncing(at, True, fate)
            at += GAP_S + rng.uniform(-0.001, 0.001)
        if not wave:  # a coin of one pulse that lost it: a flicker remains
            wave = [(0.0, False, "told"), (0.012, True, "told")]
        return wave

    def _bouncing(self, at: float, rising: bool, fate: str) -> list[tuple[float, bool, str]]:
        """A contact that closes or opens: up to two bounces in its first milliseconds, then it holds."""
        edges = [(at, rising, fate)]
        if fate == "merged":
            return edges
        for _ in range(self._rng.choice((0, 0, 1, 2))):
            for level in (not rising, rising):
                at += self._rng.uniform(0.0001, 0.001)
                edges.append((at, level, fate))
        return edges

    def _now_ns(self) -> int:
        return int(self._loop.time() * 1e9)
