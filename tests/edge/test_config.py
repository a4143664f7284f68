"""A configuration is checked whole: every fault with its key, its value and what is allowed."""

from pathlib import Path

import pytest

from edge.cli import main
from edge.config import BadConfig, load

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
