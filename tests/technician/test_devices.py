"""`booth devices`: what is there under stable names, and what each configured device says."""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from edge.technician import devices
from edge.technician.devices import Answer, _ask, _print, toml, uses
from hw.cabin import Health
from hw.camera.driver import open_camera
from hw.found import Found, found
from hw.settings import Absent, Devices, EvdevPen, NetworkPrinter, Picamera, Simulated, UsbPrinter, V4l2
from hw.sim.played import Script, write
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


TOUCH, PEN_TOUCH = "400 0 0 0 0 0", "401 0 0 0 0 0"  # BTN_TOUCH; with BTN_TOOL_PEN


@pytest.mark.parametrize(
    ("keys", "axes", "properties", "what"),
    [
        (TOUCH, "3", "2", "touch panel, no pressure"),  # one contact: ABS_X and ABS_Y alone
        (TOUCH, "260800000000003", "2", "touch panel, no pressure"),
        (TOUCH, "1000003", "2", "touch panel, no pressure"),  # the driver tells 1.0 whatever it feels
        (TOUCH, "260800000000003", "5", None),  # a touch pad points from afar
        (PEN_TOUCH, "1000003", "1", "pen tablet, pressure"),  # so does a tablet, with a pen
        (PEN_TOUCH, "3", "0", None),
    ],
)
def test_an_input_device_is_listed_as_what_the_driver_takes_it_for(
    tmp_path: Path, keys: str, axes: str, properties: str, what: str | None
) -> None:
    lay(tmp_path, **{
        "sys/class/input/event7/device/name": "A node",
        "sys/class/input/event7/device/capabilities/key": keys,
        "sys/class/input/event7/device/capabilities/abs": axes,
        "sys/class/input/event7/device/properties": properties,
    })  # fmt: skip
    assert [each.what for each in found(tmp_path)] == ([] if what is None else [f"A node: {what}"])


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


def test_in_a_pipe_each_device_is_one_line(machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    why = "no GPIO chip; found none. Is this a Pi, and the user in the group gpio? Then look at dtparam and restart it"
    _print(found(machine), None, [Answer("coins", "pulses, DG600F", Health.FAULTY, why)])
    said = capsys.readouterr().out.splitlines()
    for each in found(machine):
        assert any(each.name in line and each.what in line and toml(each) in line for line in said), (each, said)
    assert any("pulses, DG600F" in line and why in line for line in said)


@pytest.mark.parametrize(
    ("fault", "opening_s", "said"),
    [
        ("", 600.0, (Health.WELL, "")),
        ("missing", 600.0, (Health.FAULTY, "no camera found: check its cable")),
        ("hung in open", 4.0, (Health.UNKNOWN, "is being opened")),
    ],
)
def test_a_camera_is_awaited_while_it_is_being_opened_and_no_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Any, opening_s: float, said: tuple[Health, str]
) -> None:
    monkeypatch.setattr(devices, "ASK_S", 0.5)
    monkeypatch.setattr(devices, "OPENING_S", opening_s)
    script = tmp_path / "camera.json"
    write(script, Script(fault=fault))
    slow = ["sh", "-c", 'sleep 2; exec "$@"', "sh", sys.executable, "-m", "hw.sim.played", str(script)]

    async def story() -> tuple[Health, str]:
        async with asyncio.timeout(60), open_camera(Picamera(still_px=(640, 480)), slow) as camera:
            return await _ask(camera)

    assert asyncio.run(story()) == said


def test_a_camera_that_is_not_there_is_told_as_soon_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "ASK_S", 0.5)

    async def story() -> tuple[float, tuple[Health, str]]:
        async with open_camera(V4l2(device="/dev/v4l/by-id/absent")) as camera:
            while camera.status().health is Health.UNKNOWN:  # noqa: ASYNC110 -- its process starts
                await asyncio.sleep(0.02)
            began_s = time.monotonic()
            said = await _ask(camera)
            return time.monotonic() - began_s, said

    spent_s, (health, why) = asyncio.run(story())
    assert health is Health.FAULTY and "is not there" in why and spent_s < 3


def test_what_each_configured_device_says_is_told(configuration: Path) -> None:
    async def story() -> None:
        async with workshop(configuration) as shop:
            await shop.bench.printer.paper_out()
            await shop.bench.pen.unplug()
            async with shop.booth("devices", "--json") as command:
                out, _ = await command.process.communicate()
            said = {each["device"]: (each["health"], each["why"]) for each in json.loads(out)["configured"]}
            assert command.process.returncode == 1
            assert said["camera"] == ("well", "") and said["coins"][0] == "well"
            assert said["pen"] == ("faulty", "unplugged")
            assert said["printer"] == ("faulty", "paper out")

    asyncio.run(story())
