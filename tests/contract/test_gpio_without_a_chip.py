"""What of the GPIO drivers needs no chip: what is on only while renewed, hardware PWM's files, what is missing."""

import asyncio
import sys
import threading
from pathlib import Path

import pytest

from hw import gpio, pwm
from hw.cabin import DeviceMissing, Health, Scene
from hw.coins.gpio import open_coins
from hw.lights import GpioLights
from hw.pwm import PwmChannel
from hw.settings import GpioLights as Chosen
from hw.settings import Lamp, PulseCoins

# --- what is on only while it is renewed


def test_it_lets_go_by_itself_while_nobody_does_anything() -> None:
    gone = threading.Event()
    hold = gpio.Hold("test", gone.set)
    hold.keep(lambda: None, for_s=0.05)
    assert gone.wait(10)
    hold.close()


def test_renewing_puts_off_and_ending_lets_go_at_once_and_once() -> None:
    did: list[str] = []
    hold = gpio.Hold("test", lambda: did.append("off"))
    hold.keep(lambda: did.append("on"), for_s=600)
    hold.keep(lambda: did.append("on"), for_s=600)
    assert did == ["on", "on"]
    hold.end()
    hold.close()
    assert did == ["on", "on", "off"]


def test_what_cannot_be_turned_on_is_not_held() -> None:
    def fails() -> None:
        raise DeviceMissing("coins", "no line")

    let_go = threading.Event()
    hold = gpio.Hold("test", let_go.set)
    with pytest.raises(DeviceMissing):
        hold.keep(fails, for_s=0.01)
    hold.close()
    assert not let_go.is_set()


# --- hardware PWM


class FakeSysfs:
    """/sys/class/pwm of a board, with the kernel's rules: export makes a channel, a duty is within its period."""

    def __init__(self, root: Path, devices: dict[str, str]) -> None:
        self.root = root
        self.folder = root / "sys/class/pwm"
        for chip, device in devices.items():
            (root / "sys/devices" / device).mkdir(parents=True)
            (self.folder / chip).mkdir(parents=True)
            (self.folder / chip / "export").touch()
            (self.folder / chip / "device").symlink_to(root / "sys/devices" / device)

    def write(self, file: Path, value: str) -> None:
        if file.name == "export":
            made = file.parent / f"pwm{value}"
            made.mkdir()
            for name, first in {"period": "0", "duty_cycle": "0", "enable": "0", "polarity": "normal"}.items():
                (made / name).write_text(first)
            return
        try:
            before = {name: (file.parent / name).read_text() for name in ("period", "duty_cycle", "enable")}
        except FileNotFoundError as gone:
            raise DeviceMissing("lights", str(gone)) from gone
        after = before | {file.name: value}
        if int(after["period"]) == 0 or int(after["duty_cycle"]) > int(after["period"]):
            raise DeviceMissing("lights", f"{file}: Invalid argument")
        if file.name == "polarity" and before["enable"] == "1":
            raise DeviceMissing("lights", f"{file}: Device or resource busy")
        if not file.exists():
            raise DeviceMissing("lights", f"{file}: No such file")
        new = file.with_suffix(".new")
        new.write_text(value)
        new.replace(file)  # whole at once, as the kernel's

    def read(self, chip: str, channel: int, name: str) -> str:
        return (self.folder / chip / f"pwm{channel}" / name).read_text()


