"""A USB printer that the kernel itself simulates: plugged into this machine's own dummy controller, by configfs.

Needs root and the modules dummy_hcd and usb_f_printer, so it lives in the rig and nowhere else.
"""

import fcntl
import subprocess
from pathlib import Path

GADGET = Path("/sys/kernel/config/usb_gadget/booth-printer")
DEVICE = Path("/dev/g_printer0")
VENDOR, PRODUCT, SERIAL = 0x04B8, 0x0E28, "RIG0001"
SET_STATUS = 0xC0016722  # _IOWR('g', 0x22, unsigned char): the status byte itself is the argument
SELECTED, NO_ERROR, PAPER_EMPTY = 0x10, 0x08, 0x20  # [USB Printer Class 1.1, 4.2.2]


def make_gadget() -> None:
    """Describes it to the kernel; not plugged in yet."""
    subprocess.run(["modprobe", "-a", "libcomposite", "dummy_hcd", "usb_f_printer", "usblp"], check=True)
    if not GADGET.parent.is_dir():
        subprocess.run(["mount", "-t", "configfs", "none", "/sys/kernel/config"], check=True)
    if GADGET.is_dir():
        return
    strings, function, config = GADGET / "strings/0x409", GADGET / "functions/printer.0", GADGET / "configs/c.1"
    for folder in (strings, function, config):
        folder.mkdir(parents=True)
    (GADGET / "idVendor").write_text(f"{VENDOR:#06x}")
    (GADGET / "idProduct").write_text(f"{PRODUCT:#06x}")
    (strings / "serialnumber").write_text(SERIAL)
    (strings / "manufacturer").write_text("EPSON")
    (strings / "product").write_text("TM-T20III")
    (function / "pnp_string").write_text("MFG:EPSON;CMD:ESC/POS;MDL:TM-T20III;CLS:PRINTER;")
    (function / "q_len").write_text("10")
    (config / "printer.0").symlink_to(function)


def plug_in() -> None:
    (GADGET / "UDC").write_text(next(Path("/sys/class/udc").iterdir()).name)


def pull_out() -> None:
    (GADGET / "UDC").write_text("\n")


def tell_port_status(fd: int, *, paper_out: bool, error: bool) -> None:
    """What the host reads by GET_PORT_STATUS. `fd`: of DEVICE."""
    fcntl.ioctl(fd, SET_STATUS, SELECTED | (0 if error else NO_ERROR) | (PAPER_EMPTY if paper_out else 0))
