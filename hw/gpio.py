"""GPIO of a Pi: the right chip by its label, single lines through gpiozero, and what is on only while it is renewed.

Must never take another chip than the one that was asked for, and never leave a line on that nobody renews.
"""

import asyncio
import contextlib
import logging
import os
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

from hw.cabin import DeviceMissing

if TYPE_CHECKING:
    from gpiozero import GPIODevice

log = logging.getLogger(__name__)

BOARD_LABELS = ("pinctrl-rp1", "pinctrl-bcm2711")  # Pi 5, Pi 4; their numbers moved with the kernel [linux PR 6144]
RETRY_S = 2.0  # between two tries to have lines that are not to be had


def find_chip(device: str, wanted: str | None) -> Path:
    """The chip's file /dev/gpiochipN. `wanted`: a label or a path; None is the Pi's own. DeviceMissing names all."""
    try:
        import gpiod
    except ImportError as error:
        raise DeviceMissing(device, f"{error}: install the package gpiod (pip install 'gpiod>=2.3')") from error
    paths = {path.resolve() for path in Path("/dev").glob("gpiochip*")}  # the Pi 5 has links to its own names
    found: dict[Path, str] = {}
    for path in sorted(paths):
        try:
            with gpiod.Chip(str(path)) as chip:
                found[path] = chip.get_info().label
        except OSError as error:
            found[path] = f"not readable: {error.strerror}"
    if wanted is not None and wanted.startswith("/"):
        fitting = [path for path in found if path == Path(wanted).resolve()]
    else:
        labels = BOARD_LABELS if wanted is None else (wanted,)
        fitting = [path for path, label in found.items() if label in labels]
    if len(fitting) == 1:
        return fitting[0]
    asked = wanted or " or ".join(BOARD_LABELS)
    there = ", ".join(f"{path} ({label})" for path, label in found.items()) or "none"
    if fitting:
        raise DeviceMissing(
            device, f"more than one GPIO chip is called {asked}: give its path as `chip`; found {there}"
        )
    if not found or "not readable" in there:
        raise DeviceMissing(device, f"no GPIO chip {asked}; found {there}. Is this a Pi, and the user in group gpio?")
    raise DeviceMissing(device, f"no GPIO chip {asked}; found {there}. Give one of these as `chip`")


def check_free(device: str, chip: Path, lines: Iterable[int]) -> None:
    """DeviceMissing with who holds it, where one of the lines is not on the chip or not free."""
    import gpiod

    try:
        with gpiod.Chip(str(chip)) as opened:
            info = opened.get_info()
            for line in lines:
                if line >= info.num_lines:
                    last = info.num_lines - 1
                    raise DeviceMissing(device, f"{chip} ({info.label}) has lines 0 to {last}, no line {line}")
                state = opened.get_line_info(line)
                if state.used:
                    raise DeviceMissing(
                        device,
                        f"line {line} is held by {state.consumer or 'the kernel'}: stop what holds it "
                        f"(`gpioinfo` lists it), or give another line",
                    )
    except OSError as error:
        raise DeviceMissing(device, f"{chip}: {error.strerror}") from error


class Lines:
    """Lines of one chip, each a gpiozero device. Its errors are DeviceMissing, whatever the library raises."""

    def __init__(self, device: str, chip: Path) -> None:
        self._device, self._chip = device, chip
        self._gpiozero, self._lgpio = _libraries(device)
        self._errors: tuple[type[Exception], ...] = (self._gpiozero.GPIOZeroError, self._lgpio.error, OSError)
        self._factory = self._wrapped(lambda: _factory(int(chip.name.removeprefix("gpiochip"))))
        self._open: list[GPIODevice] = []

    def switch(self, line: int, *, active_high: bool) -> Callable[[bool], None]:
        """Takes the line, off; the result turns it on and off."""
        device = self._wrapped(
            lambda: self._gpiozero.DigitalOutputDevice(line, active_high=active_high, pin_factory=self._factory)
        )
        self._open.append(device)
        return lambda on: self._wrapped(lambda: device._write(on))

    def dimmer(self, line: int, *, active_high: bool, frequency_hz: int) -> Callable[[float], None]:
        """Takes the line, off; the result sets its level 0…1 by PWM in software, in steps of 1 %."""
        device = self._wrapped(
            lambda: self._gpiozero.PWMLED(
                line, active_high=active_high, frequency=frequency_hz, pin_factory=self._factory
            )
        )
        self._open.append(device)

        def dim(level: float) -> None:
            device.value = level

        return lambda level: self._wrapped(lambda: dim(level))

    def contact(self, line: int, *, pull: Literal["up", "down", "none"]) -> Callable[[], bool]:
        """Takes the line as an input; the result says whether it is high."""
        pull_up = {"up": True, "down": False, "none": None}[pull]
        device = self._wrapped(
            lambda: self._gpiozero.InputDevice(
                line, pull_up=pull_up, active_state=True if pull_up is None else None, pin_factory=self._factory
            )
        )
        self._open.append(device)
        return lambda: bool(self._wrapped(lambda: device.is_active != (pull_up is True)))

    def close(self) -> None:
        """Turns all off and gives the lines back; a chip that is gone is no error."""
        for device in self._open:
            try:
                if isinstance(device, self._gpiozero.OutputDevice):
                    self._wrapped(device.off)
                self._wrapped(device.close)
            except DeviceMissing as gone:
                log.info("%s", gone)
                device._pin = None  # its deletion would try again, and print what it meets
        self._open.clear()
        self._factory.pins.clear()
        with contextlib.suppress(DeviceMissing):
            self._wrapped(self._factory.close)

    def _wrapped(self, act: Callable[[], Any]) -> Any:
        try:
            return act()
        except self._errors as error:
            hint = " (gpiozero knows only Raspberry Pis)" if "Pi revision" in str(error) else ""
            why = str(error).strip("'") or type(error).__name__
            raise DeviceMissing(self._device, f"{self._chip}: {why}{hint}") from error


