"""Printers behind a serial port or a network address, through python-escpos; short counts and deadlines are ours.

What the kernel has taken is not yet with the printer: its buffers are kept small, and dropped at a reset.
"""

import errno
import fcntl
import select
import socket
import struct
import termios
import time
from abc import ABC, abstractmethod
from typing import Any

from hw import settings
from hw.cabin import DeviceFault, DeviceMissing

CONNECT_S = 3.0
SIOCOUTQNSD = 0x894B  # <linux/sockios.h>: not sent yet; what is sent and not acknowledged may have arrived
KERNEL_BYTES = 4096  # the least that Linux keeps for a socket is about this


class _Line(ABC):
    """Port of hw.printer.transport over a file descriptor that can be polled."""

    def __init__(self, printer: Any, name: str) -> None:
        from escpos.exceptions import DeviceNotFoundError

        self._printer = printer
        self._name = name
        try:
            printer.open()
        except DeviceNotFoundError as error:
            raise self._refused(error) from error
        self._device: Any = printer.device

    def write(self, data: bytes, deadline_s: float) -> int:
        end_s = time.monotonic() + deadline_s
        at = 0
        try:
            while at < len(data) and self._ready(select.POLLOUT, end_s):
                at += self._put(data[at:])
        except OSError as error:
            if not at:
                raise self._gone(error) from error
        return at  # if it is gone, the next call meets it

    def read(self, deadline_s: float) -> bytes:
        try:
            if not self._ready(select.POLLIN, time.monotonic() + deadline_s):
                return b""
            came = self._take()
        except OSError as error:
            raise self._gone(error) from error
        if not came:
            raise self._gone("it closed the line")
        return came

    def status(self) -> str:
        return ""  # a line has no status of its own

    @abstractmethod
    def drop(self) -> int:
        """What the kernel still holds vanishes; the line is closed for a reset."""

    def _held(self, asked: int) -> int:
        """Bytes that the kernel has certainly not brought to the printer, by this ioctl."""
        return int(struct.unpack("i", fcntl.ioctl(self._device.fileno(), asked, bytes(4)))[0])

    @abstractmethod
    def close(self) -> None: ...

    def _ready(self, event: int, end_s: float) -> bool:
        """Whether the descriptor can be used so, at the latest at `end_s`. OSError: its other end is gone."""
        poll = select.poll()
        poll.register(self._device.fileno(), event)
        found = poll.poll(max(0, round(1000 * (end_s - time.monotonic()))))
        if found and found[0][1] & (select.POLLHUP | select.POLLERR | select.POLLNVAL) and not found[0][1] & event:
            raise OSError("it closed the line")
        return bool(found)

    @abstractmethod
    def _put(self, data: bytes) -> int: ...

    @abstractmethod
    def _take(self) -> bytes: ...

    @abstractmethod
    def _refused(self, error: Exception) -> DeviceMissing | DeviceFault:
        """What python-escpos's error means, and what to do."""

    def _gone(self, why: object) -> DeviceMissing:
        return DeviceMissing("printer", f"{self._name} is lost ({why})")


class SerialPort(_Line):
    def __init__(self, chosen: settings.SerialPrinter) -> None:
        try:
            import serial
            from escpos.printer import Serial
        except ImportError as missing:
            raise DeviceFault("printer", f"{missing}: install the booth with its `devices` extra") from missing
        super().__init__(Serial(devfile=chosen.port, baudrate=chosen.baud, timeout=0), chosen.port)
        try:
            self._device.exclusive = True
            self._device.write_timeout = 0
            self._device.rtscts = chosen.flow == "rtscts"
            self._device.xonxoff = chosen.flow == "xonxoff"
            self._device.reset_input_buffer()
        except serial.SerialException as error:
            self.close()
            raise DeviceFault("printer", f"{chosen.port} is held by another process: end it ({error})") from error

    def drop(self) -> int:
        try:
            held = self._held(termios.TIOCOUTQ)  # 0 on a pseudo-terminal, which does not say
            self._device.reset_output_buffer()
            self._device.reset_input_buffer()
            return held
        except (OSError, termios.error) as error:
            raise self._gone(error) from error

    def close(self) -> None:
        # not python-escpos's close: it waits until the printer has taken all that is left
        self._device.close()

    def _put(self, data: bytes) -> int:
        return int(self._device.write(data))

    def _take(self) -> bytes:
        return bytes(self._device.read(self._device.in_waiting or 1))

    def _refused(self, error: Exception) -> DeviceMissing | DeviceFault:
        code = getattr(error.__context__, "errno", None)
        if code == errno.EACCES:
            return DeviceFault("printer", f"no permission for {self._name}: add the user to the group dialout")
        if code == errno.ENOENT:
            return DeviceMissing("printer", f"no {self._name}; plug it in, compare with `booth devices`")
        return DeviceFault("printer", f"{self._name} is no serial port ({_why(error)}): compare with `booth devices`")


class NetworkPort(_Line):
    def __init__(self, chosen: settings.NetworkPrinter) -> None:
        try:
            from escpos.printer import Network
        except ImportError as missing:
            raise DeviceFault("printer", f"{missing}: install the booth with its `devices` extra") from missing
        super().__init__(Network(chosen.host, chosen.port, timeout=CONNECT_S), f"{chosen.host}:{chosen.port}")
        self._device.setblocking(False)
        self._device.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BYTES)
        self._device.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # a cable that was pulled shows; no TCP_USER_TIMEOUT, which takes a printer that only waits for one that is gone
        self._device.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in ((socket.TCP_KEEPIDLE, 5), (socket.TCP_KEEPINTVL, 2), (socket.TCP_KEEPCNT, 3)):
            self._device.setsockopt(socket.IPPROTO_TCP, option, value)

    def drop(self) -> int:
        held = self._held(SIOCOUTQNSD)
        # a reset instead of an orderly end: what is not sent yet never will be
        self._device.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._device.close()
        return held

    def close(self) -> None:
        self._printer.close()

    def _put(self, data: bytes) -> int:
        try:
            return int(self._device.send(data))
        except BlockingIOError:
            return 0

    def _take(self) -> bytes:
        return bytes(self._device.recv(4096))

    def _refused(self, error: Exception) -> DeviceMissing | DeviceFault:
        why = f"{self._name} does not open ({_why(error)})"
        return DeviceMissing("printer", f"{why}: switch it on, look at its cable, compare its address and port")


def _why(error: Exception) -> str:
    """What the system said below python-escpos's own error."""
    cause = error.__context__ or error
    return getattr(cause, "strerror", None) or str(cause).strip().rsplit("\n", 1)[-1]
