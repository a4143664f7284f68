"""What the configuration says of the cabin's devices: one struct for each driver, chosen by its `driver` name.

The keys, units and limits stand here, beside the drivers that read them; docs/config.md explains them to a technician.
Must never import a driver: `booth config check` runs where no device library is installed.
"""

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Pin = Annotated[int, Meta(ge=0, le=53, description="line offset on the chip: the BCM number on a Pi")]
Device = Annotated[str, Meta(pattern="^/dev/", max_length=200, description="a stable name, see `booth devices`")]
Pixels = Annotated[int, Meta(ge=16, le=16384)]
Level = Annotated[float, Meta(ge=0, le=1)]
Milliseconds = Annotated[float, Meta(gt=0, le=10_000)]
UsbId = Annotated[int, Meta(ge=0, le=0xFFFF)]
PrinterProfile = Literal["epson", "epson-no-proof", "citizen-ppu700", "custom-kpm"]


class Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file; a key that is not named here is a fault, since it is usually a misspelling."""


class Simulated(Strict, frozen=True, kw_only=True, tag_field="driver", tag="sim"):
    """The simulated device behind `cabin.socket`."""


class Absent(Strict, frozen=True, kw_only=True, tag_field="driver", tag="none"):
    """A cabin that has no such device, and needs none."""


# --- camera ------------------------------------------------------------------------------------------------------


class Picamera(Strict, frozen=True, kw_only=True, tag_field="driver", tag="picamera2"):
    """A Pi's camera module. What is None is found by the camera itself before each lock; measured values hold it."""

    model: str | None = None
    still_px: tuple[Pixels, Pixels] = (4056, 3040)
    mains_hz: Literal[50, 60] = 50
    exposure_us: Annotated[int, Meta(ge=100, le=200_000)] | None = None
    gain: Annotated[float, Meta(ge=1, le=16)] | None = None
    colour_gains: tuple[float, float] | None = None
    lens_dioptres: Annotated[float, Meta(ge=0, le=15)] | None = None
    focal_px: Annotated[float, Meta(gt=0, le=100_000)] | None = None
    rotation: Literal[0, 90, 180, 270] = 0


class V4l2(Strict, frozen=True, kw_only=True, tag_field="driver", tag="v4l2"):
    """A USB camera of a counter or studio."""

    device: Device
    still_px: tuple[Pixels, Pixels] = (1920, 1080)
    focal_px: Annotated[float, Meta(gt=0, le=100_000)] | None = None
    rotation: Literal[0, 90, 180, 270] = 0


Camera = Picamera | V4l2 | Simulated

# --- lights ------------------------------------------------------------------------------------------------------


class Lamp(Strict, frozen=True, kw_only=True):
    """One lamp on a GPIO line. `pwm`: hardware, software, or an on/off line that is on from half level up."""

    pin: Pin
    pwm: Literal["hardware", "software", "off"] = "software"
    active_high: bool = True


class GpioLights(Strict, frozen=True, kw_only=True, tag_field="driver", tag="gpio"):
    """Lamps by name (`face` lights the customer); `levels`: scene → lamp → 0…1, the rest is the driver's own table."""

    lamps: Annotated[dict[str, Lamp], Meta(min_length=1, max_length=8)]
    frequency_hz: Annotated[int, Meta(ge=50, le=100_000)] = 1000
    warm_up_ms: Annotated[float, Meta(ge=0, le=5000)] = 300.0
    levels: dict[str, dict[str, Level]] = {}
    chip: str | None = None


Lights = GpioLights | Absent | Simulated

# --- coins -------------------------------------------------------------------------------------------------------


class OwnTable(Strict, frozen=True, kw_only=True):
    """How an acceptor that is not among the known models speaks; ranges are (least, most) in milliseconds."""

    pulse_ms: tuple[Milliseconds, Milliseconds]
    gap_ms: tuple[Milliseconds, Milliseconds]
    closing_ms: Milliseconds
    bounce_ms: Milliseconds
    coins: dict[str, dict[str, Annotated[int, Meta(ge=1, le=10_000)]]]
    """Line → number of pulses → cents."""


class PulseCoins(Strict, frozen=True, kw_only=True, tag_field="driver", tag="pulse"):
    """An acceptor on GPIO lines: a pulse train on one, or one line for each coin. `lines`: name in the table → pin."""

    model: str | None = None
    table: OwnTable | None = None
    lines: Annotated[dict[str, Pin], Meta(min_length=1, max_length=8)]
    enable_pin: Pin
    enable_active_high: bool = True
    chip: str | None = None


class CctalkCoins(Strict, frozen=True, kw_only=True, tag_field="driver", tag="cctalk"):
    """A ccTalk acceptor behind a serial adapter. `coins`: coin id as the device names it → cents; the rest is known."""

    port: Device
    address: Annotated[int, Meta(ge=2, le=255)] = 2
    coins: dict[str, Annotated[int, Meta(ge=1, le=10_000)]] = {}


Coins = PulseCoins | CctalkCoins | Absent | Simulated

# --- pen ---------------------------------------------------------------------------------------------------------


