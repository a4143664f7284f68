"""A configuration is checked whole: every fault with its key, its value and what is allowed."""

from pathlib import Path

import pytest

from edge.cli import main
from edge.config import BadConfig, load
from hw.settings import Devices, PulseCoins

GOOD = """
[booth]
id = "paris-nord-1"
place = "Gare du Nord"
hotline = "0 800 000 000"
state_dir = "state"
clock = "assume"
[keys]
identity = "k.pem"
vault = "k.pem"
index = "k.pem"
fleet = "k.pem"
[broker]
url = "mqtt://localhost:1883"
[cabin]
driver = "sim"
socket = "cabin.sock"
[[services]]
id = "driving_licence"
price_cents = 600
name_fr = "Permis"
name_en = "Licence"
"""


def write(folder: Path, text: str) -> Path:
    (folder / "state").mkdir(exist_ok=True)
    (folder / "k.pem").write_text("a key")
    path = folder / "booth.toml"
    path.write_text(text)
    return path


def faults(folder: Path, text: str) -> list[str]:
    with pytest.raises(BadConfig) as caught:
        load(write(folder, text))
    return [str(fault) for fault in caught.value.faults]


def test_a_good_file_is_read_and_its_paths_start_at_its_folder(tmp_path: Path) -> None:
    config = load(write(tmp_path, GOOD))
    assert config.booth.state_dir == str(tmp_path / "state")
    assert config.service("driving_licence") is not None


def test_every_fault_is_named_at_once(tmp_path: Path) -> None:
    text = (
        GOOD.replace('id = "paris-nord-1"', 'id = "Paris Nord"')
        .replace("price_cents = 600", "price_cents = -1")
        .replace('clock = "assume"', 'clock = "sundial"')
        .replace('hotline = "0 800 000 000"', 'hotlin = "0 800 000 000"')
    )
    found = "\n".join(faults(tmp_path, text))
    for expected in ("booth.id = 'Paris Nord'", "services[1].price_cents = -1", "booth.clock = 'sundial'",
                     "booth.hotlin: is not known here", "booth.hotline: is missing"):  # fmt: skip
        assert expected in found


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('url = "mqtt://localhost:1883"', 'url = "http://x"', "broker.url"),
        ('url = "mqtt://localhost:1883"', 'url = "mqtts://x:8883"', "broker.certificate"),
        ('identity = "k.pem"', 'identity = "gone.pem"', "keys.identity"),
        ("[cabin]", "[fields.nose]\nx_mm=1\ny_mm=1\nwidth_mm=9\nheight_mm=9\n[cabin]", "fields.nose: is no field"),
        ("[cabin]", "[visit]\nrounds = 0\n[cabin]", "visit.rounds = 0"),
        ('driver = "sim"', 'driver = "magic"', "cabin.driver"),
    ],
)
def test_a_fault_says_its_key(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert any(says in fault for fault in faults(tmp_path, GOOD.replace(old, new)))


def test_two_services_of_one_id_are_a_fault(tmp_path: Path) -> None:
    again = '[[services]]\nid = "driving_licence"\nprice_cents = 1\nname_fr = "a"\nname_en = "b"\n'
    assert any("stands twice" in fault for fault in faults(tmp_path, GOOD + again))


def test_a_missing_or_broken_file_is_one_clear_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "check", "--config", str(tmp_path / "none.toml")]) == 1
    assert "cannot be read (No such file" in capsys.readouterr().err
    assert main(["config", "check", "--config", str(write(tmp_path, "[booth\n"))]) == 1
    assert "is not TOML" in capsys.readouterr().err


def test_the_check_says_what_the_booth_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "check", "--config", str(write(tmp_path, GOOD))]) == 0
    assert "paris-nord-1" in capsys.readouterr().out


DEVICES = """
driver = "devices"
camera = { driver = "picamera2" }
lights = { driver = "gpio", lamps = { face = { pin = 12, pwm = "hardware" } } }
coins = { driver = "pulse", model = "DG600F", lines = { coin = 17 }, enable_pin = 27 }
pen = { driver = "evdev" }
printer = { driver = "usb", vendor = 0x04b8, product = 0x0e28 }
panel = { driver = "none" }
"""


