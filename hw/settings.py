"""What the configuration says of the cabin's devices: one struct for each driver, chosen by its `driver` name.

The keys, units and limits stand here, beside the drivers that read them; docs/config.md explains them to a technician.
Must never import a driver: `booth config check` runs where no device library is installed.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from hw import pwm
from hw.cabin import Scene
from hw.coins.tables import MODELS, PulseTable
from hw.scenes import DARK, LEVELS

Pin = Annotated[int, Meta(ge=0, le=53, description="line offset on the chip: the BCM number on a Pi")]
Device = Annotated[str, Meta(pattern="^/dev/", max_length=200, description="a stable name, see `booth devices`")]
Chip = Annotated[str, Meta(min_length=1, max_length=200, description="a GPIO chip's label, or its path in /dev")]
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
    """As libcamera names the sensor (imx477, imx708); None takes the first camera."""
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
    """One lamp on a GPIO line. `pwm`: hardware, software, or an on/off line that is on from half level up.

    `frequency_hz` where it is not the usual one: 25,000 by hardware, 1,000 by software.
    """

    pin: Pin
    pwm: Literal["hardware", "software", "off"] = "software"
    frequency_hz: Annotated[int, Meta(ge=50, le=100_000)] | None = None
    active_high: bool = True


class GpioLights(Strict, frozen=True, kw_only=True, tag_field="driver", tag="gpio"):
    """Lamps by name (`face` lights the customer); `levels`: scene → lamp → 0…1, the rest is the driver's own table."""

    lamps: Annotated[dict[str, Lamp], Meta(min_length=1, max_length=8)]
    warm_up_ms: Annotated[float, Meta(ge=0, le=5000)] = 300.0
    levels: dict[str, dict[str, Level]] = {}
    chip: Chip | None = None


Lights = GpioLights | Absent | Simulated

# --- coins -------------------------------------------------------------------------------------------------------


Cents = Annotated[int, Meta(ge=1, le=10_000)]
Taught = dict[str, dict[str, Cents]]
"""Line → number of pulses → cents; always 1 pulse where each coin has a line of its own."""


class OwnTable(Strict, frozen=True, kw_only=True):
    """How an acceptor that is not among the known models speaks; ranges are (least, most) in milliseconds."""

    pulse_ms: tuple[Milliseconds, Milliseconds]
    gap_ms: tuple[Milliseconds, Milliseconds]
    closing_ms: Milliseconds
    bounce_ms: Milliseconds


class PulseCoins(Strict, frozen=True, kw_only=True, tag_field="driver", tag="pulse"):
    """An acceptor on GPIO lines: a pulse train on one, or one line for each coin. `lines`: name in the table → pin.

    `coins`: what it was taught, where that is not the model's own table. `active_high`: a coin pulls its line up.
    """

    model: str | None = None
    table: OwnTable | None = None
    coins: Taught = {}
    lines: Annotated[dict[str, Pin], Meta(min_length=1, max_length=8)]
    active_high: bool = False
    enable_pin: Pin
    enable_active_high: bool = True
    chip: Chip | None = None


class CctalkCoins(Strict, frozen=True, kw_only=True, tag_field="driver", tag="cctalk"):
    """A ccTalk acceptor behind a serial adapter. `coins`: coin id as the device names it → cents; the rest is known.

    `state`: the file that keeps the number of the last coin event told; durable, as the ledger's folder is.
    """

    port: Device
    address: Annotated[int, Meta(ge=2, le=255)] = 2
    coins: dict[str, Cents] = {}
    state: Annotated[str, Meta(pattern="^/", max_length=200)] = "/var/lib/booth/cctalk.json"


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
    """A printer on USB by its ids (`lsusb`); `serial` where two of a kind are plugged in."""

    vendor: UsbId
    product: UsbId
    serial: str | None = None
    profile: PrinterProfile = "epson"
    width_dots: Annotated[int, Meta(ge=256, le=1280, multiple_of=8)] = 576


class SerialPrinter(Strict, frozen=True, kw_only=True, tag_field="driver", tag="serial"):
    """A printer on a serial port, 8N1. `flow` as its switches say: without any, a full buffer loses bytes."""

    port: Device
    baud: Literal[9600, 19200, 38400, 57600, 115200] = 115200
    flow: Literal["rtscts", "xonxoff", "none"] = "rtscts"
    profile: PrinterProfile = "epson"
    width_dots: Annotated[int, Meta(ge=256, le=1280, multiple_of=8)] = 576


class NetworkPrinter(Strict, frozen=True, kw_only=True, tag_field="driver", tag="network"):
    """A printer with a network address of its own; nothing else may print on it."""

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


# --- service door ------------------------------------------------------------------------------------------------


