"""What happened in a simulated cabin, in order, so that a script awaits events and never sleeps.

| what | data | when |
| --- | --- | --- |
| daemon.came, daemon.gone | | a booth connected, or went away (killed, stopped) |
| coins.enabled, coins.closed | | the acceptor's enable line changed |
| coins.train | n | the first edge of coin n |
| coins.swallowed, coins.returned | n, cents | the acceptor decided on coin n |
| coins.over | n, cents, heard | its signal and the silence after it are over |
| lights.levels | scene, levels | the lamps changed; scene None: dark, nobody drives them |
| pen.touched | x_mm, y_mm | the pen came down |
| camera.still | | a shot was delivered |
| printer.row | | the first row of a sheet |
| printer.sheet | n, whole, rows | a sheet came out, cut or torn |
| panel.view | step, lines, fields, sound, picture | a view was shown; picture: whether it has one |
| cabin.gone | | at a bench: the cabin process is gone |
| DEVICE.fault | fault | a bench verb broke or mended something |
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

KEPT = 20_000


@dataclass(frozen=True)
class Entry:
    """One thing that happened. `n` counts from 1; `at_s`: the loop's time where it happened."""

    n: int
    at_s: float
    what: str
    data: Mapping[str, Any]


class Journal:
    """All entries (the last KEPT), and a way to wait for the next of a kind."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._read: dict[str, int] = {}
        self._waiters: set[asyncio.Future[None]] = set()
        self._followers: list[Callable[[Entry], None]] = []

    def follow(self, told: Callable[[Entry], None]) -> None:
        """Calls `told` with every entry from now on."""
        self._followers.append(told)

    def note(self, what: str, **data: Any) -> None:
        last = self.entries[-1].n if self.entries else 0
        self.add(Entry(last + 1, asyncio.get_running_loop().time(), what, data))

    def add(self, entry: Entry) -> None:
        self.entries.append(entry)
        if len(self.entries) > KEPT:
            del self.entries[: KEPT // 2]
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        for told in self._followers:
            told(entry)

    async def wait(self, what: str, *, timeout_s: float = 30.0, **data: Any) -> Entry:
        """The first entry of this kind since the last wait for it, with this data (a tuple: any of its values).

        TimeoutError after `timeout_s`, saying what happened instead.
        """
        since = self._read.get(what, 0)
        try:
            async with asyncio.timeout(timeout_s):
                while (found := self._find(what, since, data)) is None:
                    waiter = asyncio.get_running_loop().create_future()
                    self._waiters.add(waiter)
                    try:
                        await waiter
                    finally:
                        self._waiters.discard(waiter)
        except TimeoutError:
            tail = "; ".join(f"{entry.what} {dict(entry.data)}" for entry in self.entries[-8:])
            raise TimeoutError(f"no {what} {data or ''} within {timeout_s:g} s. What happened last: {tail}") from None
        self._read[what] = found.n
        return found

    def _find(self, what: str, since: int, data: Mapping[str, Any]) -> Entry | None:
        first = self.entries[0].n if self.entries else 1
        for entry in self.entries[max(0, since + 1 - first) :]:
            if entry.what == what and all(_fits(entry.data.get(key), value) for key, value in data.items()):
                return entry
        return None


def _fits(value: Any, wanted: Any) -> bool:
    return value in wanted if isinstance(wanted, tuple) else bool(value == wanted)
