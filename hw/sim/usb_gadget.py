"""A USB printer that the kernel itself simulates: plugged into this machine's own dummy controller, by configfs.

Needs root and the modules dummy_hcd and usb_f_printer, so it lives in the rig and nowhere else.
"""

import fcntl
import os
import select
import subprocess
from collections.abc import Sequence
from pathlib import Path

GADGET = Path("/sys/kernel/config/usb_gadget/booth-printer")
USED = GADGET / "configs/c.1"
PRINTER, SERIAL_PORT = "printer.0", "acm.usb0"
"""Functions that it may have; the host numbers its interfaces in the order in which they are plugged in."""
DEVICE = Path("/dev/g_printer0")
VENDOR, PRODUCT, SERIAL = 0x04B8, 0x0E28, "RIG0001"
SET_STATUS = 0xC0016722  # _IOWR('g', 0x22, unsigned char): the status byte itself is the argument
SELECTED, NO_ERROR, PAPER_EMPTY = 0x10, 0x08, 0x20  # [USB Printer Class 1.1, 4.2.2]


def make_gadget() -> None:
    """Describes it to the kernel; not plugged in yet."""
    modules = ["libcomposite", "dummy_hcd", "usb_f_printer", "usblp", "usb_f_acm", "cdc-acm"]
    subprocess.run(["modprobe", "-a", *modules], check=True)
    if not GADGET.parent.is_dir():
        subprocess.run(["mount", "-t", "configfs", "none", "/sys/kernel/config"], check=True)
    if GADGET.is_dir():
        if (GADGET / "UDC").read_text().strip():  # left by a process that was killed
            pull_out()
        return
    strings, function = GADGET / "strings/0x409", GADGET / "functions" / PRINTER
    for folder in (strings, function, GADGET / "functions" / SERIAL_PORT, USED):
        folder.mkdir(parents=True)
    (GADGET / "idVendor").write_text(f"{VENDOR:#06x}")
    (GADGET / "idProduct").write_text(f"{PRODUCT:#06x}")
    (strings / "serialnumber").write_text(SERIAL)
    (strings / "manufacturer").write_text("EPSON")
    (strings / "product").write_text("TM-T20III")
    (function / "pnp_string").write_text("MFG:EPSON;CMD:ESC/POS;MDL:TM-T20III;CLS:PRINTER;")
    (function / "q_len").write_text("10")


def plug_in(functions: Sequence[str] = (PRINTER,)) -> None:
    """A printer that the kernel makes anew, with these functions in this order.

    Plugged in once more, an old one would go on with a buffer that was freed when it was pulled out (f_printer.c,
    printer_func_unbind: current_rx_req), and the kernel crashes.
    """
    for name in functions:
        (USED / name).symlink_to(GADGET / "functions" / name)
    (GADGET / "UDC").write_text(_controller().name)


def pull_out() -> None:
    """DEVICE must be closed before."""
    (GADGET / "UDC").write_text("\n")
    for name in (PRINTER, SERIAL_PORT):
        (USED / name).unlink(missing_ok=True)


def tell_port_status(fd: int, *, paper_out: bool, error: bool) -> None:
    """What the host reads by GET_PORT_STATUS. `fd`: of DEVICE."""
    fcntl.ioctl(fd, SET_STATUS, SELECTED | (0 if error else NO_ERROR) | (PAPER_EMPTY if paper_out else 0))


class Bus:
    """What the host makes of the printer. `fileno`: readable once that changed since the last look."""

    def __init__(self) -> None:
        self._state = os.open(_controller() / "state", os.O_RDONLY)
        # sysfs tells a change as POLLPRI, which asyncio does not wait for; an epoll that does is readable itself
        self._changes = select.epoll()
        self._changes.register(self._state, select.EPOLLPRI)
        self.configured()

    def fileno(self) -> int:
        return self._changes.fileno()

    def configured(self) -> bool:
        """Whether the host can print now. False from the beginning of a bus reset to its end."""
        return os.pread(self._state, 64, 0).strip() in (b"configured", b"suspended")

    def close(self) -> None:
        self._changes.close()
        os.close(self._state)


def _controller() -> Path:
    return next(Path("/sys/class/udc").iterdir())
