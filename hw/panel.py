"""The panel on a terminal: text, picture and bell, written to a tty that may stop reading or vanish.

Must never hold up the loop: writes do not block and the newest view wins, an older one is left out.
"""

import asyncio
import errno
import fcntl
import os
import re
import struct
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from hw import settings
from hw.cabin import DeviceMissing, DeviceSilent, Health, Status, View
from hw.panel_text import CLEAR, PLAIN, SHOW, SOUNDS, screen

DRAW_S = 0.25
"""Between two drawings of one step: a live view at four a second is what a slow terminal takes."""
SILENT_S = 3.0
"""A terminal that takes nothing for so long was stopped (XOFF) or hangs."""
BACK_S = 1.0


class TerminalPanel:
    present = True

    def __init__(self, chosen: settings.TerminalPanel) -> None:
        self._chosen = chosen
        self._fd: int | None = None
        self._why = "not looked for yet"
        self._missing = True
        self._view: View | None = None
        self._sounds: list[str] = []
        self._changed = asyncio.Event()

    def status(self) -> Status:
        return Status(Health.FAULTY, self._why) if self._why else Status(Health.WELL)

    async def show(self, view: View) -> None:
        """Draws it soon. DeviceMissing, DeviceSilent; the view is drawn when the terminal is back."""
        self._view = view
        if view.sound is not None:
            self._sounds.append(view.sound)
        self._changed.set()
        if self._why:
            raise (DeviceMissing if self._missing else DeviceSilent)("panel", self._why)

    def look(self) -> None:
        """Opens the terminal if it is there."""
        try:
            self._fd = os.open(self._chosen.tty, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
            if not os.isatty(self._fd):
                raise OSError(errno.ENOTTY, "no terminal")
        except OSError as error:
            self._lost(error)
        else:
            self._why = ""

    async def run(self) -> None:
        """Draws what is to be seen until cancelled, and looks for the terminal while it is gone."""
        try:
            while True:
                if self._fd is None:
                    self.look()
                if self._fd is None:
                    await asyncio.sleep(BACK_S)
                    self._changed.set()  # what was missed is drawn on its return
                    continue
                with suppress(TimeoutError):
                    async with asyncio.timeout(BACK_S):
                        await self._changed.wait()
                try:
                    _size(self._fd)  # one that went away says so only when asked
                    if self._changed.is_set():
                        self._changed.clear()
                        await self._draw(self._fd)
                except OSError as error:
                    self._lost(error)
        finally:
            if self._fd is not None:
                with suppress(OSError):
                    os.write(self._fd, (PLAIN + CLEAR + SHOW).encode())
                os.close(self._fd)

    async def _draw(self, fd: int) -> None:
        if (view := self._view) is None:
            return
        rows, columns = _size(fd)
        colours = re.fullmatch(r"/dev/(tty\d+|console)", self._chosen.tty) is None  # the Linux console knows 16
        text = await asyncio.to_thread(screen, view, columns or 80, rows or 24, colours=colours)
        await self._write(fd, text.encode())
        sounds, self._sounds = self._sounds, []
        if self._chosen.sounds and sounds:
            await self._ring(fd, sounds[-1])
        await asyncio.sleep(DRAW_S)

    async def _ring(self, fd: int, sound: str) -> None:
        at = 0.0
        for moment in SOUNDS.get(sound, (0.0,)):
            await asyncio.sleep(moment - at)
            await self._write(fd, b"\a")
            at = moment

    async def _write(self, fd: int, data: bytes) -> None:
        """All of it, however slowly it is taken; says that the terminal is silent while it takes nothing."""
        loop = asyncio.get_running_loop()
        while data:
            try:
                data = data[os.write(fd, data) :]
                self._why = ""
            except BlockingIOError:
                free: asyncio.Future[None] = loop.create_future()
                loop.add_writer(fd, _settle, free)
                try:
                    async with asyncio.timeout(SILENT_S):
                        await free
                except TimeoutError:
                    self._missing = False
                    self._why = (
                        f"{self._chosen.tty} takes no text; was it stopped (press Ctrl-Q there), or does it hang?"
                    )
                finally:
                    loop.remove_writer(fd)

    def _lost(self, error: OSError) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
        self._missing = True
        tty = self._chosen.tty
        match error.errno:
            case errno.EACCES | errno.EPERM:
                self._why = f"no permission for {tty}; install the udev rule, add the user to the group `tty`"
            case errno.ENOTTY:
                self._why = f"{tty} is no terminal; name one as cabin.panel.tty"
            case _:
                self._why = f"{tty} is not there; plug it in, or name another as cabin.panel.tty"


def _size(fd: int) -> tuple[int, int]:
    """Rows and columns as the terminal tells them, 0 where it tells none. OSError: it is gone."""
    rows, columns = struct.unpack("HHHH", fcntl.ioctl(fd, termios.TIOCGWINSZ, bytes(8)))[:2]
    return rows, columns


def _settle(free: asyncio.Future[None]) -> None:
    if not free.done():
        free.set_result(None)


@asynccontextmanager
async def open_panel(chosen: settings.TerminalPanel) -> AsyncIterator[TerminalPanel]:
    """The terminal that the configuration names, whether it is there or not yet; cleared at the end."""
    panel = TerminalPanel(chosen)
    panel.look()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(panel.run())
        try:
            yield panel
        finally:
            running.cancel()
