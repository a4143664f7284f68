"""The cabin's devices as protocols, and the values that pass through them.

A protocol is small; the real driver and the simulator pass the same contract tests. Nothing here knows what a visit is.
A status has three answers: well, faulty, not known. No answer from a device is `unknown`: never "fine", never "broken".
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray

Rgb = NDArray[np.uint8]
"""A picture as H × W × 3, sRGB."""


class DeviceError(Exception):
    """A device did not do what it was asked. `device` names it in the health report, `why` says what to do."""

    def __init__(self, device: str, message: str) -> None:
        super().__init__(f"{device}: {message}")
        self.device = device
        self.why = message

    def again(self) -> Self:
        """The same for another who waits, or to be kept: its traceback would hold what its frames held, a picture."""
        return type(self)(self.device, self.why)


class DeviceMissing(DeviceError):
    """Not there, or gone (unplugged, powered off, its process died). Its iterators end with this."""


class DeviceSilent(DeviceError):
    """There, but it did not answer within its deadline."""


class DeviceFault(DeviceError):
    """It answers, and says that it cannot (a jam, an over-heated head, a wrong picture size)."""


class Health(StrEnum):
    WELL = "well"
    FAULTY = "faulty"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Status:
    """What a device says of itself, and why; the text is for a technician, in English, without personal data."""

    health: Health
    why: str = ""


# --- camera ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Frame:
    """One live picture of the low-resolution stream (640 × 480). `at_ns`: CLOCK_BOOTTIME of its exposure."""

    rgb: Rgb
    at_ns: int


@dataclass(frozen=True, eq=False)
class Still:
    """One full-resolution shot, exposed after it was asked for.

    `picture`: H × W × 3 sRGB, or a JPEG where the camera makes one itself; its EXIF says how to turn it upright.
    `at_ns`: CLOCK_BOOTTIME of the exposure. `focal_px`: focal length in pixels of this picture, None where unknown.
    """

    picture: Rgb | bytes
    at_ns: int
    exposure_us: int | None = None
    gain: float | None = None
    focal_px: float | None = None


class Camera(Protocol):
    def status(self) -> Status:
        """Well while frames arrive; `FAULTY` names why not. Looks at no picture."""

    def frames(self) -> AsyncIterator[Frame]:
        """Live frames, newest first: a slow reader misses frames and never sees an old one. Ends with DeviceError."""

    async def still(self) -> Still:
        """A shot exposed after this call. DeviceSilent past its deadline, DeviceMissing, DeviceFault."""


# --- lights ------------------------------------------------------------------------------------------------------


class Scene(StrEnum):
    IDLE = "idle"
    WELCOME = "welcome"
    GUIDANCE = "guidance"
    CAPTURE = "capture"
    DONE = "done"
    OUT_OF_ORDER = "out_of_order"


class Lights(Protocol):
    def status(self) -> Status: ...

    async def show(self, scene: Scene, *, for_s: float = 30.0) -> None:
        """Goes to the scene; unless shown again within `for_s` the lamps fall back to IDLE by themselves."""


# --- coins -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Edge:
    """One edge of one coin line. `at_ns`: the kernel's CLOCK_MONOTONIC stamp. `seq`: the line's running number."""

    line: str
    rising: bool
    at_ns: int
    seq: int


@dataclass(frozen=True)
class TrainOpened:
    """A pulse train began: a coin may be in it. `train` names it until its end (Coin, UnclearCoin or Glitch)."""

    train: str
    at_ns: int


@dataclass(frozen=True)
class Coin:
    """A whole, clear signal of one coin."""

    train: str
    cents: int
    at_ns: int


@dataclass(frozen=True)
class UnclearCoin:
    """A signal that is not clearly a coin: never rounded, not credited, reported with its raw edges.

    `tail`: it began as soon as we listened, so it may be the rest of a signal that an earlier run has a row for.
    """

    train: str
    why: str
    at_ns: int
    edges: tuple[Edge, ...] = ()
    tail: bool = False


@dataclass(frozen=True)
class Glitch:
    """Too short for any coin: a counter of it goes to health, nothing else."""

    train: str
    at_ns: int


CoinEvent = TrainOpened | Coin | UnclearCoin | Glitch


class CoinAcceptor(Protocol):
    def status(self) -> Status: ...

    async def accept(self, *, for_s: float) -> None:
        """Takes coins for `for_s` seconds; renewed or it closes by itself."""

    async def refuse(self) -> None:
        """Closes now. Coins in flight are still delivered as events for the drain time."""

    def events(self) -> AsyncIterator[CoinEvent]:
        """Every event in order, also while closed. Ends with DeviceError; none is dropped while it is read."""


# --- pen ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PenSample:
    """One sample: position in mm from the pad's top-left corner, pressure 0…1, the kernel's CLOCK_MONOTONIC stamp.

    `contact` is False for the sample that lifts the pen. `broken` marks a stroke in which samples were lost.
    """

    x_mm: float
    y_mm: float
    pressure: float
    at_ns: int
    contact: bool
    broken: bool = False


class Pen(Protocol):
    width_mm: float
    height_mm: float

    def status(self) -> Status: ...

    def samples(self) -> AsyncIterator[PenSample]:
        """Samples from now on, in order. Ends with DeviceMissing when unplugged; ask again after plug-in."""


# --- printer -----------------------------------------------------------------------------------------------------


class Paper(StrEnum):
    PRESENT = "present"
    LOW = "low"  # near its end: still prints
    OUT = "out"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class PrinterStatus:
    """`health` of the mechanism, and its paper. Only WELL with PRESENT or LOW may sell a ticket."""

    health: Health
    paper: Paper
    why: str = ""

    @property
    def ready(self) -> bool:
        return self.health is Health.WELL and self.paper in (Paper.PRESENT, Paper.LOW)


@dataclass(frozen=True)
class PrintResult:
    """Whether the paper really came out.

    `printed`: proven by the printer. `failed`: proven not to be whole (paper out, jam, unplugged before the cut).
    `unknown`: all was sent, no proof came. `rows`: rows of the picture that were sent before it ended.
    """

    outcome: Literal["printed", "failed", "unknown"]
    why: str = ""
    rows: int = 0


class Printer(Protocol):
    width_dots: int

    async def status(self) -> PrinterStatus:
        """Asks the printer now, within its deadline. Never raises for a device that does not answer: UNKNOWN."""

    async def print(self, rows: NDArray[np.bool_]) -> PrintResult:
        """Prints H × width_dots (True = black), cuts, and waits for the proof. Never raises for a device's failure."""


# --- panel -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class View:
    """What the customer reads, sees and hears at one moment.

    `lines`: (main line, then smaller ones); `picture`: encoded JPEG or PNG bytes; `sound`: a name of the panel's
    sounds; `fields`: names of the pen fields that do something now, in reading order; `step`: what it is, for tests.
    """

    step: str
    lines: tuple[str, ...] = ()
    picture: bytes | None = None
    sound: str | None = None
    fields: tuple[str, ...] = ()


class Panel(Protocol):
    present: bool

    def status(self) -> Status: ...

    async def show(self, view: View) -> None: ...


# --- all together ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cabin:
    """The set of devices in one booth."""

    camera: Camera
    lights: Lights
    coins: CoinAcceptor
    pen: Pen
    printer: Printer
    panel: Panel
    labels: dict[str, str] = field(default_factory=dict)
    """Driver names by device, for health and `booth status`."""
