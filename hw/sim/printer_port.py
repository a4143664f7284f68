"""The simulated printer at a real port: a pseudo-terminal, a TCP address or the kernel's USB printer gadget.

It carries bytes and knows no command. Unplugged, the port is gone; plugged in again, it is a new one.
"""

import asyncio
import os
import socket
import tty
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from hw.cabin import DeviceMissing
from hw.sim import usb_gadget
from hw.sim.journal import Entry, Journal
from hw.sim.printer import SimPrinter

FOREVER_S = 1e6
RECEIVE_BYTES = 2048  # what a printer's own interface holds before its buffer

Read = Callable[[], Awaitable[bytes]]
Write = Callable[[bytes], None]


class _Pump:
    """Bytes between a printer and whoever is at its port: the newest only, as long as the port is there."""

    def __init__(self, printer: SimPrinter) -> None:
        self.printer = printer
        self._task: asyncio.Task[None] | None = None

    def at_descriptor(self, fd: int) -> asyncio.Task[None]:
        return self._start(lambda: _read(fd), lambda data: _write(fd, data))

    def at_connection(self, connection: socket.socket) -> asyncio.Task[None]:
        loop = asyncio.get_running_loop()
        return self._start(lambda: loop.sock_recv(connection, RECEIVE_BYTES), lambda data: _send(connection, data))

    def _start(self, read: Read, write: Write) -> asyncio.Task[None]:
        self.stop()
        self._task = asyncio.create_task(self._run(read, write))
        return self._task

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self, read: Read, write: Write) -> None:
        with suppress(DeviceMissing, OSError):
            async with asyncio.TaskGroup() as both:
                talking = both.create_task(self._talk(write))
                with suppress(DeviceMissing, OSError):  # pulled, or the other end went away: it stops talking
                    while data := await read():
                        await self.printer.write(data, deadline_s=FOREVER_S)
                talking.cancel()

    async def _talk(self, write: Write) -> None:
        with suppress(DeviceMissing, OSError):
            while True:
                write(await self.printer.read(deadline_s=FOREVER_S))


@asynccontextmanager
async def at_pty(printer: SimPrinter, journal: Journal, link: Path) -> AsyncIterator[None]:
    """A serial line: `link` points to its terminal while it is plugged in."""
    pump, fds = _Pump(printer), list[int]()

    def open_line() -> None:
        master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(master, False)
        fds[:] = master, slave  # ours is kept open: a serial printer does not notice who comes and goes
        link.unlink(missing_ok=True)
        link.symlink_to(os.ttyname(slave))
        pump.at_descriptor(master)

    def close_line() -> None:
        pump.stop()
        link.unlink(missing_ok=True)
        for fd in fds:
            os.close(fd)
        fds.clear()

    with _WhilePlugged(printer, journal, open_line, close_line):
        yield


@asynccontextmanager
async def at_address(printer: SimPrinter, journal: Journal, port: int = 0) -> AsyncIterator[int]:
    """A network printer on 127.0.0.1; yields its TCP port. A new connection ends the one before."""
    loop = asyncio.get_running_loop()
    pump = _Pump(printer)
    listener: list[socket.socket] = []
    accepting: list[asyncio.Task[None]] = []

    def open_address() -> None:
        nonlocal port
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        listening.bind(("127.0.0.1", port))
        listening.listen()
        listening.setblocking(False)
        port = listening.getsockname()[1]
        listener[:] = [listening]
        accepting[:] = [asyncio.create_task(accept(listening))]

    async def accept(listening: socket.socket) -> None:
        connection: socket.socket | None = None
        try:
            while True:
                newer, _ = await loop.sock_accept(listening)
                if connection is not None:
                    pump.stop()
                    connection.close()
                    printer.let_go()
                newer.setblocking(False)
                connection = newer
                pump.at_connection(newer)
        finally:
            pump.stop()
            if connection is not None:
                connection.close()

    def close_address() -> None:
        accepting.pop().cancel()
        listener.pop().close()

    with _WhilePlugged(printer, journal, open_address, close_address):
        yield port


@asynccontextmanager
async def at_gadget(
    printer: SimPrinter, journal: Journal, functions: Sequence[str] = (usb_gadget.PRINTER,)
) -> AsyncIterator[None]:
    """The kernel's own USB printer, on this machine's own bus. A bus reset by the host makes the printer forget.

    `functions`: what else it is, in the order of its interfaces (hw.sim.usb_gadget).
    """
    loop = asyncio.get_running_loop()
    pump = _Pump(printer)
    opened: list[int] = []

    def look() -> None:
        """The host reset the bus or configured the printer; both in one look where it was quick."""
        let_go()
        if bus.configured():
            with suppress(OSError):  # reset again meanwhile: there is one more change to look at
                opened.append(os.open(usb_gadget.DEVICE, os.O_RDWR | os.O_NONBLOCK))
                tell_port()
                pump.at_descriptor(opened[0])

    def let_go() -> None:
        pump.stop()  # also where it waits for room: what it holds came before the reset
        if opened:
            os.close(opened.pop())
            printer.forget()

    def pull_out() -> None:
        let_go()  # first, so that the kernel lets go of this printer as well
        usb_gadget.pull_out()

    def tell_port(entry: Entry | None = None) -> None:
        if opened and (entry is None or entry.what == "printer.fault"):
            with suppress(OSError):  # unplugged just now
                usb_gadget.tell_port_status(opened[0], paper_out=printer.paper_is_out, error=printer.stands_still)

    usb_gadget.make_gadget()
    bus = usb_gadget.Bus()
    journal.follow(tell_port)
    loop.add_reader(bus, look)
    try:
        with _WhilePlugged(printer, journal, lambda: usb_gadget.plug_in(functions), pull_out):
            yield
    finally:
        loop.remove_reader(bus)
        let_go()
        bus.close()


class _WhilePlugged:
    """Opens the port now, closes it when the printer is unplugged, opens it when it comes back."""

    def __init__(
        self, printer: SimPrinter, journal: Journal, open_port: Callable[[], None], close_port: Callable[[], None]
    ) -> None:
        self._printer, self._open_port, self._close_port = printer, open_port, close_port
        self._open = self._over = False
        self._loop = asyncio.get_running_loop()
        journal.follow(self._told)

    def __enter__(self) -> None:
        self._look()

    def __exit__(self, *error: object) -> None:
        self._over = True
        self._look()

    def _told(self, entry: Entry) -> None:
        if entry.what == "printer.fault" and self._printer.plugged:
            self._look()
        elif entry.what == "printer.fault":
            self._loop.call_soon(self._look)  # after the write in which it was pulled

    def _look(self) -> None:
        wanted = self._printer.plugged and not self._over
        if wanted != self._open:
            self._open = wanted
            (self._open_port if wanted else self._close_port)()


async def _read(fd: int) -> bytes:
    """What stands at the descriptor, at least a byte. OSError when its other end is gone."""
    while True:
        try:
            return os.read(fd, RECEIVE_BYTES)
        except BlockingIOError:
            await _readable(fd)


async def _readable(fd: int) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def tell() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(fd, tell)
    try:
        await ready
    finally:
        loop.remove_reader(fd)


def _write(fd: int, data: bytes) -> None:
    with suppress(BlockingIOError):  # nobody reads: lost, as on a line without flow control
        os.write(fd, data)


def _send(connection: socket.socket, data: bytes) -> None:
    with suppress(BlockingIOError):
        connection.send(data)
