"""The bench's side of a cabin process: the verbs and the journal of a SimCabin, over its socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np

from hw.sim.camera import SimCamera
from hw.sim.coins import CoinRecord, Inserted, SimCoins
from hw.sim.journal import Entry, Journal
from hw.sim.lights import SimLights
from hw.sim.panel import SimPanel
from hw.sim.paper import DOTS, Sheet
from hw.sim.pen import SimPen
from hw.sim.printer import SimPrinter
from hw.sim.wire import Link, WireError

RETRY_S = 0.05


class Bench:
    """Verbs by device as on a SimCabin; only what stands in a device's VERBS works from here."""

    def __init__(self) -> None:
        self.journal = Journal()
        self._link: Link | None = None
        self.camera = cast(SimCamera, _Verbs(self, "camera", SimCamera.VERBS))
        self.coins = cast(SimCoins, _Verbs(self, "coins", SimCoins.VERBS))
        self.pen = cast(SimPen, _Verbs(self, "pen", SimPen.VERBS))
        self.printer = cast(SimPrinter, _Verbs(self, "printer", SimPrinter.VERBS))
        self.lights = cast(SimLights, _Verbs(self, "lights", SimLights.VERBS))
        self.panel = cast(SimPanel, _Verbs(self, "panel", SimPanel.VERBS))

    async def wait(self, what: str, *, timeout_s: float = 30.0, **data: Any) -> Entry:
        """See Journal.wait."""
        return await self.journal.wait(what, timeout_s=timeout_s, **data)

    async def wait_view(self, *steps: str, timeout_s: float = 30.0) -> Entry:
        """The next view shown whose step is one of these."""
        return await self.journal.wait("panel.view", timeout_s=timeout_s, step=steps)

    async def do(self, device: str, verb: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> object:
        """Runs a verb there. Raises what it raises; DeviceMissing when the cabin is gone."""
        assert self._link is not None
        return _unpack(*await self._link.ask(device, verb, args=_plain(args), kwargs=_plain(kwargs)))

    async def connect(self, socket: Path, timeout_s: float) -> None:
        """Waits for the cabin process for at most `timeout_s` seconds. TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while self._link is None:
                try:
                    _, self._link = await asyncio.get_running_loop().create_unix_connection(
                        lambda: Link(self._told, self._lost), str(socket)
                    )
                except (FileNotFoundError, ConnectionRefusedError):
                    await asyncio.sleep(RETRY_S)  # its process is starting
        self._link.tell({"do": "hello", "role": "bench"})

    def close(self) -> None:
        if self._link is not None:
            self._link.close("this bench stops")

    def _told(self, _link: Link, head: dict[str, Any], _body: bytes) -> None:
        if head.get("do") != "entry":
            raise WireError(f"not understood: {str(head)[:80]}")
        self.journal.add(Entry(head["n"], head["at_s"], head["what"], head["data"]))

    def _lost(self, _link: Link, _why: str) -> None:
        self.journal.note("cabin.gone")


class _Verbs:
    def __init__(self, bench: Bench, device: str, verbs: frozenset[str]) -> None:
        self._bench, self._device, self._verbs = bench, device, verbs

    def __getattr__(self, verb: str) -> Any:
        if verb not in self._verbs:
            raise AttributeError(f"{self._device}.{verb} does not work from a bench")

        async def run(*args: Any, **kwargs: Any) -> object:
            return await self._bench.do(self._device, verb, args, kwargs)

        return run


def _plain(value: Any) -> Any:
    """Paths as text; lists, tuples and dicts of them too."""
    if isinstance(value, Path):
        return str(value.resolve())
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return {key: _plain(one) for key, one in value.items()} if isinstance(value, dict) else value


def _unpack(head: dict[str, Any], body: bytes) -> object:
    match head["is"]:
        case "bytes":
            return body
        case "Inserted":
            return Inserted(**head["value"])
        case "CoinRecord":
            value = head["value"]
            return CoinRecord(**value | {"coins": tuple(Inserted(**coin) for coin in value["coins"])})
        case "sheets":
            sheets = []
            for n, whole, rows, size in head["value"]:
                dots = np.frombuffer(body[: rows * DOTS], np.bool_).reshape(rows, DOTS)
                sheets.append(Sheet(n, whole, dots, body[rows * DOTS : rows * DOTS + size]))
                body = body[rows * DOTS + size :]
            return sheets
        case _:
            return head.get("value")


@asynccontextmanager
async def open_bench(socket: Path | str, *, timeout_s: float = 15.0) -> AsyncIterator[Bench]:
    """A bench at the cabin process behind `socket`, whose whole journal it has. TimeoutError if none is there."""
    bench = Bench()
    await bench.connect(Path(socket), timeout_s)
    try:
        yield bench
    finally:
        bench.close()
