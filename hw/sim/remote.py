"""The booth's side of a cabin process: ports over a Unix socket, under the same drivers as everywhere.

It must stay light while nothing happens, and never take a cabin that is away for one that is well.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from hw.cabin import (
    Cabin,
    DeviceMissing,
    DeviceSilent,
    Edge,
    Frame,
    Health,
    PenSample,
    Scene,
    Status,
    Still,
    View,
)
from hw.coins import DG600F, CoinListener, PulseAcceptor
from hw.feed import Feed
from hw.printer import EscposPrinter
from hw.sim.labels import labels
from hw.sim.wire import Link, WireError

log = logging.getLogger(__name__)

SILENT_S = 2.5  # the cabin beats once a second
ANSWER_S = 2.0  # for what takes the device no time
STILL_S = 6.0
BACKOFF_S = (0.1, 2.0)


class _Line:
    """The connection to the cabin, while there is one; and what the cabin said last."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._link: Link | None = None
        self._lost = asyncio.Event()
        self._beat_s = 0.0
        self._said: dict[str, Status] = {}
        self.tried = asyncio.Event()  # whether it is there is known
        self.coins = _Lines(self)
        self.pen = _Pen(self)
        self.panel = _Panel(self)

    async def keep(self, socket: Path) -> None:
        """Connects, and connects again, for ever."""
        pause_s = BACKOFF_S[0]
        while True:
            self._lost.clear()
            try:
                _, link = await self._loop.create_unix_connection(lambda: Link(self._told, self._gone), str(socket))
            except OSError as error:
                if not self.tried.is_set():
                    log.warning("no cabin behind %s: %s", socket, error)
                self.tried.set()
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, BACKOFF_S[1])
                continue
            self._link = link
            link.tell({"do": "hello", "role": "booth"})
            try:
                await self._lost.wait()
            finally:
                link.close("this booth stops")
            if self._said:
                pause_s = BACKOFF_S[0]
            self._said = {}
            await asyncio.sleep(pause_s)

    def status(self, device: str) -> Status:
        if self._link is None or device not in self._said:
            return Status(Health.UNKNOWN, "the cabin is not there")
        silent_s = self._loop.time() - self._beat_s
        if silent_s > SILENT_S:
            return Status(Health.UNKNOWN, f"the cabin has been silent for {silent_s:.0f} s")
        return self._said[device]

    def tell(self, device: str, head: dict[str, Any]) -> None:
        self._there(device).tell(head)

    async def ask(
        self, device: str, do: str, body: bytes = b"", *, deadline_s: float, **args: Any
    ) -> tuple[dict[str, Any], bytes]:
        return await self._there(device).ask(device, do, body, deadline_s=deadline_s, **args)

    def _there(self, device: str) -> Link:
        if self._link is None:
            raise DeviceMissing(device, "the cabin is not there")
        return self._link

    def _told(self, link: Link, head: dict[str, Any], body: bytes) -> None:
        del body
        try:
            match head.pop("do", None):
                case "edge":
                    self.coins.told(Edge(**head))
                case "sample":
                    self.pen.feed.put(PenSample(**head))
                case "beat":
                    self._beat_s = self._loop.time()
                    self._said = {name: Status(Health(its[0]), its[1]) for name, its in head["status"].items()}
                    self.tried.set()
                case "cabin":
                    self.pen.width_mm, self.pen.height_mm = head["pad_mm"]
                    self.panel.present = head["panel"]
                    log.info("the cabin is there")
                case "lines_came":
                    self.coins.came(head["at_ns"], head["low"])
                case "lines_gone":
                    self.coins.gone(head["why"])
                case "pen_gone":
                    self.pen.feed.end(DeviceMissing("pen", head["why"]))
                case do:
                    raise WireError(f"a cabin says no {do!r}")
        except (KeyError, TypeError, ValueError) as error:
            raise WireError(f"not understood: {error}") from error

    def _gone(self, link: Link, why: str) -> None:
        if link is not self._link:
            return
        log.warning("the cabin is gone: %s", why)
        self._link = None
        self.coins.gone("the cabin is not there")
        self.pen.feed.end(DeviceMissing("pen", "the cabin is not there"))
        self.tried.set()
        self._lost.set()


