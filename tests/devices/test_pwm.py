"""Lamps on hardware PWM: a chip of the kernel's own in the rig, behind which no lamp is (tests/rig/root/pwm.asl).

What is read back from /sys/class/pwm is what a Pi's chip would be told.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from hw import pwm
from hw.cabin import DeviceMissing, Health, Scene
from hw.lights import GpioLights
from hw.pwm import PwmChannel
from hw.settings import GpioLights as Chosen
from hw.settings import Lamp
from tests.rig.bench.pwm import BOARD, CHANNELS, DRIVER, PERIOD, load, there, told

pytestmark = pytest.mark.skipif("EPHOTO_RIG" not in os.environ, reason="needs the rig's devices")
TWO = Chosen(
    lamps={"face": Lamp(pin=12, pwm="hardware"), "sign": Lamp(pin=13, pwm="hardware", active_high=False)},
    levels={"welcome": {"face": 0.5}},
    warm_up_ms=0,
)


@pytest.fixture(autouse=True)
def chip(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The rig's chip as if it were the Pi 5's, every channel given back before and after."""
    monkeypatch.setitem(pwm._BOARDS, BOARD, CHANNELS)
    load()
    chip = there()
    give_back(chip)
    yield chip
    if not (DRIVER / BOARD).exists():
        (DRIVER / "bind").write_text(BOARD)
    give_back(there())


def give_back(chip: Path) -> None:
    for channel in chip.glob("pwm[0-9]"):
        (channel / "enable").write_text("0")
        (chip / "unexport").write_text(channel.name.removeprefix("pwm"))


def levels(chip: Path) -> list[float]:
    """Of `TWO`, face and sign."""
    return [int(told(chip, channel)["duty_cycle"]) / int(PERIOD) for channel in (0, 1)]


async def until(true: Callable[[], bool]) -> None:
    while not true():  # noqa: ASYNC110 -- the kernel's files announce nothing
        await asyncio.sleep(0.01)


def on_lights(story: Callable[[GpioLights], Awaitable[None]], chosen: Chosen = TWO) -> None:
    async def run() -> None:
        lights = GpioLights(chosen)
        async with asyncio.timeout(60):
            keeping = asyncio.create_task(lights.stay_open())
            await lights.tried.wait()
            await story(lights)
            keeping.cancel()
            await asyncio.wait([keeping])

    asyncio.run(run())


@pytest.mark.parametrize(("pin", "channel"), [(12, 0), (13, 1), (18, 2), (19, 3)])
@pytest.mark.parametrize("active_high", [True, False])
def test_the_kernel_takes_what_a_lamp_is_told(chip: Path, pin: int, channel: int, active_high: bool) -> None:
    lamp = PwmChannel("lights", pin, frequency_hz=25_000, active_high=active_high)
    polarity = "normal" if active_high else "inversed"
    for level in (1.0, 0.25, 0.0):
        lamp.dim(level)
        duty = str(round(level * int(PERIOD)))
        assert told(chip, channel) == {"period": PERIOD, "duty_cycle": duty, "enable": "1", "polarity": polarity}


def test_a_killed_booths_lamp_stays_and_the_next_start_takes_it_over_dark(chip: Path) -> None:
    killed = f"""
import os, signal
from hw import pwm
pwm._BOARDS[{BOARD!r}] = {CHANNELS!r}
pwm.PwmChannel("lights", 12, frequency_hz=50, active_high=False).dim(1)
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", killed], check=False)
    left = {"period": "20000000", "duty_cycle": "20000000", "enable": "1", "polarity": "inversed"}
    assert told(chip, 0) == left
    PwmChannel("lights", 12, frequency_hz=25_000, active_high=True)
    assert told(chip, 0) == {"period": PERIOD, "duty_cycle": "0", "enable": "1", "polarity": "normal"}


def test_scenes_fall_back_by_themselves_and_a_closed_booth_is_dark(chip: Path) -> None:
    async def story(lights: GpioLights) -> None:
        assert lights.status().health is Health.WELL and levels(chip) == [0.0, 0.4]
        await lights.show(Scene.WELCOME, for_s=600)
        assert levels(chip) == [0.5, 1.0]
        await lights.show(Scene.CAPTURE, for_s=0.2)
        await until(lambda: levels(chip) == [0.0, 0.4])

    on_lights(story)
    assert levels(chip) == [0.0, 0.0]


def test_a_chip_that_goes_is_named_and_comes_back_by_itself(chip: Path) -> None:
    async def story(lights: GpioLights) -> None:
        await asyncio.to_thread((DRIVER / "unbind").write_text, BOARD)
        await until(lambda: lights.status().health is Health.FAULTY)
        assert lights.status().why
        with pytest.raises(DeviceMissing):
            await lights.show(Scene.CAPTURE)
        await until(lambda: "config.txt" in lights.status().why)
        await asyncio.to_thread((DRIVER / "bind").write_text, BOARD)
        await until(lambda: lights.status().health is Health.WELL)
        await lights.show(Scene.WELCOME, for_s=600)
        assert levels(there()) == [0.5, 1.0]

    on_lights(story)


def test_who_may_not_write_the_chips_files_is_told_the_group() -> None:
    os.seteuid(65534)
    try:
        with pytest.raises(DeviceMissing, match="Permission denied: run as a member of group gpio"):
            PwmChannel("lights", 12, frequency_hz=25_000, active_high=True)
    finally:
        os.seteuid(0)
