"""One question and its answer at a time on a ccTalk wire, through pyserial and the loop's readers.

It must never wait without a limit, and never answer one question with another's bytes.
"""

import asyncio
import errno
import os

from hw.cabin import DeviceFault, DeviceMissing
from hw.coins.cctalk import Garbled, frame, read_answer

ANSWER_S = 0.15
"""For an answer's last byte. The longest of those that we ask for lasts 17 ms at 9600 baud, behind an echo of 7."""
PAUSE_S = 0.05
"""After a garbled answer: what still comes is over by then, and is thrown away before the next question."""


class NoAnswer(Exception):
    """Nothing came back but, perhaps, our own echo."""


class Port:
    """The open serial port. DeviceMissing where it is not there, or goes away; DeviceFault where it may not be used."""

    def __init__(self, path: str) -> None:
        try:
            import serial
        except ImportError as error:
            raise DeviceMissing("coins", "pyserial is not installed: pip install 'ephoto-booth[devices]'") from error
        try:
            # 9600 8N1; exclusive: two programs that share a wire steal each other's answers
            self._serial = serial.Serial(path, 9600, timeout=0, exclusive=True)
        except OSError as error:
            raise _cannot_open(path, error) from error
        self._path = path
        self._loop = asyncio.get_running_loop()
        self._received = bytearray()
        self._came = asyncio.Event()
        self._gone = ""
        self._loop.add_reader(self._serial.fileno(), self._take)

    def close(self) -> None:
        self._loop.remove_reader(self._serial.fileno())
        self._serial.close()

    def say(self, sent: bytes) -> None:
        """Writes, and waits for nothing. DeviceMissing."""
        self._check()
        try:
            # not pyserial's write: without a time-out it spins where the kernel's buffer is full, with one it fails
            # where the machine is slow
            os.write(self._serial.fileno(), sent)
        except OSError as error:
            raise self._missing(str(error)) from error

    async def ask(self, address: int, header: int, data: bytes = b"") -> tuple[int, bytes]:
        """(source, data) of the answer. NoAnswer, Garbled, Refused, DeviceMissing."""
        sent = frame(address, header, data)
        self._take()
        self._received.clear()
        self.say(sent)
        try:
            async with asyncio.timeout(ANSWER_S):
                while (answer := read_answer(sent, bytes(self._received))) is None:
                    self._came.clear()
                    await self._came.wait()
                    self._check()
        except TimeoutError:
            self._take()  # the loop may have stood still while it came
            if self._received in (b"", sent):
                raise NoAnswer from None
            if (answer := read_answer(sent, bytes(self._received))) is None:
                raise Garbled("an answer that breaks off") from None
        except Garbled:
            await asyncio.sleep(PAUSE_S)
            raise
        return answer

    def _take(self) -> None:
        if self._gone:
            return
        try:
            self._received += self._serial.read(4096)
        except OSError as error:  # pyserial's own errors are OSErrors
            self._gone = str(error)
            self._loop.remove_reader(self._serial.fileno())
        self._came.set()

    def _check(self) -> None:
        if self._gone:
            raise self._missing(self._gone)

    def _missing(self, why: str) -> DeviceMissing:
        return DeviceMissing("coins", f"the adapter at {self._path} went away ({why}): plug it in again")


def _cannot_open(path: str, error: OSError) -> DeviceMissing | DeviceFault:
    match error.errno:
        case errno.ENOENT | errno.ENXIO | errno.ENODEV:
            return DeviceMissing("coins", f"{path} is not there: plug the adapter in, or correct cabin.coins.port")
        case errno.EACCES | errno.EPERM:
            return DeviceFault("coins", f"{path} may not be opened: put the booth's user into the group dialout")
        case errno.EAGAIN | errno.EBUSY:
            return DeviceFault("coins", f"{path} is used by another program: stop it (`fuser {path}` names it)")
    return DeviceMissing("coins", f"{path} is no serial port ({error}): correct cabin.coins.port")