class _Lines:
    """CoinLines."""

    def __init__(self, line: _Line) -> None:
        self._line = line
        self._listener: CoinListener | None = None

    def status(self) -> Status:
        return self._line.status("coins")

    def listen(self, listener: CoinListener) -> None:
        self._listener = listener
        listener.lines_gone("the cabin is not there")

    def enable(self, for_s: float) -> None:
        self._line.tell("coins", {"do": "enable", "for_s": for_s})

    def told(self, edge: Edge) -> None:
        if self._listener is not None:
            self._listener.edge(edge)
            self._line.tell("coins", {"do": "heard", "seq": edge.seq})

    def came(self, at_ns: int, low: list[str]) -> None:
        if self._listener is not None:
            self._listener.lines_came(at_ns, low)

    def gone(self, why: str) -> None:
        if self._listener is not None:
            self._listener.lines_gone(why)


class _Camera:
    def __init__(self, line: _Line) -> None:
        self._line = line

    def status(self) -> Status:
        return self._line.status("camera")

    async def frames(self) -> AsyncIterator[Frame]:
        at_ns = 0
        while True:
            head, body = await self._line.ask("camera", "frame", deadline_s=STILL_S, after_ns=at_ns)
            at_ns = head["at_ns"]
            yield Frame(np.frombuffer(body, np.uint8).reshape(head["shape"]), at_ns)

    async def still(self) -> Still:
        head, body = await self._line.ask("camera", "still", deadline_s=STILL_S)
        picture = body if head["shape"] is None else np.frombuffer(bytearray(body), np.uint8).reshape(head["shape"])
        return Still(picture, head["at_ns"], head["exposure_us"], head["gain"], head["focal_px"])


class _Lights:
    def __init__(self, line: _Line) -> None:
        self._line = line

    def status(self) -> Status:
        return self._line.status("lights")

    async def show(self, scene: Scene, *, for_s: float = 30.0) -> None:
        await self._line.ask("lights", "show", deadline_s=ANSWER_S, scene=scene.value, for_s=for_s)


class _Pen:
    def __init__(self, line: _Line) -> None:
        self._line = line
        self.width_mm, self.height_mm = 152.0, 95.0  # until the cabin says its own
        self.feed: Feed[PenSample] = Feed()

    def status(self) -> Status:
        return self._line.status("pen")

    def samples(self) -> AsyncIterator[PenSample]:
        reader = self.feed.reader()
        if (status := self.status()).health is not Health.WELL:
            self.feed.end_one(reader, DeviceMissing("pen", status.why))
        return reader


class _Transport:
    """ByteTransport."""

    def __init__(self, line: _Line) -> None:
        self._line = line

    async def write(self, data: bytes, *, deadline_s: float) -> int:
        head, _ = await self._line.ask("printer", "write", data, deadline_s=deadline_s + ANSWER_S, within_s=deadline_s)
        return int(head["took"])

    async def read(self, *, deadline_s: float) -> bytes:
        try:
            _, came = await self._line.ask("printer", "read", deadline_s=deadline_s + ANSWER_S, within_s=deadline_s)
        except DeviceSilent:
            return b""  # the cabin stands still: nothing came
        return came

    async def reset(self) -> int:
        try:
            await self._line.ask("printer", "reset", deadline_s=ANSWER_S)
            return 0
        except DeviceSilent as silent:
            raise DeviceMissing("printer", "the cabin stands still") from silent

    async def port_says(self) -> str:
        return ""  # a socket has no status lines


class _Panel:
    present = True

    def __init__(self, line: _Line) -> None:
        self._line = line

    def status(self) -> Status:
        return self._line.status("panel")

    async def show(self, view: View) -> None:
        head = {"step": view.step, "lines": view.lines, "sound": view.sound, "fields": view.fields}
        await self._line.ask("panel", "show", view.picture or b"", deadline_s=ANSWER_S, **head)


@asynccontextmanager
async def open_cabin(socket: Path | str) -> AsyncIterator[Cabin]:
    """The cabin behind `socket`, there or not: its devices come and go with its process. Ready after the first try."""
    line = _Line()
    coins = PulseAcceptor(line.coins, DG600F)
    cabin = Cabin(
        camera=_Camera(line),
        lights=_Lights(line),
        coins=coins,
        pen=line.pen,
        printer=EscposPrinter(_Transport(line)),
        panel=line.panel,
        labels=labels(DG600F),
    )
    async with asyncio.TaskGroup() as tasks:
        keeper = tasks.create_task(line.keep(Path(socket)))
        try:
            with suppress(TimeoutError):  # a cabin that stands still is no reason to wait
                async with asyncio.timeout(ANSWER_S):
                    await line.tried.wait()
            yield cabin
        finally:
            keeper.cancel()