class Door(Strict, frozen=True, kw_only=True):
    """The service door's contact on a GPIO line, for the health report. As it stands: to ground while it is shut."""

    pin: Pin
    open_is: Literal["high", "low"] = "high"
    pull: Literal["up", "down", "none"] = "up"
    chip: Chip | None = None


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
    door: Door | None = None
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
    if isinstance(cabin.coins, PulseCoins):
        try:
            pulse_table(cabin.coins)
        except UnfitError as unfit:
            yield f"coins.{unfit.key}", unfit.problem
    if isinstance(cabin.lights, GpioLights):
        yield from _unfit_lights(cabin.lights)
    match cabin.camera:
        case Picamera(exposure_us=exposure_us, gain=gain) if (exposure_us is None) != (gain is None):
            yield "camera", "names one of exposure_us and gain; either measure both, or let the camera find both"
    yield from _shared_pins(cabin)
    if isinstance(cabin.pen, EvdevPen):
        yield from _pad(cabin.pen)


DEVICES = ("camera", "lights", "coins", "pen", "printer", "panel")


class UnfitError(Exception):
    """A device's settings that do not fit together: the key below the device, and what is wrong."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(f"{key} {problem}")
        self.key, self.problem = key, problem


def pulse_table(chosen: PulseCoins) -> PulseTable:
    """How this acceptor speaks: its model's table or its own, with what it was taught. UnfitError."""
    if chosen.model is not None and chosen.table is not None:
        raise UnfitError("table", "stands beside model; give one of them")
    taught = _taught(chosen)
    try:
        if chosen.table is not None:
            own = chosen.table
            table = PulseTable("own table", own.pulse_ms, own.gap_ms, own.closing_ms, own.bounce_ms, coins=taught)
        elif chosen.model is None:
            raise UnfitError("model", f"is missing; give one of {_known_models()}, or a table of its own")
        elif chosen.model in MODELS:
            table = MODELS[chosen.model]
            table = replace(table, coins=taught or table.coins)
        else:
            raise UnfitError("model", f'is "{chosen.model}"; known are {_known_models()}, or give a table of its own')
    except ValueError as error:
        key = "table" if chosen.table is not None else "coins"
        raise UnfitError(key, f"contradicts itself: {error}") from error
    if not table.coins:
        raise UnfitError("coins", f"is missing: say what {table.name} was taught, as line = {{ pulses = cents }}")
    _check_lines(chosen, table)
    return table


def _taught(chosen: PulseCoins) -> dict[str, dict[int, int]]:
    for line, its in chosen.coins.items():
        for count in its:
            if not (count.isdecimal() and count.isascii() and int(count) > 0):
                raise UnfitError(f"coins.{line}.{count}", "is no number of pulses")
    return {line: {int(count): cents for count, cents in its.items()} for line, its in chosen.coins.items() if its}


def _check_lines(chosen: PulseCoins, table: PulseTable) -> None:
    for name in table.coins:
        if name not in chosen.lines:
            raise UnfitError("lines", f"has no line {name}, on which {table.name} tells coins; give it its pin")
        if table.line_pulse_ms and name not in table.line_pulse_ms:
            raise UnfitError(f"coins.{name}", f"is no line of {table.name}, which has {', '.join(table.line_pulse_ms)}")
    for name in chosen.lines:
        if name not in table.coins and name != table.alarm_line:
            known = ", ".join([*table.coins, *([table.alarm_line] if table.alarm_line else [])])
            raise UnfitError(f"lines.{name}", f"is no line of {table.name}, which has {known}")


def _known_models() -> str:
    return ", ".join(f'"{name}"' for name in MODELS)


def _unfit_lights(lights: GpioLights) -> Iterator[tuple[str, str]]:
    for name, lamp in lights.lamps.items():
        key, hz = f"lights.lamps.{name}", lamp.frequency_hz
        if lamp.pwm == "hardware" and lamp.pin not in pwm.PINS:
            yield f"{key}.pin", f"is {lamp.pin}; hardware PWM is on {', '.join(map(str, pwm.PINS))}"
        if lamp.pwm == "hardware" and hz is not None and hz < 20_000:
            yield f"{key}.frequency_hz", f"is {hz}; below 20000 a picture of 10 ms may show bands"
        if lamp.pwm == "software" and hz is not None and hz > 10_000:
            yield f"{key}.frequency_hz", f"is {hz}; PWM by software reaches 10000, by hardware more"
        if not any(name in levels for levels in [*LEVELS.values(), *lights.levels.values()]):
            yield key, f"is lit by no scene: name it {', '.join(DARK)}, or give it its levels"
    for scene, levels in lights.levels.items():
        if scene not in list(Scene):
            yield f"lights.levels.{scene}", f"is no scene; there are {', '.join(Scene)}"
        for name in levels:
            if name not in lights.lamps:
                yield f"lights.levels.{scene}.{name}", f"is no lamp; there are {', '.join(lights.lamps)}"


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
    if cabin.door is not None:
        yield "door.pin", cabin.door.chip, cabin.door.pin
