"""Edges of coin lines to coin events, without a clock or a device.

It must never round: what is not clearly one coin is an UnclearCoin with its raw edges.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import pairwise

from hw.cabin import Coin, CoinEvent, Edge, Glitch, TrainOpened, UnclearCoin
from hw.coins.tables import PulseTable

MS = 1_000_000
KEPT_EDGES = 512  # of one train; the longest honest train has a few dozen
NOISE_MS = 16  # shorter than any known acceptor's pulse (20 ms − 20 %)


@dataclass
class _Line:
    high: bool = True
    seq: int = 0  # line_seqno of gpiod counts from 1 at every request of the line
    stuck: bool = False


@dataclass(eq=False)
class _Train:
    name: str
    last_ns: int
    tail: bool
    edges: list[Edge] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


class PulseDecoder:
    """Edges in, coin events out; no clock of its own. Every TrainOpened is ended by exactly one other event.

    `since_ns`: when we began to listen; what begins within a closing gap of it may be the tail of a coin nobody heard.
    `low`: lines that were low then. `run` makes the names of trains unique over restarts.
    """

    def __init__(self, table: PulseTable, *, run: str, since_ns: int, low: Collection[str] = ()) -> None:
        self._table = table
        self._run = run
        self._quiet_ns = since_ns + int(table.closing_ms * MS)
        self._lines = {name: _Line(high=False, stuck=True) for name in low}
        self._alarm_ends_ns: int | None = None
        self._trains: dict[str, _Train] = {}
        self._opened = 0

    @property
    def trouble(self) -> str:
        """What is wrong with the lines right now, "" if nothing."""
        if self._alarm_ends_ns is not None:
            return f"line {self._table.alarm_line} tells of a fraud: the acceptor takes nothing for a while"
        if self._all_low():
            return "all lines are low: the acceptor's alarm"
        for name, line in self._lines.items():
            if line.stuck:
                return f"line {name} is held low"
        if any(len(train.edges) >= KEPT_EDGES for train in self._trains.values()):
            return "the lines are never quiet"
        return ""

    @property
    def tails_end_ns(self) -> int:
        """Until then a signal may be the rest of one that nobody heard begin: a coin let in earlier could be taken for
        it, or run into it."""
        tails = (self._deadline_ns(train) for train in self._trains.values() if train.tail)
        return max([self._quiet_ns, *tails])

    @property
    def next_close_ns(self) -> int | None:
        """When the next open train or alarm ends if no further edge comes; None without one."""
        ends = [self._deadline_ns(train) for train in self._trains.values()]
        if self._alarm_ends_ns is not None:
            ends.append(self._alarm_ends_ns)
        return min(ends, default=None)

    def feed(self, edge: Edge) -> list[CoinEvent]:
        """Takes the next edge, in the kernel's order."""
        line = self._lines.setdefault(edge.line, _Line())
        faults: list[str] = []
        if edge.seq != line.seq + 1:
            faults.append(f"edges lost: sequence goes from {line.seq} to {edge.seq}")
            if edge.line in self._trains:  # they may have been the end of this train, or the start of the next
                self._trains[edge.line].faults += faults
        events = self.close(edge.at_ns)
        if edge.rising == line.high:
            faults.append(f"two {'rising' if edge.rising else 'falling'} edges in a row")
        released = line.stuck and edge.rising and not faults
        line.high, line.seq, line.stuck = edge.rising, edge.seq, False
        if edge.line == self._table.alarm_line:
            self._raise_alarm(edge)
            return events
        if released:
            return events  # the end of a signal that was reported when it stuck

        train = self._trains.get(edge.line)
        if not edge.rising:
            for other in [name for name in self._table.coins if name != edge.line and self._low(name)]:
                faults.append("two lines low at once")
                joined = self._trains.get(other)
                if train is None:
                    train = joined
                elif joined is not None and joined is not train:
                    joined.faults.append("two lines low at once")
        if train is None:
            train = self._open(edge, faults)
            events.append(TrainOpened(train.name, edge.at_ns))
        if edge.at_ns < train.last_ns:
            faults.append("its time ran backwards")
        self._trains[edge.line] = train
        train.last_ns = max(train.last_ns, edge.at_ns)
        if len(train.edges) < KEPT_EDGES:
            train.edges.append(edge)
        else:
            faults.append(f"more than {KEPT_EDGES} edges")
        if not train.faults:
            train.faults = faults[:1]
        if self._all_low():
            train.faults.insert(0, "all lines low: the acceptor's alarm")
        return events

    def close(self, now_ns: int) -> list[CoinEvent]:
        """Ends every train that has been silent for long enough at `now_ns`, and an alarm whose time is over."""
        if self._alarm_ends_ns is not None and self._alarm_ends_ns <= now_ns:
            self._alarm_ends_ns = None
        due = {id(train): train for train in self._trains.values() if self._deadline_ns(train) <= now_ns}
        return [self._end(train) for train in sorted(due.values(), key=self._deadline_ns)]

    def abandon(self, why: str) -> list[CoinEvent]:
        """The lines went away: every open train ends now, unclear."""
        events: list[CoinEvent] = []
        for train in {id(train): train for train in self._trains.values()}.values():
            train.faults.append(why)
            events.append(self._end(train))
        return events

    def _open(self, edge: Edge, faults: list[str]) -> _Train:
        self._opened += 1
        tail = edge.at_ns < self._quiet_ns
        if tail:
            faults.append("it began before anybody listened")
        if edge.line not in self._table.coins:
            faults.append(f"no line {edge.line} in the table")
        return _Train(name=f"{self._run}.{self._opened}", last_ns=edge.at_ns, tail=tail)

    def _raise_alarm(self, edge: Edge) -> None:
        if edge.rising:
            return
        self._alarm_ends_ns = edge.at_ns + int(self._table.alarm_s * 1000 * MS)
        for train in self._trains.values():
            train.faults.append(f"line {edge.line} told of a fraud")

    def _low(self, name: str) -> bool:
        return name in self._lines and not self._lines[name].high

    def _all_low(self) -> bool:
        coins = self._table.coins
        return self._table.alarm_all_low and len(coins) > 1 and all(self._low(name) for name in coins)

    def _deadline_ns(self, train: _Train) -> int:
        held = [self._table.width_ms(name)[1] for name, its in self._trains.items() if its is train and self._low(name)]
        return train.last_ns + int((self._table.closing_ms + max(held, default=0)) * MS)

    def _end(self, train: _Train) -> CoinEvent:
        for name in [name for name, its in self._trains.items() if its is train]:
            del self._trains[name]
            if not self._lines[name].high:
                self._lines[name].stuck = True
                train.faults.append("held low")
        try:
            if train.faults:
                raise _UnclearError(train.faults[0])
            cents = _cents(train.edges, self._table)
        except _UnclearError as unclear:
            return UnclearCoin(train.name, str(unclear), train.last_ns, tuple(train.edges), train.tail)
        return Coin(train.name, cents, train.last_ns) if cents else Glitch(train.name, train.last_ns)