@pytest.fixture
def pi5(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSysfs:
    devices = {"pwmchip0": "107d517a80.pwm", "pwmchip2": "1f00098000.pwm", "pwmchip6": "1f0009c000.pwm"}
    sysfs = FakeSysfs(tmp_path, devices)
    monkeypatch.setattr(pwm.PwmChannel, "_write", lambda _, file, value: sysfs.write(file, value))
    return sysfs


@pytest.mark.parametrize(("pin", "channel"), [(12, 0), (13, 1), (18, 2), (19, 3)])
def test_a_lamp_is_dimmed_on_the_headers_chip_and_no_other(pi5: FakeSysfs, pin: int, channel: int) -> None:
    lamp = PwmChannel("lights", pin, frequency_hz=25_000, active_high=False, root=pi5.root)
    lamp.dim(0.25)
    found = {name: pi5.read("pwmchip2", channel, name) for name in ("period", "duty_cycle", "enable", "polarity")}
    assert found == {"period": "40000", "duty_cycle": "10000", "enable": "1", "polarity": "inversed"}
    assert not list(pi5.folder.glob("pwmchip[06]/pwm*"))


def test_a_channel_that_an_earlier_run_left_on_is_taken_over_dark(pi5: FakeSysfs) -> None:
    PwmChannel("lights", 12, frequency_hz=50, active_high=True, root=pi5.root).dim(1)
    PwmChannel("lights", 12, frequency_hz=25_000, active_high=True, root=pi5.root)
    assert [pi5.read("pwmchip2", 0, name) for name in ("period", "duty_cycle", "enable")] == ["40000", "0", "1"]


def test_a_board_without_the_overlay_says_what_to_put_where(tmp_path: Path) -> None:
    FakeSysfs(tmp_path, {"pwmchip0": "107d517a80.pwm"})
    with pytest.raises(DeviceMissing, match=r"found pwmchip0 \(107d517a80.pwm\): put dtoverlay=pwm-2chan.*config.txt"):
        PwmChannel("lights", 12, frequency_hz=25_000, active_high=True, root=tmp_path)


def test_a_file_that_may_not_be_written_says_so(tmp_path: Path) -> None:
    FakeSysfs(tmp_path, {"pwmchip0": "fe20c000.pwm"})
    (tmp_path / "sys/class/pwm/pwmchip0/export").unlink()
    with pytest.raises(DeviceMissing, match="export: No such file"):
        PwmChannel("lights", 12, frequency_hz=25_000, active_high=True, root=tmp_path)


def test_scenes_by_hardware_pwm_fall_back_by_themselves_and_the_overlay_may_come_later(pi5: FakeSysfs) -> None:
    chosen = Chosen(
        lamps={"face": Lamp(pin=12, pwm="hardware"), "sign": Lamp(pin=13, pwm="hardware")},
        levels={"welcome": {"face": 0.5}},
        warm_up_ms=0,
    )

    def levels() -> list[float]:
        return [int(pi5.read("pwmchip2", channel, "duty_cycle")) / 40_000 for channel in (0, 1)]

    async def story() -> None:
        away = pi5.folder.rename(pi5.root / "away")
        lights = GpioLights(chosen, pi5.root)
        keeping = asyncio.create_task(lights.stay_open())
        await lights.tried.wait()
        assert lights.status().health is Health.FAULTY and "config.txt" in lights.status().why
        with pytest.raises(DeviceMissing):
            await lights.show(Scene.CAPTURE)
        away.rename(pi5.folder)
        while lights.status().health is not Health.WELL:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        assert levels() == [0.0, 0.4]
        await lights.show(Scene.WELCOME, for_s=600)
        assert levels() == [0.5, 1.0]
        await lights.show(Scene.CAPTURE, for_s=0.05)
        assert levels() == [1.0, 0.2] or levels() == [0.0, 0.4]
        while levels() != [0.0, 0.4]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        (pi5.folder / "pwmchip2/pwm0/duty_cycle").unlink()
        while lights.status().health is Health.WELL:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        keeping.cancel()

    asyncio.run(asyncio.wait_for(story(), 60))


# --- what is missing is named


def test_an_acceptor_without_its_chip_or_library_opens_all_the_same_and_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def why() -> str:
        async with open_coins(PulseCoins(model="DG600F", lines={"coin": 17}, enable_pin=27, chip="no-such")) as coins:
            assert coins.status().health is Health.FAULTY
            with pytest.raises(DeviceMissing):
                await coins.accept(for_s=1)
            with pytest.raises(DeviceMissing):
                await anext(coins.events())
            return coins.status().why

    assert "no GPIO chip no-such; found" in asyncio.run(why())
    monkeypatch.setitem(sys.modules, "gpiod", None)
    assert "install the package gpiod" in asyncio.run(why())


@pytest.mark.parametrize("shell", [None, "empty"])
def test_an_lgpio_that_is_missing_or_empty_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, shell: str | None
) -> None:
    monkeypatch.setitem(sys.modules, "lgpio", None if shell is None else type(sys)("lgpio"))
    with pytest.raises(DeviceMissing, match="apt-get install python3-lgpio"):
        gpio.Lines("coins", Path("/dev/gpiochip0"))


def test_a_kernel_that_would_leave_the_acceptor_open_is_seen(tmp_path: Path) -> None:
    assert not gpio.released_lines_stay(tmp_path)
    told = tmp_path / "sys/module/pinctrl_rp1/parameters/persist_gpio_outputs"
    told.parent.mkdir(parents=True)
    for text, stays in (("Y\n", True), ("N\n", False)):
        told.write_text(text)
        assert gpio.released_lines_stay(tmp_path) is stays
