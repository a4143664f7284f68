"""The booth's camera: frames and stills of its process, and the ladder on which a camera that fails comes back.

Open again in the same process; then kill it and start a new one; after some of these say that a reboot is wanted.
Must never give a picture that is older than it was asked to be.
"""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from hw.cabin import DeviceError, DeviceFault, DeviceMissing, DeviceSilent, Frame, Health, Rgb, Status, Still
from hw.camera.messages import Asked, Look, Open, Picture, Seen, Shoot
from hw.camera.process import CameraProcess, Heard, started
from hw.camera.source import now_ns
from hw.settings import Picamera, V4l2

log = logging.getLogger(__name__)

WORKER = (sys.executable, "-m", "hw.camera.worker")
OPEN_S = 30.0
"""Importing picamera2 and opening its camera; on a Pi 4 some 5 s (M)."""
FRAME_S = 2.0
STALE_S = 2.0
"""A camera whose newest frame is older is faulty: with the time until it is told so, it is named within 3 s."""
HEARD_S = 2.5
"""A process that says nothing for so long hangs; it speaks at least every 1.5 s, of a frame or of none."""
STILL_S = 5.0
"""Deadline of a shot: the last half second is its process's to say why there is none."""
REOPENS = 3
"""In one process, before it is replaced."""
REOPEN_PAUSE_S = 1.0
REBOOT_AFTER = 5
"""Processes in a row that did not bring it back."""
PAUSES_S = (0.0, 1.0, 2.0, 5.0, 10.0)
"""Before the next process; the last for all that follow."""
PROVEN_S = 30.0
"""Frames for so long, or one still, prove that it is back: the ladder begins at its foot again."""


