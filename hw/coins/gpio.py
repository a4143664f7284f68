"""Coin lines on GPIO: edges through gpiod with the kernel's time and numbers, the enable line through gpiozero.

Must never read an edge later than it must: what waits in the kernel's buffer comes before any decision about silence.
"""

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hw import gpio, settings
from hw.cabin import CoinAcceptor, DeviceMissing, Edge, Health, Status
from hw.coins.acceptor import CoinListener, PulseAcceptor

if TYPE_CHECKING:
    import gpiod

log = logging.getLogger(__name__)

BUFFERED_EVENTS = 1024  # the most that the kernel keeps for one request, oldest dropped first [gpiolib-cdev.c]


@asynccontextmanager
async def open_coins(chosen: settings.PulseCoins) -> AsyncIterator[CoinAcceptor]:
    """The acceptor, closed at first and at the end. It opens whether its lines are there or not, and they come back."""
    lines = GpioCoinLines(chosen)
    acceptor = PulseAcceptor(lines, settings.pulse_table(chosen))
    async with gpio.kept(lines.stay_open(), lines.tried):
        yield acceptor


class GpioCoinLines:
    """CoinLines on one chip."""

    def __init__(self, chosen: settings.PulseCoins, root: Path = Path("/")) -> None:
        self._chosen = chosen
        self._root = root
        self._names = {pin: name for name, pin in chosen.lines.items()}
        self._listener: CoinListener | None = None
        self._gone = asyncio.Event()
        self._why = "not opened"
        self._hold: gpio.Hold | None = None
        self._turn_on: Callable[[], None] = lambda: None
        self._request: gpiod.LineRequest | None = None
        self._told_seq = 0
        self.tried = asyncio.Event()  # whether they are there is known

    def status(self) -> Status:
        return Status(Health.FAULTY, self._why) if self._why else Status(Health.WELL)

    def listen(self, listener: CoinListener) -> None:
        assert self._request is None, "listened to before it opens"
        self._listener = listener
        listener.lines_gone(self._why)

    def enable(self, for_s: float) -> None:
        if self._hold is None:
            raise DeviceMissing("coins", self._why)
        try:
            if for_s > 0:
                self._hold.keep(self._turn_on, for_s=for_s)
            else:
                self._hold.end()
        except DeviceMissing as gone:
            self._lose(gone.why)
            raise

    async def stay_open(self) -> None:
        """Takes the lines and listens, again and again, until it is cancelled."""
        while True:
            self._gone.clear()
            with ExitStack() as held:
                try:
                    self._open(held)
                except DeviceMissing as missing:
                    self._why = missing.why
                    self._listens().lines_gone(self._why)
                    self.tried.set()
                    await asyncio.sleep(gpio.RETRY_S)
                    continue
                self._why = ""
                self.tried.set()
                await self._gone.wait()

    # --- inside

    def _open(self, held: ExitStack) -> None:
        chosen = self._chosen
        chip = gpio.find_chip("coins", chosen.chip)
        gpio.check_free("coins", chip, [*self._names, chosen.enable_pin])
        if gpio.released_lines_stay(self._root):
            raise DeviceMissing(
                "coins",
                "the kernel would leave the acceptor open if this program died: put dtparam=strict_gpiod into "
                "/boot/firmware/config.txt and restart",
            )
        outputs = gpio.Lines("coins", chip)
        held.callback(outputs.close)
        turn = outputs.switch(chosen.enable_pin, active_high=chosen.enable_active_high)
        hold = gpio.Hold("coin acceptor", lambda: turn(False))
        held.callback(hold.close)
        self._request = self._take_lines(chip)
        held.callback(self._give_back, self._request)
        self._turn_on, self._hold = lambda: turn(True), hold
        at_ns = time.monotonic_ns()
        low = [name for pin, name in self._names.items() if not self._request.get_value(pin)]
        self._told_seq = 0
        self._listens().lines_came(at_ns, low)
        asyncio.get_running_loop().add_reader(self._request.fd, self._read, self._request)
        log.info("coins: %s on %s", ", ".join(f"{name}={pin}" for name, pin in chosen.lines.items()), chip)

    def _take_lines(self, chip: Path) -> "gpiod.LineRequest":
        import gpiod
        from gpiod.line import Bias, Clock, Direction
        from gpiod.line import Edge as Edges

        line = gpiod.LineSettings(
            direction=Direction.INPUT,
            edge_detection=Edges.BOTH,
            bias=Bias.PULL_DOWN if self._chosen.active_high else Bias.PULL_UP,
            active_low=self._chosen.active_high,  # the decoder's idle is high
            event_clock=Clock.MONOTONIC,
        )
        try:
            request = gpiod.request_lines(
                str(chip),
                dict.fromkeys(self._names, line),
                consumer="booth coins",
                event_buffer_size=BUFFERED_EVENTS,
            )
        except OSError as error:
            raise DeviceMissing("coins", f"{chip}: {error.strerror}") from error
        os.set_blocking(request.fd, False)
        return request

    def _read(self, request: "gpiod.LineRequest") -> None:
        """All that waits in the kernel's buffer, at once: a timer that closes a train may be due in this same turn."""
        while self._request is request:
            try:
                events = request.read_edge_events()
            except BlockingIOError:
                return
            except OSError as error:
                self._lose(f"the GPIO chip is gone: {error.strerror}")
                return
            for event in events:
                if event.global_seqno != self._told_seq + 1:
                    log.warning("coins: %d edges lost in the kernel", event.global_seqno - self._told_seq - 1)
                self._told_seq = event.global_seqno
                rising = event.event_type is event.Type.RISING_EDGE
                name = self._names[event.line_offset]
                self._listens().edge(Edge(name, rising, event.timestamp_ns, event.line_seqno))

    def _lose(self, why: str) -> None:
        if self._request is None:
            return
        asyncio.get_running_loop().remove_reader(self._request.fd)
        self._request = self._hold = None
        self._why = why
        self._listens().lines_gone(why)
        self._gone.set()

    def _give_back(self, request: "gpiod.LineRequest") -> None:
        if self._request is request:
            asyncio.get_running_loop().remove_reader(request.fd)
            self._request = self._hold = None
            self._why = "closed"
            self._listens().lines_gone(self._why)
        request.release()

    def _listens(self) -> CoinListener:
        assert self._listener is not None, "an acceptor listens before the lines open"
        return self._listener