def _factory(chip: int) -> Any:
    """A pin factory of its own: gpiozero's share one table of pins, and the first one closed would take all along."""
    from gpiozero.pins.lgpio import LGPIOFactory

    factory = LGPIOFactory(chip=chip)
    factory.pins, factory._reservations = {}, defaultdict(list)
    return factory


def _libraries(device: str) -> tuple[ModuleType, ModuleType]:
    """gpiozero and lgpio. DeviceMissing says what to install; pip's lgpio 0.0.2 for newer Pythons is an empty shell."""
    try:
        with _scratch_folder():
            import lgpio
        import gpiozero
    except ImportError as error:
        package = "lgpio" if error.name in ("lgpio", "_lgpio") else "gpiozero"
        raise DeviceMissing(device, f"{error}: apt-get install python3-{package}") from error
    if not hasattr(lgpio, "gpiochip_open"):
        raise DeviceMissing(device, "the installed lgpio is empty: remove it (pip) and apt-get install python3-lgpio")
    return gpiozero, lgpio


@contextlib.contextmanager
def _scratch_folder() -> Iterator[None]:
    """lgpio makes a pipe at its import, C in LG_WD, Python in the working directory [lg #22]: a folder for then."""
    kept = os.environ.get("LG_WD")
    with tempfile.TemporaryDirectory(prefix="lgpio-") as folder, contextlib.chdir(folder):
        os.environ["LG_WD"] = folder
        try:
            yield
        finally:
            if kept is None:
                del os.environ["LG_WD"]
            else:
                os.environ["LG_WD"] = kept


def released_lines_stay(root: Path = Path("/")) -> bool:
    """Whether this kernel leaves an output as it was when its process dies, as the Pi's own kernels do by default.

    `dtparam=strict_gpiod` in config.txt turns that off [raspberrypi/linux PR 6117, 6150]. False where nothing is told.
    """
    for module in ("pinctrl_rp1", "pinctrl_bcm2835"):
        with contextlib.suppress(FileNotFoundError):
            if (root / "sys/module" / module / "parameters/persist_gpio_outputs").read_text().strip() == "Y":
                return True
    return False


@contextlib.asynccontextmanager
async def kept(stay_open: Coroutine[Any, Any, None], tried: asyncio.Event) -> AsyncIterator[None]:
    """Runs what keeps lines open, until the end; ready once it has `tried` to have them."""
    async with asyncio.TaskGroup() as tasks:
        keeper = tasks.create_task(stay_open)
        try:
            await tried.wait()
            yield
        finally:
            keeper.cancel()


class Hold:
    """Something that stays on only while it is renewed: a thread of its own lets go, also while the loop hangs."""

    def __init__(self, name: str, let_go: Callable[[], None]) -> None:
        """`let_go` is called in that thread, or in `end`'s caller's; never twice for one `keep`, never beside one."""
        self._let_go = let_go
        self._changed = threading.Condition()
        self._until_s: float | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._watch, name=name, daemon=True)
        self._thread.start()

    def keep(self, turn_on: Callable[[], None], *, for_s: float) -> None:
        """Turns on, and lets go after `for_s` unless kept again. What `turn_on` raises leaves the time as it was."""
        with self._changed:
            turn_on()
            self._until_s = time.monotonic() + for_s
            self._changed.notify()

    def end(self) -> None:
        """Lets go now, also of what was let go of before."""
        with self._changed:
            self._until_s = None
            self._let_go()

    def do(self, act: Callable[[], None]) -> None:
        """Does it while nothing is let go of."""
        with self._changed:
            act()

    def close(self) -> None:
        """Ends the thread; whoever closes has let go."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _watch(self) -> None:
        with self._changed:
            while not self._closed:
                left_s = None if self._until_s is None else self._until_s - time.monotonic()
                if left_s is None or left_s > 0:
                    self._changed.wait(left_s)
                    continue
                self._until_s = None
                log.info("%s: not renewed in time, off", self._thread.name)
                try:
                    self._let_go()
                except DeviceMissing as gone:
                    log.warning("%s", gone)
