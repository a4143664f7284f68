"""The simulated ticket printer: an ESC/POS byte stream in, paper out, at a finite speed and with a finite buffer.

It reads the stream by the makers' documents alone and never through hw/printer, whose mistakes it is there to show.
"""

import asyncio
import random
from collections import deque

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from hw.cabin import DeviceMissing
from hw.sim.journal import Journal
from hw.sim.paper import DOTS, Sheet
from hw.sim.printer_commands import Cut, Proof, PutOut, Row, length
from hw.sim.printer_models import MODELS, Model

TAKE_S = 1.0  # to reach for a sheet that lies at the exit
STEP_ROWS, STEP_S = 24, 0.02  # 24 rows in 20 ms = 150 mm/s at 8 dots/mm
BUFFER_ROWS = 512  # 36 kB
ROW_BYTES = DOTS // 8
STANDS_STILL = frozenset({"paper out", "jam", "cover open", "hot", "hung", "unplugged"})


class SimPrinter:
    """ByteTransport protocol (the bytes' side of EscposPrinter) and its bench verbs."""

    VERBS = frozenset(
        {"paper_out", "paper_low", "reload", "jam", "cover_open", "cover_close", "unplug", "replug", "silent"}
        | {"garbage_status", "repair", "papers", "hot", "take", "keep"}
    )

    def __init__(self, rng: random.Random, journal: Journal, model: Model = MODELS["epson"]) -> None:
        self._loop = asyncio.get_running_loop()
        self._rng = rng
        self._journal = journal
        self._model = model
        self._at_exit = False
        self._takes = True  # whoever stands there takes what comes out
        self._sheets: list[Sheet] = []
        self._troubles: set[str] = set()
        self._ends: dict[str, int] = {}  # trouble → rows until it happens
        self._unplug_after: int | None = None
        self._moved = asyncio.Event()  # something changed for whoever waits to write or to read
        self._step_timer: asyncio.TimerHandle | None = None
        self._booths = 0  # that were here before this one
        self._cut_at = 0
        self._raw = bytearray()
        self._sheet: list[bytes] = []
        self._sheets_made = 0
        self._answer = bytearray()
        self._tells = False  # its status unasked
        self._told = b""
        self._forget()
        self._spoilt = False

    # --- the bytes' side

    async def write(self, data: bytes, *, deadline_s: float) -> int:
        end_s = self._loop.time() + deadline_s
        at, booth = 0, self._booths
        while True:
            if booth != self._booths:
                raise DeviceMissing("printer", "the booth is gone")
            at += self._take(data[at:])
            if at >= len(data) or not await self._move(end_s):
                return at

    async def read(self, *, deadline_s: float) -> bytes:
        end_s = self._loop.time() + deadline_s
        while True:
            self._check_plugged()
            if self._answer:
                came = bytes(self._answer)
                self._answer.clear()
                return came
            if deadline_s <= 0 or not await self._move(end_s):
                return b""

    async def reset(self) -> int:
        self._check_plugged()
        self.forget()
        return 0

    async def port_says(self) -> str:
        self._check_plugged()
        return ""

    @property
    def plugged(self) -> bool:
        return "unplugged" not in self._troubles

    @property
    def paper_is_out(self) -> bool:
        return "paper out" in self._troubles

    @property
    def stands_still(self) -> bool:
        return bool(self._troubles & STANDS_STILL)

    def forget(self) -> None:
        """Its reset: what is not printed is gone, settings stay."""
        self._clear()
        self._answer.clear()

    def let_go(self) -> None:
        """The booth is gone: nothing of what it did not send will come, what it sent is printed."""
        self._spoilt |= self._unfinished()
        self._answer.clear()
        self._booths += 1
        self._stir()

    # --- the bench

    async def paper_out(self, after_rows: int = 0) -> None:
        """The roll ends, now or after so many more rows: what hangs out falls off."""
        self._happen("paper out", after_rows)

    async def paper_low(self) -> None:
        self._happen("paper low", 0)

    async def reload(self) -> None:
        """A new roll."""
        self._mend("paper out", "paper low")

    async def jam(self, after_rows: int = 0) -> None:
        """The knife sticks, now or after so many more rows."""
        self._happen("jam", after_rows)

    async def cover_open(self, after_rows: int = 0) -> None:
        """Someone opens the cover; closed again, it goes on with what it holds."""
        self._happen("cover open", after_rows)

    async def cover_close(self) -> None:
        self._mend("cover open")

    async def hot(self, after_rows: int = 0) -> None:
        """The head is too hot: it waits until it is repaired, and goes on."""
        self._happen("hot", after_rows)

    async def take(self) -> None:
        """Someone takes what lies at the exit, and what comes from now on."""
        self._takes = True
        self._leave_exit()

    async def keep(self) -> None:
        """Nobody takes what comes out from now on."""
        self._takes = False

    async def unplug(self, after_bytes: int = 0) -> None:
        """Power and data are cut, now or after so many more bytes: its memory is empty, the paper torn."""
        self._unplug_after = after_bytes
        if not after_bytes:
            self._pull()

    async def replug(self) -> None:
        self._mend("unplugged")

    async def silent(self, prints: bool = True, after_rows: int = 0) -> None:
        """It answers nothing any more; without `prints` it does nothing any more either."""
        self._happen("silent" if prints else "hung", after_rows)

    async def garbage_status(self) -> None:
        """It answers every question with bytes that mean nothing."""
        self._happen("garbage", 0)

    async def repair(self) -> None:
        """Everything is well again, with a new roll."""
        self._ends.clear()
        self._mend(*self._troubles)

    async def papers(self, first: int = 0) -> list[Sheet]:
        """The sheets that came out so far, cut or torn, from this one on; -1: the last one. A message holds some 50."""
        return self._sheets[first:]

    # --- what breaks and is mended

    def _happen(self, trouble: str, after_rows: int) -> None:
        if after_rows:
            self._ends[trouble] = after_rows
            return
        self._troubles.add(trouble)
        self._journal.note("printer.fault", fault=trouble)
        if trouble in ("paper out", "jam"):
            self._tear()
        self._tell_change()
        self._stir()

    def _mend(self, *troubles: str) -> None:
        self._troubles.difference_update(troubles)
        self._journal.note("printer.fault", fault=", ".join(sorted(self._troubles)))
        self._tell_change()
        self._stir()
        self._work()

    def _pull(self) -> None:
        self._unplug_after = None
        self._happen("unplugged", 0)
        self._tells = False
        self._forget()
        self._answer.clear()
        self._tear()

    def _check_plugged(self) -> None:
        if "unplugged" in self._troubles:
            raise DeviceMissing("printer", "unplugged")

    def _stir(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()

    async def _move(self, end_s: float) -> bool:
        """Waits until something changes; False at `end_s`."""
        try:
            async with asyncio.timeout_at(end_s):
                await self._moved.wait()
        except TimeoutError:
            return False
        return True

    # --- bytes to commands

    def _forget(self) -> None:
        self._ops: deque[Row | Proof | PutOut | Cut] = deque()
        self._command = bytearray()
        self._row = bytearray()
        self._row_bytes = 0
        self._image_left = 0
        self._dots_before = b""
        self._text = bytearray()
        self._open = False  # rows were taken since the last cut

    def _unfinished(self) -> bool:
        """Rows came, or began to come, whose cut was not asked for yet."""
        return self._open or bool(self._image_left)

    def _take(self, data: bytes) -> int:
        """Takes what fits into the buffer; how many bytes that was."""
        self._check_plugged()
        if self._unplug_after is not None:
            data = data[: self._unplug_after]
        at = 0
        while at < len(data):
            if not self._image_left and not self._command and not data[at]:
                nothing = len(data) - at - len(data[at:].lstrip(b"\0"))  # NULs between commands
                self._raw += data[at : at + nothing]
                at += nothing
                continue
            if not self._image_left:
                self._command.append(data[at])
                at += 1
                self._raw.append(self._command[-1])
                self._interpret()
                continue
            if len(self._ops) >= BUFFER_ROWS:
                break
            part = data[at : at + min(self._image_left, self._row_bytes - len(self._row))]
            at += len(part)
            self._raw += part
            self._row += part
            self._image_left -= len(part)
            if self._model.answers_in_images:
                self._answer_in_image(part)
            if len(self._row) == self._row_bytes:
                self._rows(bytes(self._row))
                self._row.clear()
        if self._unplug_after is not None:
            self._unplug_after -= at
            if not self._unplug_after:
                self._pull()
                self._check_plugged()
        self._work()
        return at

    def _answer_in_image(self, part: bytes) -> None:
        """A real-time request is obeyed though it stands among dots, and is dots as well."""
        seen = self._dots_before + part
        for at in range(len(seen) - 2):
            if seen[at : at + 2] == b"\x10\x04":
                self._tell(self._model.realtime(seen[at + 2], self._troubles, self._at_exit))
        self._dots_before = seen[-2:]

    def _interpret(self) -> None:
        """Runs the command when it is whole; what is no command is text, as on a real printer."""
        c = bytes(self._command)
        whole = length(c)
        if whole is None or len(c) < whole:
            return
        self._command.clear()
        if whole == 0:
            if c[0] < 0x20 and c != b"\n":
                return  # a control code that is no command is thrown away
            self._text += c
            if c[-1:] == b"\n" or len(self._text) >= 48:
                self._print_text()
            return
        if c[:2] == b"\x10\x04":
            self._tell(self._model.realtime(c[2], self._troubles, self._at_exit))
        elif c == b"\x10\x14\x08\x01\x03\x14\x01\x06\x02\x08" and self._model.clears:
            self._clear()
            self._tell(b"\x37\x25\x00")
        elif c == b"\x10\x05\x02" and self._model.clears_silently:
            self._clear()
        elif c[:2] in (b"\x1da", b"\x1d\xe0"):
            self._tells, self._told = bool(c[2]), b""
            self._tell_change()
        elif c[:3] == b"\x1dv0":
            self._print_text()
            self._row_bytes = c[4] + 256 * c[5]
            self._image_left = self._row_bytes * (c[6] + 256 * c[7])
        elif c[:3] == b"\x1d(H" and c[5:7] == b"\x30\x30" and self._model.process_id:
            self._ops.append(Proof(c[7:]))
        elif c in (b"\x1dR0", b"\x1de\x05") and self._model.presenter:
            self._ops.append(PutOut())
        elif c[:2] == b"\x1dV":
            self._print_text()
            self._ops.append(Cut(len(self._raw), self._spoilt))
            self._spoilt = self._open = False
        elif c[:2] == b"\x1bJ":
            self._rows(*[bytes(ROW_BYTES)] * c[2])

    def _clear(self) -> None:
        """What is not printed is forgotten, settings stay."""
        self._spoilt |= bool(self._sheet) or self._unfinished()
        self._forget()

    def _rows(self, *rows: bytes) -> None:
        self._open = True
        self._ops.extend(Row(row[:ROW_BYTES].ljust(ROW_BYTES, b"\x00")) for row in rows)

    def _print_text(self) -> None:
        if not self._text:
            return
        image = Image.new("1", (DOTS, 24))
        text = "".join(chr(byte) if 32 <= byte < 127 else "#" for byte in self._text.rstrip(b"\n"))
        ImageDraw.Draw(image).text((0, 2), text, 1, ImageFont.load_default(18))
        self._text.clear()
        self._rows(*(row.tobytes() for row in np.packbits(np.asarray(image), axis=1)))

    def _tell(self, answer: bytes) -> None:
        if self._troubles & {"silent", "hung"}:
            return
        if "garbage" in self._troubles:
            answer = bytes(self._rng.choice((0x00, 0xFF, 0x80, 0x41)) for _ in range(self._rng.randint(1, 9)))
        self._answer += answer
        self._stir()

    def _tell_change(self) -> None:
        """What it tells unasked, where it was told to and something changed."""
        now = self._model.automatic(self._troubles, self._at_exit)
        if self._tells and now != self._told and "unplugged" not in self._troubles:
            self._told = now
            self._tell(now)

    # --- commands to paper

    def _work(self) -> None:
        if self._ops and self._step_timer is None and not self._troubles & STANDS_STILL:
            self._step_timer = self._loop.call_later(STEP_S, self._step)

    def _step(self) -> None:
        self._step_timer = None
        for _ in range(STEP_ROWS):
            if not self._ops or self._troubles & STANDS_STILL:
                break
            op = self._ops.popleft()
            if isinstance(op, Row):
                self._feed(op.dots)
            elif isinstance(op, Proof):
                if "silent" not in self._troubles:
                    self._answer += b"\x37\x22" + op.name + b"\x00"
            elif isinstance(op, PutOut):
                self._leave_exit()
            elif self._sheet:
                self._come_out(whole=not op.spoilt, received=op.received)
                self._present()
        self._stir()
        self._work()

    def _feed(self, dots: bytes) -> None:
        if not self._sheet:
            self._journal.note("printer.row")
        self._sheet.append(dots)
        for trouble in list(self._ends):
            self._ends[trouble] -= 1
            if not self._ends[trouble]:
                del self._ends[trouble]
                self._happen(trouble, 0)

    def _present(self) -> None:
        """A sheet lies at the exit until somebody takes it, or it is put out of the way."""
        if not self._model.presenter:
            return
        self._at_exit = True
        self._tell_change()
        if self._takes:
            self._loop.call_later(TAKE_S, self._leave_exit)

    def _leave_exit(self) -> None:
        self._at_exit = False
        self._tell_change()
        self._stir()

    def _tear(self) -> None:
        if self._sheet:
            self._come_out(whole=False, received=len(self._raw))

    def _come_out(self, *, whole: bool, received: int) -> None:
        self._sheets_made += 1
        dots = np.unpackbits(np.frombuffer(b"".join(self._sheet), np.uint8)).reshape(-1, DOTS).astype(np.bool_)
        raw = bytes(self._raw[: received - self._cut_at])
        del self._raw[: received - self._cut_at]
        self._cut_at = received
        self._sheets.append(Sheet(self._sheets_made, whole, dots, raw))
        self._sheet = []
        self._journal.note("printer.sheet", n=self._sheets_made, whole=whole, rows=len(dots))
