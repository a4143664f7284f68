"""A USB printer through python-escpos and libusb: found by its ids, held by us alone, with its own status lines.

python-escpos's status calls are not used: an empty answer is "paper fine" to them, and its writes drop short counts.
"""

import errno
import logging
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hw import settings
from hw.cabin import DeviceFault, DeviceMissing

log = logging.getLogger(__name__)

TIMEOUT_MS = 5000  # python-escpos's default of 0 waits for ever
READ_BYTES = 4096  # a multiple of every packet size: what does not fit would be lost
PRINTER_CLASS, MAKERS_OWN = 7, 255
IPP = 4  # protocol of a printer's interface that speaks HTTP
BULK = 2  # lowest bits of an endpoint's attributes
GET_PORT_STATUS, SOFT_RESET = 1, 2  # requests of the printer class [USB Printer Class 1.1, 4.2]
GONE = {errno.ENODEV, errno.EIO, errno.ENXIO, errno.ENOENT, errno.EPROTO, errno.ESHUTDOWN, errno.EPIPE}
RULE = "install systemd/udev/70-booth-printer.rules, or add the user to the group lp"


class UsbPort:
    """Port of hw.printer.transport, opened with a bus reset: a new object each time, and no byte from before."""

    def __init__(self, chosen: settings.UsbPrinter) -> None:
        """DeviceMissing: it is not plugged in. DeviceFault: no permission, held by another process, no library."""
        name = f"USB {chosen.vendor:04x}:{chosen.product:04x}" + (f" {chosen.serial}" if chosen.serial else "")
        try:
            import usb.core
            from escpos.exceptions import DeviceNotFoundError
        except ImportError as missing:
            raise DeviceFault("printer", f"{missing}: install the booth with its `devices` extra") from missing
        self._usb_error: type[Exception] = usb.core.USBError
        self._timeout_error: type[Exception] = usb.core.USBTimeoutError
        device = _found(chosen, name)
        self._interface, setting, in_ep, out_ep = self._claimed_once(device, name)
        place = (device.bus, device.address)
        wanted = {"custom_match": lambda each: (each.bus, each.address) == place}
        self._printer = _reset_only()(usb_args=wanted, timeout=TIMEOUT_MS, in_ep=in_ep, out_ep=out_ep)
        try:
            self._printer.open()
            usb.util.claim_interface(self._printer.device, self._interface)
            if setting:
                self._printer.device.set_interface_altsetting(self._interface, setting)
        except (DeviceNotFoundError, usb.core.USBError) as error:
            self.close()
            raise DeviceMissing("printer", f"{name} did not open: {error}") from error
        self._device: Any = self._printer.device
        self._in, self._out = in_ep, out_ep
        self._drain()

    def _claimed_once(self, device: Any, name: str) -> tuple[int, int, int, int]:
        """Interface, its setting, in, out endpoint. Claims it once, before anything resets the bus under another
        process."""
        import usb.util

        where = _node(device)
        try:
            interface, ends = printer_interface(interface for configuration in device for interface in configuration)
            if interface is None:
                raise DeviceFault("printer", f"{name} has no printer interface; compare the ids with `lsusb -v`")
            if len(ends) != 2:
                raise DeviceFault("printer", f"{name} answers nothing: it has no endpoint to the host")
            number = interface.bInterfaceNumber
            if device.is_kernel_driver_active(number):
                device.detach_kernel_driver(number)  # usblp, which blocks for ever
            usb.util.claim_interface(device, number)
        except self._usb_error as error:
            code = getattr(error, "errno", None)
            if code == errno.EACCES:
                raise DeviceFault("printer", f"no permission for {where}: {RULE}") from error
            if code == errno.EBUSY:
                raise DeviceFault("printer", f"{where} is held by another process: end it") from error
            raise DeviceMissing("printer", f"{name} did not open: {error}") from error
        finally:
            usb.util.dispose_resources(device)
        return number, interface.bAlternateSetting, ends[usb.util.ENDPOINT_IN], ends[usb.util.ENDPOINT_OUT]

    def write(self, data: bytes, deadline_s: float) -> int:
        end_s = time.monotonic() + deadline_s
        at = 0
        while at < len(data):
            left_ms = round(1000 * (end_s - time.monotonic()))
            if left_ms <= 0:
                break
            try:
                at += self._device.write(self._out, data[at:], left_ms)
            except self._timeout_error:
                break
            except self._usb_error as error:
                if at:
                    return at  # whatever is wrong, the next call meets it
                raise self._gone(error) from error
        return at

    def read(self, deadline_s: float) -> bytes:
        try:
            # 0 would wait for ever
            return bytes(self._device.read(self._in, READ_BYTES, max(1, round(1000 * deadline_s))))
        except self._timeout_error:
            return b""
        except self._usb_error as error:
            raise self._gone(error) from error

    def status(self) -> str:
        """The port's lines: bit 5 paper out, bit 3 (low) error; 4, "selected", is often wired to nothing."""
        try:
            lines = self._device.ctrl_transfer(0xA1, GET_PORT_STATUS, 0, self._interface, 1, 1000)
        except self._timeout_error:
            return ""
        except self._usb_error as error:
            if getattr(error, "errno", None) == errno.EPIPE:
                return ""  # it knows no such request
            raise self._gone(error) from error
        if len(lines) != 1:
            return ""
        return "paper out" if lines[0] & 0x20 else "error" if not lines[0] & 0x08 else ""

    def drop(self) -> int:
        """The class's soft reset flushes its buffers; opening anew resets the bus as well."""
        try:
            self._device.ctrl_transfer(0x21, SOFT_RESET, 0, self._interface, None, 1000)
        except self._usb_error as error:
            if getattr(error, "errno", None) in GONE - {errno.EPIPE}:
                raise self._gone(error) from error
            log.info("printer: no soft reset (%s); the bus reset has to do", error)
        return 0  # what was taken is with the printer

    def close(self) -> None:
        try:
            self._printer.close()
        except self._usb_error as error:
            log.info("printer: closing: %s", error)

    def _drain(self) -> None:
        """What it still had to say to an earlier run."""
        while self.read(0.01):
            pass

    def _gone(self, error: Exception) -> DeviceMissing | DeviceFault:
        code = getattr(error, "errno", None)
        if code in GONE:
            return DeviceMissing("printer", f"unplugged or switched off ({error})")
        if code == errno.EBUSY:
            return DeviceFault("printer", "held by another process: end it")
        return DeviceMissing("printer", f"lost ({error})")


