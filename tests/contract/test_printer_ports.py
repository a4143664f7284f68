"""The printer's ports by themselves: absent, held by another, stuck, never blocking and never lying about bytes."""

import asyncio
import os
import subprocess
import sys
import threading
import time
import tty
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from hw import settings
from hw.cabin import DeviceMissing, DeviceSilent, Health, Paper
from hw.printer import transport
from hw.printer.lines import SerialPort
from hw.printer.opening import open_printer
from hw.printer.usb import printer_interface
from tests.contract.printer_lines import LINES, line_rig

ROWS = np.random.default_rng(4).random((900, 576)) < 0.3
in_the_rig = pytest.mark.skipif("usb" not in LINES, reason="the kernel's USB printer lives in the rig")


async def status_of(
    chosen: settings.SerialPrinter | settings.NetworkPrinter | settings.UsbPrinter,
) -> tuple[Health, str]:
    async with open_printer(chosen) as printer:
        status = await printer.status()
        assert not status.ready and status.paper is Paper.UNKNOWN
        assert (await printer.print(ROWS)).outcome == "failed"
        return status.health, status.why


def test_a_port_that_is_not_there_is_named_with_what_to_do(tmp_path: Path) -> None:
    absent = settings.SerialPrinter(port=str(tmp_path / "ttyUSB9"))
    health, why = asyncio.run(status_of(absent))
    assert health is Health.FAULTY and "ttyUSB9" in why and "plug it in" in why


def test_an_address_where_nothing_listens_is_named() -> None:
    health, why = asyncio.run(status_of(settings.NetworkPrinter(host="127.0.0.1", port=9)))
    assert health is Health.FAULTY and "127.0.0.1:9 does not open (Connection refused): switch it on" in why


def test_a_port_that_is_no_serial_port_is_named() -> None:
    health, why = asyncio.run(status_of(settings.SerialPrinter(port="/dev/null")))
    assert health is Health.FAULTY and "/dev/null is no serial port" in why and "booth devices" in why


def test_a_usb_printer_that_is_not_plugged_in_or_cannot_be_reached_is_named() -> None:
    health, why = asyncio.run(status_of(settings.UsbPrinter(vendor=0x1234, product=0x5678)))
    assert health is Health.FAULTY and ("no USB 1234:5678" in why or "libusb" in why)


def test_a_missing_library_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "escpos.printer", None)
    health, why = asyncio.run(status_of(settings.SerialPrinter(port=str(tmp_path / "x"))))
    assert health is Health.FAULTY and "escpos" in why and "`devices` extra" in why


def test_a_second_process_is_told_that_the_port_is_held_and_spoils_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        async with line_rig("serial", tmp_path) as rig:
            printing = asyncio.create_task(rig.cabin.printer.print(ROWS))
            await rig.bench.wait("printer.row")
            said = await asyncio.to_thread(
                _ask_in_another_process, {"port": str(tmp_path / "printer")}, "SerialPrinter"
            )
            assert "held by another process" in said
            assert (await printing).outcome == "printed"
            (sheet,) = await rig.bench.printer.papers()
            assert sheet.whole

    asyncio.run(story())


