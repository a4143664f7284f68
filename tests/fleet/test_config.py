"""`fleet.toml`: every fault is told with key, value and what is allowed."""

from pathlib import Path

import pytest

from fleet import cli, config
from fleet.config import ConfigError

GOOD = """
[mqtt]
url = "mqtts://localhost:8883"
ca = "ca/cert.pem"
cert = "fleet/mqtt-cert.pem"
key = "fleet/mqtt-key.pem"
[vault]
database = "{database}"
[keys]
signing = "fleet/signing.pem"
index = ["fleet/index.pem"]
peppers = ["fleet/pepper"]
booths = "fleet/booths"
[api]
ca = "ca/cert.pem"
cert = "fleet/api-cert.pem"
key = "fleet/api-key.pem"
callers = ["prefecture"]
"""


@pytest.fixture
def folder(installation: Path, tmp_path: Path) -> Path:
    for entry in installation.iterdir():
        (tmp_path / entry.name).symlink_to(entry)
    return tmp_path


def written(folder: Path, *changes: tuple[str, str]) -> Path:
    text = GOOD.format(database="fleet.db")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / "fleet.toml").write_text(text)
    return folder / "fleet.toml"


def faults(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        config.load(path)
    return "\n".join(map(str, caught.value.faults))


def test_a_good_file_is_read_with_paths_from_its_own_folder(folder: Path) -> None:
    loaded = config.load(written(folder))
    assert loaded.path(loaded.tables.keys.signing) == folder.resolve() / "fleet/signing.pem"
    assert loaded.tables.page.listen == "127.0.0.1:8090"  # the operator's page is on loopback unless told otherwise


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("mqtts://localhost:8883", "http://x", "mqtt.url = 'http://x': mqtt://host:port or mqtts://host:port"),
        ("mqtts://localhost:8883", "mqtts://x:99999", "mqtt.url = 'mqtts://x:99999': a host name and a port"),
        ("mqtts://localhost:8883", "mqtt://x", "mqtt.ca = 'ca/cert.pem': goes with mqtts:// only"),
        ('key = "fleet/mqtt-key.pem"\n', "", "mqtt.cert, mqtt.key = fleet/mqtt-cert.pem, None: both or none"),
        ('ca = "ca/cert.pem"\ncert = "fleet/mqtt', 'cert = "fleet/mqtt', "mqtt.ca = (missing): is needed with mqtts"),
        ("fleet/index.pem", "nowhere.pem", "keys.index[0] = 'nowhere.pem': a file; there is none at"),
        ('["fleet/pepper"]', "[]", "keys.peppers = []: a list of paths, the first marks new codes"),
        ("fleet/booths", "nowhere", "keys.booths = 'nowhere': a folder"),
        ('"fleet.db"', '"no/where/fleet.db"', "vault.database = 'no/where/fleet.db': a file in a folder that is there"),
        ('["prefecture"]', '["prefecture"]\nburst = 0', "api.burst = 0: 1 to 100000 requests"),
        ('["prefecture"]', '["prefecture"]\nlisten = "x:70000"', "api.listen = 'x:70000': a port from 0 to 65535"),
        ('["prefecture"]', '["prefecture"]\nvault_key = "v"', "api.vault_key = 'v': no such key; there are ca, cert"),
        ("[vault]", "[page]\nlisten = 8090\n[vault]", "page.listen = 8090: host:port"),
        ("[mqtt]", "page = 1\n[mqtt]", "page = 1: a table with listen"),
        ("[mqtt]", "[vaults]\n[mqtt]", "vaults = {}: no such table; there are mqtt, vault, keys, api, page, visits"),
        ("[mqtt]", "[mqtt", "is no TOML"),
    ],
)
def test_a_fault_is_told_with_key_value_and_what_is_allowed(folder: Path, old: str, new: str, told: str) -> None:
    assert told in faults(written(folder, (old, new)))


def test_every_fault_is_told_at_once(folder: Path) -> None:
    told = faults(written(folder, ("mqtts://localhost:8883", "x"), ('"fleet.db"', "3"), ('["prefecture"]', '"me"')))
    assert [line.split(" = ")[0] for line in told.splitlines()] == ["mqtt.url", "vault.database", "api.callers"]


def test_check_tells_what_cannot_be_used_and_starts_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(written(folder))
    assert cli.main(["serve", "--config", path, "--check"]) == 0
    wrong = str(written(folder, ('signing = "fleet/signing.pem"', 'signing = "fleet/index.pem"')))
    assert cli.main(["serve", "--config", wrong, "--check"]) == 1
    assert "Ed25519" in capsys.readouterr().err
    (folder / "short").write_text("abcd")
    assert cli.main(["serve", "--config", str(written(folder, ("fleet/pepper", "short"))), "--check"]) == 1
    assert "64 hex digits" in capsys.readouterr().err
