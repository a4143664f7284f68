"""How bytes reach a printer: what EscposPrinter asks of it, and the one thread in which a real device is met.

No call may block the loop or go on after its deadline; no byte of an old job may follow after the device was reopened.
"""

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar

from hw.cabin import DeviceMissing, DeviceSilent

T = TypeVar("T")

OPEN_S = 4.0  # a USB reset takes 0.3 s, a host that is not there does not answer at all
STUCK = "its driver's call does not come back; switch the printer off and on, then start the booth again"
SLACK_S = 2.0  # what a call may take beyond its own deadline before its thread counts as stuck


class ByteTransport(Protocol):
    """Bytes to and from one printer. Every call: DeviceMissing when it is gone, DeviceFault when it cannot be used."""

    async def write(self, data: bytes, *, deadline_s: float) -> int:
        """How many bytes of it the device took: all, or fewer when `deadline_s` seconds were over."""

    async def read(self, *, deadline_s: float) -> bytes:
        """What has come, at least one byte; b"" when nothing came within `deadline_s` seconds."""

    async def reset(self) -> int:
        """Drops what is on its way, and makes the device forget what it has not printed as far as the line can.

        How many bytes of those that `write` counted had certainly not reached the device.
        """

    async def port_says(self) -> str:
        """Bad news on the port's own status lines ("paper out"), "" where there is none or no such lines."""


class Port(Protocol):
    """One opened device, met in the worker thread only. Errors as ByteTransport's; `close` never raises."""

    def write(self, data: bytes, deadline_s: float) -> int: ...

    def read(self, deadline_s: float) -> bytes: ...

    def status(self) -> str: ...

    def drop(self) -> int:
        """Lets what is on its way vanish and the device forget, before the port is closed. See ByteTransport.reset."""

    def close(self) -> None: ...


class WorkerTransport:
    """ByteTransport over what `open_port` opens: in one thread, when first needed, and anew after a loss."""

    def __init__(self, open_port: Callable[[], Port]) -> None:
        self._open_port = open_port
        self._port: Port | None = None
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="printer", daemon=True)
        self._thread.start()
        self._stuck: Future[Any] | None = None

    async def write(self, data: bytes, *, deadline_s: float) -> int:
        return await self._do(lambda port: port.write(data, deadline_s), deadline_s)

    async def read(self, *, deadline_s: float) -> bytes:
        return await self._do(lambda port: port.read(deadline_s), deadline_s)

    async def reset(self) -> int:
        def drop(port: Port) -> int:
            try:
                dropped = port.drop()
            finally:
                self._drop_port()
            self._opened()
            return dropped

        return await self._do(drop, OPEN_S)

    async def port_says(self) -> str:
        return await self._do(lambda port: port.status(), 1.0)

    async def close(self) -> None:
        """Closes the device and ends the thread; a thread that is stuck is left behind."""
        self._work.put(self._drop_port)
        self._work.put(None)
        await asyncio.to_thread(self._thread.join, OPEN_S)

    async def _do(self, call: Callable[[Port], T], deadline_s: float) -> T:
        """Runs it in the thread. Cancelled, it goes on to its deadline there, and the next call comes after it."""
        if self._stuck is not None and not self._stuck.done():
            raise DeviceSilent("printer", STUCK)
        result: Future[T] = Future()

        def run() -> None:
            if not result.set_running_or_notify_cancel():
                return
            try:
                result.set_result(call(self._opened()))
            except DeviceMissing as gone:
                self._drop_port()
                result.set_exception(gone)
            except BaseException as error:
                result.set_exception(error)

        self._work.put(run)
        try:
            async with asyncio.timeout(deadline_s + OPEN_S + SLACK_S):
                return await asyncio.wrap_future(result)
        except TimeoutError:
            self._stuck = result
            raise DeviceSilent("printer", STUCK) from None

    # --- in the thread

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            work()

    def _opened(self) -> Port:
        if self._port is None:
            self._port = self._open_port()
        return self._port

    def _drop_port(self) -> None:
        port, self._port = self._port, None
        if port is not None:
            port.close()