def with_devices(*changes: tuple[str, str]) -> str:
    table = DEVICES
    for old, new in changes:
        assert old in table
        table = table.replace(old, new)
    return GOOD.replace('driver = "sim"\nsocket = "cabin.sock"\n', table)


def test_each_device_is_chosen_by_the_name_of_its_driver(tmp_path: Path) -> None:
    cabin = load(write(tmp_path, with_devices())).cabin
    assert isinstance(cabin, Devices) and isinstance(cabin.coins, PulseCoins) and cabin.coins.enable_pin == 27


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"picamera2"', '"picamera"', "cabin.camera.driver = 'picamera': is not known; known: \"picamera2\", \"v4l2\""),
        ('panel = { driver = "none" }\n', "", "cabin.panel: is missing"),
        ("pin = 12", "pin = 99", "cabin.lights.lamps.face.pin = 99"),
        ("enable_pin = 27", "enable_pin = 17", "cabin.coins.enable_pin: is line 17, which coins.lines.coin has"),
        ("pin = 12", "pin = 17", "cabin.coins.lines.coin: is line 17, which lights.lamps.face.pin has already"),
        ('"evdev"', '"sim"', "cabin.socket: is missing; pen is simulated"),
        ("product =", "prodcut =", "cabin.printer.product: is missing"),
        ("product =", "width_dots = 512, product =", "cabin.printer.width_dots = 512: must be 576"),
        ('"picamera2"', '"picamera2", exposure_us = 10000', "cabin.camera: names one of exposure_us and gain"),
        ('driver = "devices"', "", 'cabin.driver: is missing; known: "sim", "devices"'),
        ('coins = { driver = "pulse", model = "DG600F", lines = { coin = 17 }, enable_pin = 27 }',
         'coins = { driver = "none" }', "services[1].price_cents = 600: must be 0: the cabin takes no coins"),
        ('model = "DG600F"', 'model = "DG600G"', 'cabin.coins.model: is "DG600G"; known are "DG600F", '),
        ('model = "DG600F", ', "", "cabin.coins.model: is missing; give one of"),
        ('model = "DG600F"', 'model = "SR3 type 2"', "cabin.coins.coins: is missing: say what SR3 type 2 was taught"),
        ("lines = { coin = 17 }", "lines = { coin = 17, slot = 18 }", "cabin.coins.lines.slot: is no line of DG600F"),
        ("lines = { coin = 17 }", "lines = { c = 17 }", "cabin.coins.lines: has no line coin, on which DG600F"),
        ('model = "DG600F"',
         "table = { pulse_ms = [30, 50], gap_ms = [30, 90], closing_ms = 80, bounce_ms = 5 }",
         "cabin.coins.table: contradicts itself: own table: gaps must be longer than the bounce"),
        ('model = "DG600F"',
         "table = { pulse_ms = [30, 50], gap_ms = [30, 80], closing_ms = 130, bounce_ms = 5 }, "
         "coins = { coin = { 1 = 10, 3 = 20 } }",
         "cabin.coins.table: contradicts itself: own table: the closing gap must be longer than a pulse and a gap"),
        ('model = "DG600F"', 'model = "DG600F", coins = { coin = { x = 5 } }',
         "cabin.coins.coins.coin.x: is no number of pulses"),
        ('model = "DG600F", lines = { coin', 'model = "NRI G-13", coins = { 1 = { 2 = 50 } }, lines = { 1',
         "cabin.coins.coins: contradicts itself: NRI G-13: so wide that a pulse lost"),
        ("pin = 12", "pin = 20", "cabin.lights.lamps.face.pin: is 20; hardware PWM is on 12, 13, 18, 19"),
        ('pwm = "hardware"', 'pwm = "hardware", frequency_hz = 1000',
         "cabin.lights.lamps.face.frequency_hz: is 1000; below 20000"),
        ("face = {", "nose = {", "cabin.lights.lamps.nose: is lit by no scene: name it sign, face, slot, tray"),
        ('"gpio", ', '"gpio", levels = { dusk = { face = 1 } }, ', "cabin.lights.levels.dusk: is no scene; there are"),
    ],
)  # fmt: skip
def test_a_fault_of_a_device_is_named_with_what_is_known(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert any(fault.startswith(told) for fault in faults(tmp_path, with_devices((old, new))))