class EvdevPen(Strict, frozen=True, kw_only=True, tag_field="driver", tag="evdev"):
    """A tablet or touch panel; without `device` the only one. Its size where it tells no resolution or a wrong one."""

    device: Device | None = None
    width_mm: Annotated[float, Meta(gt=10, le=1000)] | None = None
    height_mm: Annotated[float, Meta(gt=10, le=1000)] | None = None
    calibration: Annotated[list[tuple[float, float, float, float]], Meta(min_length=4, max_length=16)] | None = None
    """Four points or more (raw_x, raw_y, x_mm, y_mm), near the corners."""

    @property
    def size_mm(self) -> tuple[float, float] | None:
        return None if self.width_mm is None or self.height_mm is None else (self.width_mm, self.height_mm)


Pen = EvdevPen | Simulated

# --- printer -----------------------------------------------------------------------------------------------------


class UsbPrinter(Strict, frozen=True, kw_only=True, tag_field="driver", tag="usb"):
    vendor: UsbId
    product: UsbId
    serial: str | None = None
    profile: PrinterProfile = "epson"
    width_dots: Annotated[int, Meta(ge=256, le=1280, multiple_of=8)] = 576


class SerialPrinter(Strict, frozen=True, kw_only=True, tag_field="driver", tag="serial"):
    port: Device
    baud: Literal[9600, 19200, 38400, 57600, 115200] = 115200
    profile: PrinterProfile = "epson"
    width_dots: Annotated[int, Meta(ge=256, le=1280, multiple_of=8)] = 576


class NetworkPrinter(Strict, frozen=True, kw_only=True, tag_field="driver", tag="network"):
    host: Annotated[str, Meta(min_length=1, max_length=200)]
    port: Annotated[int, Meta(ge=1, le=65535)] = 9100
    profile: PrinterProfile = "epson"
    width_dots: Annotated[int, Meta(ge=256, le=1280, multiple_of=8)] = 576


Printer = UsbPrinter | SerialPrinter | NetworkPrinter | Simulated

# --- panel -------------------------------------------------------------------------------------------------------


class TerminalPanel(Strict, frozen=True, kw_only=True, tag_field="driver", tag="terminal"):
    """Text and sounds on a terminal."""

    tty: Device = "/dev/tty1"
    sounds: bool = True


Panel = TerminalPanel | Absent | Simulated


# --- all together ------------------------------------------------------------------------------------------------


class SimulatedCabin(Strict, frozen=True, kw_only=True, tag_field="driver", tag="sim"):
    """A whole simulated cabin (`python -m hw.sim`) behind `socket`."""

    socket: str


class Devices(Strict, frozen=True, kw_only=True, tag_field="driver", tag="devices"):
    """One driver for each device of the cabin; every one is named, none is guessed."""

    camera: Camera
    lights: Lights
    coins: Coins
    pen: Pen
    printer: Printer
    panel: Panel
    socket: str | None = None
    """The simulated cabin's, where a device is simulated."""


Cabin = SimulatedCabin | Devices


def problems(cabin: Cabin) -> Iterator[tuple[str, str]]:
    """(key below `cabin`, problem) of what no single key shows."""
    if isinstance(cabin, SimulatedCabin):
        return
    for name in DEVICES:
        if isinstance(getattr(cabin, name), Simulated) and cabin.socket is None:
            yield "socket", f"is missing; {name} is simulated, and `python -m hw.sim` says where"
            break
    yield from _shared_pins(cabin)
    if isinstance(cabin.pen, EvdevPen):
        yield from _pad(cabin.pen)


DEVICES = ("camera", "lights", "coins", "pen", "printer", "panel")


def _shared_pins(cabin: Devices) -> Iterator[tuple[str, str]]:
    used: dict[tuple[str | None, int], str] = {}
    for key, chip, pin in _pins(cabin):
        if (chip, pin) in used:
            yield key, f"is line {pin}, which {used[chip, pin]} has already; every line serves one thing"
        used.setdefault((chip, pin), key)


def _pad(pen: EvdevPen) -> Iterator[tuple[str, str]]:
    from hw.pen_pad import RESIDUAL_MM, fit

    if (pen.width_mm is None) != (pen.height_mm is None):
        given, missing = ("width_mm", "height_mm") if pen.height_mm is None else ("height_mm", "width_mm")
        yield f"pen.{missing}", f"is missing; {given} alone does not tell the pad's size"
    if pen.calibration is None:
        return
    try:
        _, missed_mm = fit(pen.calibration)
    except ValueError as error:
        yield "pen.calibration", str(error)
        return
    if missed_mm > RESIDUAL_MM:
        yield "pen.calibration", f"misses a point of its own by {missed_mm:.1f} mm; touch the points and measure again"


def _pins(cabin: Devices) -> Iterator[tuple[str, str | None, int]]:
    if isinstance(cabin.lights, GpioLights):
        for name, lamp in cabin.lights.lamps.items():
            yield f"lights.lamps.{name}.pin", cabin.lights.chip, lamp.pin
    if isinstance(cabin.coins, PulseCoins):
        for name, pin in cabin.coins.lines.items():
            yield f"coins.lines.{name}", cabin.coins.chip, pin
        yield "coins.enable_pin", cabin.coins.chip, cabin.coins.enable_pin