class ProcessCamera:
    """Camera protocol over a process of its own."""

    def __init__(self, settings: Picamera | V4l2, command: Sequence[str]) -> None:
        self._settings = settings
        self._command = command
        turned = settings.rotation in (90, 270)
        self._still_px = settings.still_px[::-1] if turned else settings.still_px
        self._process: CameraProcess | None = None
        self._heard: asyncio.Queue[Heard] = asyncio.Queue()
        self._known = asyncio.Event()  # that it is well, or why not
        self._fault: DeviceError | None = None
        self._open = False
        self._opened_ns = 0
        self._newest_ns = 0
        self._failed_processes = 0

    @property
    def pid(self) -> int | None:
        """Its process, for a bench that kills it."""
        return self._process.pid if self._process is not None else None

    def status(self) -> Status:
        wish = ""
        if self._failed_processes >= REBOOT_AFTER:
            wish = f"; {self._failed_processes} new processes did not help: it asks for a reboot, then check its cable"
        if self._fault is not None:
            return Status(Health.FAULTY, self._fault.why + wish)
        if not self._known.is_set():
            return Status(Health.UNKNOWN, "is being opened")
        age_s = (now_ns() - self._newest_ns) / 1e9
        if age_s > STALE_S:
            return Status(Health.FAULTY, f"its newest frame is {age_s:.0f} s old")
        return Status(Health.WELL)

    async def frames(self) -> AsyncIterator[Frame]:
        last_ns = 0
        while True:
            head, rgb = await self._ask(Look, within_s=FRAME_S)
            assert not isinstance(rgb, bytes), "a frame is an array"
            if head.at_ns <= last_ns:
                raise self._trouble(DeviceFault("camera", "its frames go backwards in time"))
            last_ns = head.at_ns
            yield Frame(rgb, head.at_ns)

    async def still(self) -> Still:
        asked_ns = now_ns()
        head, picture = await self._ask(lambda number: Shoot(number, asked_ns, STILL_S - 0.5), within_s=STILL_S)
        if head.at_ns <= asked_ns:
            raise self._trouble(DeviceFault("camera", "a shot came that was exposed before it was asked for"))
        if (head.width, head.height) != self._still_px:
            width, height = self._still_px
            why = f"a picture of {head.width} × {head.height} came, {width} × {height} expected: check still_px"
            raise self._trouble(DeviceFault("camera", why))
        self._failed_processes = 0
        return Still(picture, head.at_ns, head.exposure_us, head.gain, self._settings.focal_px)

    async def _ask(self, asked: Callable[[int], Asked], *, within_s: float) -> tuple[Picture, Rgb | bytes]:
        """A picture. A camera that is being opened for the first time is awaited; one that failed says so at once."""
        try:
            async with asyncio.timeout(within_s):
                await self._known.wait()
        except TimeoutError:
            raise DeviceSilent("camera", "is still being opened") from None
        if self._fault is not None:
            raise self._fault.again()
        if self._process is None:
            raise DeviceMissing("camera", "its process is being replaced")
        try:
            said, picture = await self._process.ask(asked, within_s=within_s)
        except DeviceError as error:
            self._trouble(error)
            raise
        assert isinstance(said, Picture) and picture is not None, "what these two are answered with"
        return said, picture

    # --- the ladder

    async def keep(self) -> None:
        """Keeps a process with an open camera, for ever."""
        while True:
            try:
                async with started(self._command, self._hear) as self._process:
                    await self._climb(self._process)
            except DeviceError as error:  # it did not start, or cannot be killed
                self._name(error)
            finally:
                self._process = None
            self._failed_processes += 1
            if self._failed_processes == REBOOT_AFTER:
                log.error("camera: %d processes in a row did not bring it back: it asks for a reboot", REBOOT_AFTER)
            await asyncio.sleep(PAUSES_S[min(self._failed_processes, len(PAUSES_S)) - 1])

    async def _climb(self, process: CameraProcess) -> None:
        """Opens the camera, and again while its process answers. Returns when that one must be replaced."""
        for _ in range(REOPENS):
            try:
                await process.ask(lambda number: Open(number, self._settings), within_s=OPEN_S)
                await self._listen(process)
            except DeviceError as error:
                self._name(error)
            if process.ended:
                return
            await asyncio.sleep(REOPEN_PAUSE_S)

    async def _listen(self, process: CameraProcess) -> None:
        """Ends with the DeviceError that makes it necessary to climb."""
        while not self._heard.empty():  # it was said before the camera was opened
            self._heard.get_nowait()
        self._open, self._opened_ns = True, now_ns()
        while not process.ended:
            try:
                async with asyncio.timeout(HEARD_S):
                    heard = await self._heard.get()
            except TimeoutError:
                silent = DeviceSilent("camera", f"its process has been silent for {HEARD_S:g} s")
                raise process.end(silent) from None
            if isinstance(heard, DeviceError):
                raise heard

    def _hear(self, heard: Heard) -> None:
        if isinstance(heard, Seen) and self._open:
            self._see(heard.at_ns)
        self._heard.put_nowait(heard)

    def _see(self, at_ns: int) -> None:
        self._newest_ns = at_ns
        late_s = (now_ns() - at_ns) / 1e9
        if late_s > STALE_S:
            self._trouble(DeviceSilent("camera", f"its frames come {late_s:.0f} s late"))
            return
        if self._fault is not None:
            log.info("camera: well again")
            self._fault = None
        if now_ns() - self._opened_ns > PROVEN_S * 1e9:
            self._failed_processes = 0
        self._known.set()

    def _trouble(self, error: DeviceError) -> DeviceError:
        """Names what was found, and has the camera opened again for it."""
        kept = error.again()
        self._name(kept)
        self._heard.put_nowait(kept)
        return error

    def _name(self, error: DeviceError) -> None:
        self._fault, self._open = error, False
        self._known.set()


@asynccontextmanager
async def open_camera(settings: Picamera | V4l2, command: Sequence[str] = WORKER) -> AsyncIterator[ProcessCamera]:
    """The camera, there or not; its process is killed at the end. `command` is what a bench starts in its place."""
    camera = ProcessCamera(settings, command)
    async with asyncio.TaskGroup() as tasks:
        keeper = tasks.create_task(camera.keep(), name="camera")
        try:
            yield camera
        finally:
            keeper.cancel()
