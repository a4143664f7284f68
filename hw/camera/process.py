"""One camera process as the booth sees it: started, asked with deadlines, and killed.

Its ends are all alike, since the one that matters is the one in which it answers nothing: it is killed, never asked to
stop. Must never wait for it without a deadline.
"""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import count

import msgspec

from hw.cabin import DeviceError, DeviceFault, DeviceMissing, DeviceSilent, Rgb
from hw.camera import messages
from hw.camera.messages import Asked, Done, Failed, Picture, Seen

log = logging.getLogger(__name__)

REAP_S = 3.0
"""A killed process that is not gone by then is stuck in the kernel."""
Answer = tuple[Done | Picture, Rgb | bytes | None]
Heard = Seen | DeviceError


class CameraProcess:
    """`heard` gets what it says unasked, and the error with which it ends."""

    def __init__(
        self, process: asyncio.subprocess.Process, line: socket.socket, heard: Callable[[Heard], None]
    ) -> None:
        self._process = process
        self._line = line
        self._heard = heard
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self._ended: DeviceError | None = None
        asyncio.get_running_loop().add_reader(line, self._readable)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def ended(self) -> bool:
        return self._ended is not None

    async def ask(self, asked: Callable[[int], Asked], *, within_s: float) -> Answer:
        """Its answer to the message that `asked` makes of a number. DeviceSilent means that it hangs: kill it."""
        if self._ended is not None:
            raise self._ended.again()
        number = next(self._numbers)
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            messages.send(self._line, asked(number))
            async with asyncio.timeout(within_s):
                return await answer
        except TimeoutError:
            raise self.end(DeviceSilent("camera", f"its process did not answer within {within_s:g} s")) from None
        except OSError as error:
            raise self.end(DeviceMissing("camera", f"its process takes no order ({error})")) from error
        finally:
            self._waiting.pop(number, None)
            del answer  # it holds its error, whose traceback holds this frame and, further up, a picture

    async def kill(self) -> None:
        """Kills and reaps it. DeviceFault if even that is not done in time."""
        self.end(DeviceMissing("camera", "its process was ended"))
        with suppress(ProcessLookupError):
            self._process.kill()
        try:
            async with asyncio.timeout(REAP_S):
                await self._process.wait()
        except TimeoutError:
            raise DeviceFault("camera", f"its process {self.pid} cannot be killed: it is stuck in the kernel") from None

    def _readable(self) -> None:
        try:
            data, fds, _, _ = socket.recv_fds(self._line, messages.LARGEST, 1)
        except BlockingIOError:
            return
        except OSError as error:
            self.end(DeviceMissing("camera", f"its process is gone ({error})"))
            return
        try:
            if data:
                self._said(msgspec.msgpack.decode(data, type=messages.Said), fds)
            else:
                self.end(DeviceMissing("camera", "its process died"))
        finally:
            for fd in fds:
                os.close(fd)

    def _said(self, said: messages.Said, fds: Sequence[int]) -> None:
        match said:
            case Seen():
                self._heard(said)
            case Failed(id=None):
                self._heard(messages.error(said))
            case Failed(id=int(number)):
                self._settle(number, messages.error(said))
            case Picture(id=number):
                try:
                    self._settle(number, (said, messages.picture(said, fds[0])))
                except (IndexError, ValueError, OSError) as error:
                    self._settle(number, DeviceFault("camera", f"a picture did not arrive whole: {error}"))
            case Done(id=number):
                self._settle(number, (said, None))

    def _settle(self, number: int, answer: Answer | DeviceError) -> None:
        """Whoever asked may have been cancelled: then nobody takes the answer."""
        waiting = self._waiting.get(number)
        if waiting is None or waiting.done():
            return
        if isinstance(answer, DeviceError):
            waiting.set_exception(answer.again())
        else:
            waiting.set_result(answer)

    def end(self, error: DeviceError) -> DeviceError:
        """Hears it no more; everybody who waits gets the error, each their own."""
        if self._ended is None:
            self._ended = error
            asyncio.get_running_loop().remove_reader(self._line)
            self._line.close()
            for number in list(self._waiting):
                self._settle(number, error)
            self._heard(error)
        return error.again()


@asynccontextmanager
async def started(command: Sequence[str], heard: Callable[[Heard], None]) -> AsyncIterator[CameraProcess]:
    """`command FD PID`, killed at the end. DeviceFault if it does not start or does not die."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    with ours, theirs:
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                str(theirs.fileno()),
                str(os.getpid()),
                pass_fds=(theirs.fileno(),),
                stdin=asyncio.subprocess.DEVNULL,
                env=os.environ | {"LIBCAMERA_LOG_LEVELS": os.environ.get("LIBCAMERA_LOG_LEVELS", "*:WARN")},
            )
        except OSError as error:
            raise DeviceFault("camera", f"its process does not start: {error}") from error
        theirs.close()
        camera = CameraProcess(process, ours, heard)
        try:
            yield camera
        finally:
            await camera.kill()
            if process.returncode != -signal.SIGKILL:
                log.warning("camera: its process ended by itself with status %s", process.returncode)
