"""What a technician could plug in and use: devices found in /sys and /dev, with the settings that would choose each.

Opens nothing, so that it disturbs no running booth. `root` stands before the system's paths, so that a test lays its
own. Must never name a device by a number that moves (`/dev/video0`) where a stable name is there.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hw.pen import INPUT_PROP_POINTER
from hw.pen_pad import Node

PENS = {"pen": "pen tablet, pressure", "touch": "touch panel, no pressure"}
"""As the driver takes them: it tells a touch panel's pressure as 1.0, whatever the panel feels."""
USB_PRINTER = "07"  # bInterfaceClass [USB.org class codes]


@dataclass(frozen=True)
class Found:
    """One thing that is there. `device`: camera, lights, coins, pen, printer; `what`: its own name and abilities;
    `settings`: what chooses it in the configuration ({} where it takes more than that)."""

    device: str
    name: str
    what: str
    settings: dict[str, Any] = field(default_factory=dict)


def found(root: Path = Path("/")) -> list[Found]:
    """Everything of use that is there now, sorted by device and name."""
    every = [*_cameras(root), *_lines(root), *_pwm(root), *_pens(root), *_usb_printers(root), *_serial(root)]
    return sorted(every, key=lambda each: (each.device, each.name))


def _cameras(root: Path) -> Iterator[Found]:
    stable = _links(root, "dev/v4l/by-id", "dev/v4l/by-path")
    for entry in _entries(root / "sys/class/video4linux"):
        name = _read(entry / "name")
        if entry.name.startswith("v4l-subdev"):
            model = name.split(" ")[0]
            if any(ability in model for ability in ("imx", "ov5", "ov6", "ov7", "ov9")):
                yield Found("camera", model, "camera module on the ribbon cable", {"driver": "picamera2"})
        elif _read(entry / "index") == "0" and _is_usb(entry):
            path = stable.get(entry.name, f"/dev/{entry.name}")
            yield Found("camera", path, name, {"driver": "v4l2", "device": path})


def _lines(root: Path) -> Iterator[Found]:
    """GPIO chips: coin lines, the enable line and lamps are lines of one."""
    for entry in _entries(root / "sys/bus/gpio/devices"):
        label = _label(entry, root)
        yield Found("coins", label, f"GPIO chip /dev/{entry.name}", {"driver": "pulse", "chip": label})
        yield Found("lights", label, f"GPIO chip /dev/{entry.name}", {"driver": "gpio", "chip": label})


def _label(entry: Path, root: Path) -> str:
    if root == Path("/"):
        with suppress(ImportError, OSError):  # no library or no permission: the kernel's name says which it is
            import gpiod

            with gpiod.Chip(f"/dev/{entry.name}") as chip:
                return str(chip.get_info().label)
    return _read(entry / "label") or entry.name


def _pwm(root: Path) -> Iterator[Found]:
    for entry in _entries(root / "sys/class/pwm"):
        channels = _read(entry / "npwm")
        yield Found("lights", entry.name, f"hardware PWM with {channels} channels ({_driver(entry)})")


def _pens(root: Path) -> Iterator[Found]:
    stable = _links(root, "dev/input/by-id", "dev/input/by-path") | _links(root, "dev/input", only="booth-pen")
    for entry in _entries(root / "sys/class/input"):
        if not entry.name.startswith("event"):
            continue
        path = stable.get(entry.name, f"/dev/input/{entry.name}")
        about = entry / "device"
        keys, axes = _bits(about / "capabilities/key"), _bits(about / "capabilities/abs")
        pointer = INPUT_PROP_POINTER in _bits(about / "properties")
        node = Node(path, _read(about / "name"), keys, axes, pointer)
        if node.kind is not None:
            yield Found("pen", path, f"{node.name}: {PENS[node.kind]}", {"driver": "evdev", "device": path})


def _usb_printers(root: Path) -> Iterator[Found]:
    for entry in _entries(root / "sys/bus/usb/devices"):
        if ":" in entry.name or not any(
            _read(each / "bInterfaceClass") == USB_PRINTER for each in entry.glob(f"{entry.name}:*")
        ):
            continue
        ids = _read(entry / "idVendor"), _read(entry / "idProduct")
        if not all(ids):
            continue  # it was unplugged in this moment
        vendor, product = (int(each, 16) for each in ids)
        what = f"{_read(entry / 'manufacturer')} {_read(entry / 'product')}".strip() or "USB printer"
        settings: dict[str, Any] = {"driver": "usb", "vendor": vendor, "product": product}
        if serial := _read(entry / "serial"):
            settings["serial"] = serial
        yield Found("printer", f"{vendor:04x}:{product:04x}", what, settings)


def _serial(root: Path) -> Iterator[Found]:
    """Serial adapters: a ccTalk acceptor or a serial printer may stand behind one; nobody can tell without asking."""
    for node, path in sorted(_links(root, "dev/serial/by-id").items()):
        yield Found("coins", path, f"serial adapter ({node}), for ccTalk", {"driver": "cctalk", "port": path})
        yield Found("printer", path, f"serial adapter ({node})", {"driver": "serial", "port": path})


# --- reading /sys and /dev ---------------------------------------------------------------------------------------


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []  # this machine has no such class of devices


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace").strip()
    except OSError:
        return ""


def _driver(entry: Path) -> str:
    return (entry / "device").resolve().name


def _is_usb(entry: Path) -> bool:
    """Not the Pi's own codecs and ISP nodes, which are V4L2 devices too."""
    return "usb" in str((entry / "device").resolve()) or (entry / "device/subsystem").resolve().name == "usb"


def _links(root: Path, *folders: str, only: str = "") -> dict[str, str]:
    """Node name (event3) → its first stable name, as the booth would open it."""
    names: dict[str, str] = {}
    for folder in folders:
        for link in _entries(root / folder):
            if link.is_symlink() and (not only or link.name == only):
                names.setdefault(link.resolve().name, f"/{folder}/{link.name}")
    return names


def _bits(path: Path) -> frozenset[int]:
    """The numbers of a bitmap: words of hexadecimal digits, the most significant first (64 bits each)."""
    value = 0
    for word in _read(path).split():
        value = (value << 64) | int(word, 16)
    return frozenset(number for number in range(value.bit_length()) if value >> number & 1)
