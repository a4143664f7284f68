"""The printer's cable: bytes between SimPrinter and a USB printer gadget, which the kernel plugs into itself."""

import asyncio
import contextlib
import fcntl
import os
import select
import threading
from pathlib import Path

from hw.cabin import DeviceError
from hw.sim.cabin import SimCabin
from hw.sim.journal import Entry
from tests.rig.bench.gpio import CONFIGFS, modprobe
from tests.rig.bench.wiring import PRINTER_PRODUCT, PRINTER_SERIAL, PRINTER_VENDOR

DEVICE = Path("/dev/g_printer0")
SET_STATUS = 0xC0016722  # _IOWR('g', 0x22, unsigned char); the value itself is the argument
SELECTED, NOT_ERROR, PAPER_OUT = 0x10, 0x08, 0x20  # [USB Printer Class 1.1, 4.2.2]
AHEAD = 1  # buffers of 8 kB that the kernel takes before the printer itself does
LOOK_S = 0.05


class UsbPrinter:
    """A gadget with one printer function. A reset of the bus empties the printer, as the cable's pulling does."""

    def __init__(self, sim: SimCabin) -> None:
        modprobe("libcomposite", "dummy_hcd", "usb_f_printer", "usblp")
        self._sim = sim
        self._gadget = CONFIGFS / "usb_gadget" / "printer"
        self._udc = sorted(os.listdir("/sys/class/udc"))[0]
        self._stop = threading.Event()
        self._port = NOT_ERROR | SELECTED
        self._fd: int | None = None
        for name, text in {
            "idVendor": f"{PRINTER_VENDOR:#06x}",
            "idProduct": f"{PRINTER_PRODUCT:#06x}",
            "bcdUSB": "0x0200",
            "strings/0x409/serialnumber": PRINTER_SERIAL,
            "strings/0x409/manufacturer": "EPSON",
            "strings/0x409/product": "TM-T20III",
            "functions/printer.0/pnp_string": "MFG:EPSON;CMD:ESC/POS;MDL:TM-T20III;CLS:PRINTER;",
            "functions/printer.0/q_len": str(AHEAD),
        }.items():
            (self._gadget / name).parent.mkdir(parents=True, exist_ok=True)
            (self._gadget / name).write_text(text)
        (self._gadget / "configs/c.1").mkdir(parents=True)
        (self._gadget / "configs/c.1/printer.0").symlink_to(self._gadget / "functions/printer.0")
        sim.journal.follow(self._follow)
        self.plug(True)

    def plug(self, there: bool) -> None:
        with contextlib.suppress(OSError):  # it is so already
            (self._gadget / "UDC").write_text(self._udc if there else "\n")

    async def pass_bytes(self) -> None:
        """Both ways, until cancelled."""
        loop = asyncio.get_running_loop()
        thread = threading.Thread(target=self._carry, args=(loop,), name="printer cable")
        thread.start()
        try:
            while True:
                try:
                    answer = await self._sim.printer.read(deadline_s=3600)
                except DeviceError:  # unplugged: there is nothing to say, and nobody to say it to
                    await asyncio.sleep(LOOK_S)
                    continue
                if answer and self._fd is not None:
                    with contextlib.suppress(OSError):
                        os.write(self._fd, answer)
        finally:
            self._stop.set()
            await asyncio.to_thread(thread.join)
            self.plug(False)

    def _carry(self, loop: asyncio.AbstractEventLoop) -> None:
        """From the cable to the printer, which takes its time; the device file ends with every reset of the bus."""
        while not self._stop.is_set():
            try:
                self._fd = os.open(DEVICE, os.O_RDWR | os.O_NONBLOCK)
            except OSError:
                self._stop.wait(LOOK_S)
                continue
            try:
                fcntl.ioctl(self._fd, SET_STATUS, self._port)
                self._in_loop(loop, self._sim.printer.reset())
                while not self._stop.is_set():
                    if not select.select([self._fd], [], [], LOOK_S)[0]:
                        continue
                    with contextlib.suppress(BlockingIOError):
                        data = os.read(self._fd, 8192)
                        if data:
                            self._in_loop(loop, self._sim.printer.write(data, deadline_s=3600))
            except OSError:
                pass  # the bus was reset, or the cable pulled
            finally:
                fd, self._fd = self._fd, None
                os.close(fd)

    def _in_loop(self, loop: asyncio.AbstractEventLoop, work: "asyncio.Coroutine[object, object, object]") -> None:
        done = asyncio.run_coroutine_threadsafe(work, loop)
        while not self._stop.is_set():
            try:
                done.result(LOOK_S)
            except TimeoutError:
                # a printer that takes no more: does the cable still hold?
                if self._fd is not None:
                    fcntl.ioctl(self._fd, SET_STATUS, self._port)
                continue
            except DeviceError:
                return
            return
        done.cancel()

    def _follow(self, entry: Entry) -> None:
        if entry.what != "printer.fault":
            return
        troubles = self._sim.printer.troubles
        self._port = SELECTED | (PAPER_OUT if "paper out" in troubles else 0)
        if not troubles & {"paper out", "jam", "cover open"}:
            self._port |= NOT_ERROR
        self.plug("unplugged" not in troubles)
        if self._fd is not None:
            with contextlib.suppress(OSError):
                fcntl.ioctl(self._fd, SET_STATUS, self._port)
