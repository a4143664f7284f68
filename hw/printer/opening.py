"""Opens the printer that the configuration names. It may be absent: its status says so until it comes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib import import_module

from hw import settings
from hw.printer.driver import EscposPrinter
from hw.printer.escpos import BLOCK_ROWS
from hw.printer.profiles import PROFILES
from hw.printer.transport import Port, WorkerTransport

SERIAL_BLOCK_ROWS = 120  # the least that keeps a head running [T88III guide]; 0.75 s at 115200 baud


@asynccontextmanager
async def open_printer(
    chosen: settings.UsbPrinter | settings.SerialPrinter | settings.NetworkPrinter,
) -> AsyncIterator[EscposPrinter]:
    """The printer, with one thread of its own; closed at the end. Opens the device when it is first asked something."""

    def open_port() -> Port:
        match chosen:
            case settings.UsbPrinter():
                from hw.printer.usb import UsbPort

                return UsbPort(chosen)
            case settings.SerialPrinter():
                from hw.printer.lines import SerialPort

                return SerialPort(chosen)
            case settings.NetworkPrinter():
                from hw.printer.lines import NetworkPort

                return NetworkPort(chosen)

    with suppress(ImportError):  # said in the status, when the port is opened
        await asyncio.to_thread(import_module, "escpos.printer")  # takes seconds, which no deadline reckons with
    transport = WorkerTransport(open_port)
    try:
        yield EscposPrinter(
            transport,
            profile=PROFILES[chosen.profile],
            width_dots=chosen.width_dots,
            block_rows=SERIAL_BLOCK_ROWS if isinstance(chosen, settings.SerialPrinter) else BLOCK_ROWS,
        )
    finally:
        await transport.close()