class _UnclearError(Exception):
    pass


def _cents(edges: list[Edge], table: PulseTable) -> int:
    """Value of a train of one line, whose edges alternate and end high; 0 for a glitch."""
    pulses = _pulses(edges, table.bounce_ms * MS)
    widths_ms = [(end - start) / MS for start, end in pulses]
    gaps_ms = [(after[0] - before[1]) / MS for before, after in pairwise(pulses)]
    expected_ms = table.width_ms(edges[0].line)
    if all(width < min(expected_ms[0], NOISE_MS) for width in widths_ms):
        return 0
    for kind, lengths, (least, most) in (("pulse", widths_ms, expected_ms), ("gap", gaps_ms, table.gap_ms)):
        for length in lengths:
            if not least <= length <= most:
                raise _UnclearError(f"a {kind} of {length:.1f} ms; {least:g} to {most:g} ms expected")
    cents = table.coins[edges[0].line].get(len(pulses))
    if cents is None:
        raise _UnclearError(f"{len(pulses)} pulses are no coin")
    return cents


def _pulses(edges: list[Edge], bounce_ns: float) -> list[tuple[int, int]]:
    """(start, end) of each low; a change of level counts from the edge after which it holds still."""
    pulses: list[tuple[int, int]] = []
    start: int | None = None
    for edge, after in zip(edges, [*edges[1:], None], strict=True):
        if after is not None and after.at_ns - edge.at_ns < bounce_ns:
            continue
        if not edge.rising and start is None:
            start = edge.at_ns
        elif edge.rising and start is not None:
            pulses.append((start, edge.at_ns))
            start = None
    return pulses