def _ask_in_another_process(keys: dict[str, object], kind: str) -> str:
    program = (
        "import asyncio, sys; from hw import settings; from hw.printer.opening import open_printer\n"
        "async def main():\n"
        f"    async with open_printer(settings.{kind}(**{keys!r})) as printer: print(await printer.status())\n"
        "asyncio.run(main())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout


def test_a_printer_that_does_not_read_gets_no_more_than_it_took_and_blocks_nobody(tmp_path: Path) -> None:
    master, slave = os.openpty()
    tty.setraw(slave)
    port = SerialPort(settings.SerialPrinter(port=os.ttyname(slave)))
    try:
        begun_s = time.monotonic()
        data = bytes(range(256)) * 2000
        took = port.write(data, 0.3)
        assert 0 < took < len(data) and time.monotonic() - begun_s < 10
        os.set_blocking(master, False)
        came = b""
        while True:
            try:
                came += os.read(master, 65536)
            except BlockingIOError:
                break
        assert came == data[:took]
        assert port.write(data[took:], 0.1) > 0
    finally:
        port.close()
        os.close(master)
        os.close(slave)


class _Door:
    """A port whose write waits until somebody opens the door."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.written: list[bytes] = []

    def write(self, data: bytes, deadline_s: float) -> int:
        self.open.wait()
        self.written.append(data)
        return len(data)

    def read(self, deadline_s: float) -> bytes:
        return b""

    def status(self) -> str:
        return ""

    def drop(self) -> int:
        return 0

    def close(self) -> None:
        pass


def test_a_call_that_never_comes_back_is_named_and_the_next_ones_do_not_wait_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transport, "OPEN_S", 0.1)
    monkeypatch.setattr(transport, "SLACK_S", 0.1)

    async def story() -> None:
        door = _Door()
        worker = transport.WorkerTransport(lambda: door)
        for _ in range(2):
            with pytest.raises(DeviceSilent, match="does not come back"):
                await worker.write(b"x", deadline_s=0.1)
        door.open.set()
        while True:  # as soon as it is back
            try:
                assert await worker.write(b"y", deadline_s=1) == 1
                break
            except DeviceSilent:
                await asyncio.sleep(0)
        assert door.written == [b"x", b"y"]
        await worker.close()

    asyncio.run(story())


def test_what_was_cancelled_before_its_turn_is_never_written() -> None:
    async def story() -> None:
        door = _Door()
        worker = transport.WorkerTransport(lambda: door)
        first = asyncio.create_task(worker.write(b"first", deadline_s=5))
        second = asyncio.create_task(worker.write(b"second", deadline_s=5))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        door.open.set()
        await first
        await worker.write(b"third", deadline_s=5)
        assert door.written == [b"first", b"third"]
        await worker.close()

    asyncio.run(story())


def test_a_port_that_was_lost_is_opened_anew_by_the_next_call() -> None:
    async def story() -> None:
        opened: list[_Door] = []

        class Lost(_Door):
            def read(self, deadline_s: float) -> bytes:
                raise DeviceMissing("printer", "unplugged")

        def open_port() -> _Door:
            opened.append(Lost() if not opened else _Door())
            return opened[-1]

        worker = transport.WorkerTransport(open_port)
        with pytest.raises(DeviceMissing, match="unplugged"):
            await worker.read(deadline_s=0)
        assert await worker.read(deadline_s=0) == b""
        assert len(opened) == 2
        await worker.close()

    asyncio.run(story())


class Described:
    """An interface as its descriptors say it: class, protocol, setting, endpoints (address, attributes)."""

    def __init__(self, kind: int, protocol: int, setting: int, *ends: tuple[int, int]) -> None:
        self.bInterfaceClass, self.bInterfaceProtocol, self.bAlternateSetting = kind, protocol, setting
        self._ends = [SimpleNamespace(bEndpointAddress=address, bmAttributes=way) for address, way in ends]

    def __iter__(self) -> Iterator[SimpleNamespace]:
        return iter(self._ends)


BULK, INTERRUPT = 2, 3
KEYBOARD = Described(3, 1, 0, (0x81, INTERRUPT), (0x01, INTERRUPT))
DRIVE = Described(8, 80, 0, (0x82, BULK), (0x02, BULK))
ONE_WAY, BOTH_WAYS = Described(7, 1, 0, (0x03, BULK)), Described(7, 2, 1, (0x83, BULK), (0x03, BULK))
OVER_HTTP = Described(7, 4, 2, (0x84, BULK), (0x04, BULK))
TELLING = Described(7, 2, 0, (0x05, BULK), (0x85, BULK), (0x86, INTERRUPT))
OWN = Described(255, 0, 0, (0x87, BULK), (0x07, BULK))


@pytest.mark.parametrize(
    ("found", "chosen", "ends"),
    [
        ([KEYBOARD, DRIVE, ONE_WAY, BOTH_WAYS, OVER_HTTP], BOTH_WAYS, {0x80: 0x83, 0: 0x03}),
        ([OWN, TELLING], TELLING, {0x80: 0x85, 0: 0x05}),
        ([KEYBOARD, OWN, DRIVE], OWN, {0x80: 0x87, 0: 0x07}),
        ([ONE_WAY, OWN], ONE_WAY, {0: 0x03}),
        ([KEYBOARD, DRIVE, OVER_HTTP], None, {}),
        ([], None, {}),
    ],
)
def test_of_a_usb_printer_the_interface_is_taken_that_prints_and_answers(
    found: list[Described], chosen: Described | None, ends: dict[int, int]
) -> None:
    assert printer_interface(found) == (chosen, ends)


@in_the_rig
def test_a_second_process_on_a_usb_printer_is_told_so_and_spoils_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        async with line_rig("usb", tmp_path) as rig:
            printing = asyncio.create_task(rig.cabin.printer.print(ROWS))
            await rig.bench.wait("printer.row")
            ids = {"vendor": 0x04B8, "product": 0x0E28}
            said = await asyncio.to_thread(_ask_in_another_process, ids, "UsbPrinter")
            assert "held by another process" in said
            assert (await printing).outcome == "printed"
            (sheet,) = await rig.bench.printer.papers()
            assert sheet.whole

    asyncio.run(story())


@in_the_rig
def test_a_usb_printer_that_says_nothing_still_tells_by_its_port_that_paper_is_out(tmp_path: Path) -> None:
    async def story() -> None:
        async with line_rig("usb", tmp_path) as rig:
            await rig.bench.printer.silent()
            await rig.bench.printer.paper_out()
            status = await rig.cabin.printer.status()
            assert (status.health, status.paper) == (Health.UNKNOWN, Paper.OUT), status

    asyncio.run(story())
