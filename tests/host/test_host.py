"""The machine's health from /sys and /proc: each source where a Pi has it; unknown, never well, where it is absent."""

import asyncio
from pathlib import Path

import pytest

from hw.host import SOFT_LIMIT, UNDERVOLTED, Host, HostReader, disk_of, read_modem

FIRMWARE = "sys/devices/platform/soc/soc:firmware/get_throttled"
ALARM = "sys/class/hwmon/hwmon2/in0_lcrit_alarm"
DISK = "sys/devices/platform/emmc2bus/mmc_host/mmc0/mmcblk0"
DEVICE = (179, 2)


def lay(root: Path, **files: str) -> None:
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content + "\n")


@pytest.fixture
def pi(tmp_path: Path) -> Path:
    """A healthy Pi with eMMC, as its kernel shows it."""
    lay(tmp_path, **{
        FIRMWARE: "0", ALARM: "0",
        "sys/class/hwmon/hwmon2/name": "rpi_volt", "sys/class/hwmon/hwmon0/name": "cpu_thermal",
        "sys/class/thermal/thermal_zone0/temp": "48312",
        "proc/meminfo": "MemTotal: 3884360 kB\nMemAvailable: 3137000 kB\nCmaTotal: 524288 kB\nCmaFree: 445000 kB",
        f"{DISK}/device/life_time": "0x01 0x02", f"{DISK}/device/pre_eol_info": "0x01",
        f"{DISK}/mmcblk0p2/partition": "2",
        "sys/fs/ext4/mmcblk0p2/errors_count": "0",
    })  # fmt: skip
    (tmp_path / "sys/dev/block").mkdir(parents=True)
    (tmp_path / "sys/dev/block/179:2").symlink_to(tmp_path / DISK / "mmcblk0p2")
    return tmp_path


def test_a_healthy_machine_is_read_whole(pi: Path) -> None:
    host = HostReader(DEVICE, pi).read()
    assert host == Host(
        power=0, power_since_boot=0, soc_celsius=48.312, memory_free_mb=3212, cma_free_mb=455,
        disk_life_used_percent=20, disk_end_of_life="normal", disk_errors=0,
    )  # fmt: skip
    assert host.warnings == ()
    assert host.flat()["power"] == "well" and "warnings" not in host.flat()


def test_an_empty_machine_knows_nothing_and_says_nothing(tmp_path: Path) -> None:
    host = HostReader((0, 0), tmp_path).read()
    assert host == Host() and host.flat() == {} and host.warnings == ()


def test_files_that_say_nonsense_are_unknown(pi: Path) -> None:
    for file in [path for path in pi.rglob("*") if path.is_file() and path.name not in ("name", "partition")]:
        file.write_bytes(b"\xff nonsense")
    assert HostReader(DEVICE, pi).read() == Host()


@pytest.mark.parametrize("source", ["firmware", "hwmon"])
def test_an_undervoltage_is_warned_of_now_and_kept_after_others_have_cleared_it(pi: Path, source: str) -> None:
    reader = HostReader(DEVICE, pi)
    assert reader.look()
    assert not reader.look()
    lay(pi, **({FIRMWARE: "50005"} if source == "firmware" else {ALARM: "1"}))
    assert reader.look()
    assert reader.read().power is not None and reader.read().warnings[:1] == ("undervoltage now",)
    lay(pi, **{FIRMWARE: "0", ALARM: "0"})
    assert reader.look()
    host = reader.read()
    assert host.power == 0 and (host.power_since_boot or 0) & UNDERVOLTED
    assert str(host.flat()["power"]).startswith("undervolted before") and host.warnings == ()


def test_a_service_door_that_is_opened_is_told_at_once(pi: Path) -> None:
    class Contact:
        says: bool | None = False

        def open(self) -> bool | None:
            return self.says

    door = Contact()
    reader = HostReader(DEVICE, pi, door)
    assert reader.look() and not reader.look()
    door.says = True
    assert reader.look() and not reader.look()
    assert reader.read().flat()["door_open"] is True
    door.says = None
    assert reader.look()
    assert "door_open" not in reader.read().flat()


def test_what_the_firmware_latched_before_we_came_is_told(pi: Path) -> None:
    lay(pi, **{FIRMWARE: "40000"})
    assert HostReader(DEVICE, pi).read().flat()["power"] == "throttled before"


def test_a_pi_5_has_its_firmware_elsewhere(pi: Path) -> None:
    (pi / FIRMWARE).unlink()
    lay(pi, **{"sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled": "8"})
    assert HostReader(DEVICE, pi).read().power == SOFT_LIMIT
    assert HostReader(DEVICE, pi).read().warnings == ("hot",)


@pytest.mark.parametrize(
    ("file", "content", "warning"),
    [
        ("sys/class/thermal/thermal_zone0/temp", "80000", "hot"),
        (f"{DISK}/device/life_time", "0x01 0x09", "disk at end of life"),
        (f"{DISK}/device/pre_eol_info", "0x03", "disk at end of life"),
        ("sys/fs/ext4/mmcblk0p2/errors_count", "1", "disk errors"),
    ],
)
def test_what_an_operator_acts_on_is_a_warning(pi: Path, file: str, content: str, warning: str) -> None:
    lay(pi, **{file: content})
    assert HostReader(DEVICE, pi).read().flat()["warnings"] == warning


def test_the_disk_below_an_encrypted_one_is_found(pi: Path) -> None:
    mapped = pi / "sys/devices/virtual/block/dm-0"
    (mapped / "slaves").mkdir(parents=True)
    (mapped / "slaves/mmcblk0p2").symlink_to(pi / DISK / "mmcblk0p2")
    (pi / "sys/dev/block/254:0").symlink_to(mapped)
    lay(pi, **{"sys/fs/ext4/dm-0/errors_count": "3"})
    host = HostReader((254, 0), pi).read()
    assert (host.disk_life_used_percent, host.disk_errors) == (20, 3)


def test_a_door_is_asked_where_there_is_one(pi: Path) -> None:
    class Ajar:
        def open(self) -> bool | None:
            return True

    assert HostReader(DEVICE, pi, Ajar()).read().door_open is True


@pytest.mark.parametrize(
    ("said", "read"),
    [
        (b'{"modem":{"generic":{"state":"connected","signal-quality":{"value":"72"}}}}', ("connected", 72)),
        (b'{"modem":{"generic":{"state":"failed","signal-quality":{"recent":"no","value":"--"}}}}', ("failed", None)),
        (b"error: couldn't find modem", (None, None)),
        (b"[]", (None, None)),
    ],
)  # fmt: skip
def test_a_modem_says_its_state_and_signal_or_nothing(
    pi: Path, said: bytes, read: tuple[str | None, int | None]
) -> None:
    assert read_modem(said) == read
    (pi / "said").write_bytes(said)
    reader = HostReader(DEVICE, pi)
    asyncio.run(reader.ask_modem(("cat", str(pi / "said"))))
    host = reader.read()
    assert (host.modem_state, host.modem_signal_percent) == read
    asyncio.run(reader.ask_modem((str(pi / "no-such-tool"),)))
    assert reader.read().modem_state is None, "an old answer is not kept"


def test_this_very_machine_is_read_without_a_complaint() -> None:
    assert (HostReader(disk_of(Path("/"))).read().memory_free_mb or 0) > 0
