"""`booth devices`: what is there under stable names, and what each configured device says."""

import asyncio
import json
from pathlib import Path

import pytest

from edge.technician.devices import toml, uses
from hw.found import Found, found
from hw.settings import Absent, Devices, EvdevPen, NetworkPrinter, Picamera, Simulated, UsbPrinter, V4l2
from tests.technician.conftest import workshop


def lay(root: Path, **files: str) -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text + "\n")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A /sys and /dev with one of each, and with things that only look like it."""
    root = tmp_path / "root"
    lay(root, **{
        "sys/devices/usb1/1-1/video4linux/video0/name": "HD Webcam",
        "sys/devices/usb1/1-1/video4linux/video0/index": "0",
        "sys/devices/usb1/1-1/video4linux/video1/name": "HD Webcam",
        "sys/devices/usb1/1-1/video4linux/video1/index": "1",
        "sys/devices/platform/isp/video4linux/video2/name": "pispbe-input",
        "sys/devices/platform/isp/video4linux/video2/index": "0",
        "sys/devices/platform/csi/video4linux/v4l-subdev0/name": "imx477 10-001a",
        "sys/devices/usb1/1-2/idVendor": "04b8",
        "sys/devices/usb1/1-2/idProduct": "0e28",
        "sys/devices/usb1/1-2/product": "TM-T20III",
        "sys/devices/usb1/1-2/manufacturer": "EPSON",
        "sys/devices/usb1/1-2/serial": "RIG0001",
        "sys/devices/usb1/1-2/1-2:1.0/bInterfaceClass": "07",
        "sys/devices/usb1/1-1/idVendor": "046d",
        "sys/devices/usb1/1-1/1-1:1.0/bInterfaceClass": "0e",
        "sys/devices/usb1/1-3/input/event3/device/name": "Wacom One",
        "sys/devices/usb1/1-3/input/event3/device/capabilities/key": "1c03 0 0 0 0 0",
        "sys/devices/usb1/1-3/input/event3/device/capabilities/abs": "1000003",
        "sys/devices/usb1/1-4/input/event4/device/name": "A keyboard",
        "sys/devices/usb1/1-4/input/event4/device/capabilities/key": "10000 7 ff9f207ac14057ff febeffdfffefffff",
        "sys/devices/usb1/1-4/input/event4/device/capabilities/abs": "0",
        "sys/devices/gpio/gpiochip0/label": "pinctrl-rp1",
        "dev/ttyUSB0": "", "dev/video0": "", "dev/input/event3": "",
    })  # fmt: skip
    for link, target in {
        "sys/class/video4linux/video0": "sys/devices/usb1/1-1/video4linux/video0",
        "sys/class/video4linux/video1": "sys/devices/usb1/1-1/video4linux/video1",
        "sys/class/video4linux/video2": "sys/devices/platform/isp/video4linux/video2",
        "sys/class/video4linux/v4l-subdev0": "sys/devices/platform/csi/video4linux/v4l-subdev0",
        "sys/devices/usb1/1-1/video4linux/video0/device": "sys/devices/usb1/1-1",
        "sys/devices/platform/isp/video4linux/video2/device": "sys/devices/platform/isp",
        "sys/bus/usb/devices/1-1": "sys/devices/usb1/1-1",
        "sys/bus/usb/devices/1-2": "sys/devices/usb1/1-2",
        "sys/class/input/event3": "sys/devices/usb1/1-3/input/event3",
        "sys/class/input/event4": "sys/devices/usb1/1-4/input/event4",
        "sys/bus/gpio/devices/gpiochip0": "sys/devices/gpio/gpiochip0",
        "dev/v4l/by-id/usb-HD_Webcam-index0": "dev/video0",
        "dev/input/by-id/usb-Wacom-event-tablet": "dev/input/event3",
        "dev/serial/by-id/usb-FTDI_ccTalk-if00": "dev/ttyUSB0",
    }.items():
        (root / link).parent.mkdir(parents=True, exist_ok=True)
        (root / link).symlink_to(root / target)
    return root


def test_a_printer_that_goes_while_it_is_looked_at_is_left_out(machine: Path) -> None:
    (machine / "sys/devices/usb1/1-2/idProduct").unlink()
    assert "04b8:0e28" not in {each.name for each in found(machine)}


def test_each_device_is_found_once_under_its_stable_name(machine: Path) -> None:
    there = {(each.device, each.name) for each in found(machine)}
    assert there == {
        ("camera", "/dev/v4l/by-id/usb-HD_Webcam-index0"),
        ("camera", "imx477"),
        ("coins", "pinctrl-rp1"),
        ("lights", "pinctrl-rp1"),
        ("coins", "/dev/serial/by-id/usb-FTDI_ccTalk-if00"),
        ("printer", "/dev/serial/by-id/usb-FTDI_ccTalk-if00"),
        ("printer", "04b8:0e28"),
        ("pen", "/dev/input/by-id/usb-Wacom-event-tablet"),
    }
    pen = next(each for each in found(machine) if each.device == "pen")
    assert pen.what == "Wacom One: pen tablet, pressure"


def test_a_machine_without_any_of_it_shows_none(tmp_path: Path) -> None:
    assert found(tmp_path) == []


def test_what_the_configuration_would_use_is_marked(machine: Path) -> None:
    cabin = Devices(
        camera=V4l2(device="/dev/v4l/by-id/usb-HD_Webcam-index0"), lights=Absent(), coins=Absent(), pen=EvdevPen(),
        printer=UsbPrinter(vendor=0x04B8, product=0x0E28), panel=Absent(),
    )  # fmt: skip
    used = {each.name for each in found(machine) if uses(cabin, each)}
    assert used == {"/dev/v4l/by-id/usb-HD_Webcam-index0", "04b8:0e28", "/dev/input/by-id/usb-Wacom-event-tablet"}
    other = Devices(
        camera=Picamera(), lights=Absent(), coins=Absent(), pen=Simulated(),
        printer=NetworkPrinter(host="printer"), panel=Absent(),
    )  # fmt: skip
    assert {each.name for each in found(machine) if uses(other, each)} == {"imx477"}


def test_what_is_found_is_told_as_the_line_that_chooses_it() -> None:
    each = Found("printer", "04b8:0e28", "", {"driver": "usb", "vendor": 0x04B8, "product": 0x0E28})
    assert toml(each) == 'printer = { driver = "usb", vendor = 0x04b8, product = 0x0e28 }'


def test_what_each_configured_device_says_is_told(configuration: Path) -> None:
    async def story() -> None:
        async with workshop(configuration) as shop:
            await shop.bench.printer.paper_out()
            await shop.bench.pen.unplug()
            async with shop.booth("devices", "--json") as devices:
                out, _ = await devices.process.communicate()
            said = {each["device"]: (each["health"], each["why"]) for each in json.loads(out)["configured"]}
            assert devices.process.returncode == 1
            assert said["camera"] == ("well", "") and said["coins"][0] == "well"
            assert said["pen"] == ("faulty", "unplugged")
            assert said["printer"] == ("faulty", "paper out")

    asyncio.run(story())