def _found(chosen: settings.UsbPrinter, name: str) -> Any:
    """The device that is chosen. DeviceMissing names the printers that are there instead."""
    import usb.core

    try:
        there = list(usb.core.find(find_all=True))
    except usb.core.NoBackendError as missing:
        raise DeviceFault("printer", "libusb is missing: apt install libusb-1.0-0") from missing
    same = [each for each in there if (each.idVendor, each.idProduct) == (chosen.vendor, chosen.product)]
    for device in same:
        if chosen.serial is None or _serial(device) == chosen.serial:
            return device
    for device in same:
        if Path(_node(device)).exists() and not os.access(_node(device), os.R_OK | os.W_OK):
            raise DeviceFault("printer", f"no permission for {_node(device)}: {RULE}")
    if others := ", ".join(sorted(filter(None, map(_printer_name, there)))):
        raise DeviceMissing("printer", f"no {name}, but {others}: plug the right one in, or correct cabin.printer")
    raise DeviceMissing("printer", f"no {name}; plug it in, switch it on, compare with `lsusb`")


def _serial(device: Any) -> str | None:
    """None: it has none, or it cannot be read: no permission, or unplugged and not yet forgotten by libusb."""
    import usb.core
    import usb.util

    try:
        said = device.serial_number
        return None if said is None else str(said)
    except (ValueError, usb.core.USBError):  # pyusb's ValueError: it may not be read
        return None
    finally:
        usb.util.dispose_resources(device)


def _printer_name(device: Any) -> str:
    """What `lsusb` and the configuration call a printer; "" for anything else, and for what was just unplugged."""
    import usb.core

    try:
        classes = {interface.bInterfaceClass for configuration in device for interface in configuration}
    except usb.core.USBError:
        return ""
    if PRINTER_CLASS not in classes:
        return ""
    return f"{device.idVendor:04x}:{device.idProduct:04x} {_serial(device) or ''}".strip()


def _node(device: Any) -> str:
    return f"/dev/bus/usb/{device.bus:03d}/{device.address:03d}"


def printer_interface(found: Iterable[Any]) -> tuple[Any, dict[int, int]]:
    """The interface, in one of its settings, that takes raster and answers; its bulk endpoints by direction (0, 0x80).

    One of the printer class comes before a maker's own, one that answers before one that does not: the first setting of
    many printers has no way back. Never a drive, a keyboard or a serial port. (None, {}) where there is none.
    """
    there = list(found)
    printers = [each for each in there if each.bInterfaceClass == PRINTER_CLASS and each.bInterfaceProtocol != IPP]
    own = [each for each in there if each.bInterfaceClass == MAKERS_OWN]
    best = max(printers or own, key=lambda each: len(_bulk(each)), default=None)
    return best, {} if best is None else _bulk(best)


def _bulk(interface: Any) -> dict[int, int]:
    """Addresses of its bulk endpoints by direction."""
    bulk = [end.bEndpointAddress for end in interface if end.bmAttributes & 3 == BULK]
    return {address & 0x80: address for address in reversed(bulk)}  # the first of each


def _reset_only() -> Any:
    """python-escpos's Usb, which would take interface 0 from the kernel, whatever it is, and set the configuration.

    Of a printer that is something else as well the kernel holds another interface: then it neither could nor should,
    and would leave out the bus reset too.
    """
    from escpos.printer import Usb

    class ResetOnly(Usb):  # type: ignore[misc]
        def _check_driver(self) -> None:
            """Ours is taken from the kernel already (`_claimed_once`)."""

        def _configure_usb(self) -> None:
            self.device.reset()

    return ResetOnly
