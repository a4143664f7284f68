"""Coin lines and lamps on a GPIO chip of the kernel's, through gpiod, gpiozero and lgpio: what breaks comes back.

Run it in the rig: python -m tests.rig run --no-systemd 'pytest tests/devices/test_gpio.py'
"""

import asyncio
import logging
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from hw.cabin import Coin, CoinAcceptor, CoinEvent, DeviceMissing, Health, Lights, Scene, TrainOpened, UnclearCoin
from hw.coins import DG600F
from hw.coins.gpio import open_coins
from hw.door import open_door
from hw.lights import open_lights
from hw.settings import Devices, Door, GpioLights, Lamp, PulseCoins, Simulated

LABEL = "pinctrl-rp1"
COIN, ENABLE, FACE, SLOT, DOOR = 17, 27, 22, 23, 24
DG = PulseCoins(model="DG600F", lines={"coin": COIN}, enable_pin=ENABLE)
LAMPS = GpioLights(lamps={"face": Lamp(pin=FACE, frequency_hz=100), "slot": Lamp(pin=SLOT, pwm="off")}, warm_up_ms=0)
COUNTS = {cents: count for count, cents in DG600F.coins["coin"].items()}

Story = Coroutine[Any, Any, None]


@pytest.fixture
def chip() -> Iterator[Any]:
    from tests.rig.bench.gpio import SimulatedChip, pretend_pi

    pretend_pi()
    chip = SimulatedChip(LABEL, 32)
    for line in range(32):
        chip.pull(line, line not in (ENABLE, FACE, SLOT))
    yield chip
    chip.close()


@pytest.fixture
def player(chip: Any) -> Iterator[Any]:
    from tests.rig.bench.gpio import Pulses

    player = Pulses(chip, {"coin": COIN, **{str(line): line for line in range(1, 9)}})
    yield player
    player.close()


def play_train(player: Any, pulses: int, *, line: str = "coin", after_s: float = 0.4, low_ms: float = 45) -> None:
    at_ns = time.monotonic_ns() + int(after_s * 1e9)
    for _ in range(pulses):
        player.play(line, False, at_ns)
        player.play(line, True, at_ns + int(low_ms * 1e6))
        at_ns += int((low_ms + 50) * 1e6)


@asynccontextmanager
async def heard(coins: CoinAcceptor) -> AsyncIterator[Callable[[int], Coroutine[Any, Any, list[CoinEvent]]]]:
    """Listens; the result waits for so many ends of trains and gives all that ended."""
    ends: list[CoinEvent] = []
    more = asyncio.Event()

    async def listen() -> None:
        while True:
            try:
                async for event in coins.events():
                    if not isinstance(event, TrainOpened):
                        ends.append(event)
                        more.set()
            except DeviceMissing:
                await asyncio.sleep(0.1)

    async def wait(count: int) -> list[CoinEvent]:
        async with asyncio.timeout(60):
            while len(ends) < count:
                more.clear()
                await more.wait()
        return ends

    listening = asyncio.create_task(listen())
    try:
        yield wait
    finally:
        listening.cancel()


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110 -- the kernel's files announce nothing
            await asyncio.sleep(0.02)


def brightness(chip: Any, line: int) -> float:
    """Share of looks at random times that find the line high."""
    rng, high = random.Random(1), 0
    for _ in range(200):
        high += chip.value(line)
        time.sleep(rng.uniform(0.001, 0.006))
    return high / 200


# --- coins


def test_coins_are_heard_through_the_kernel(chip: Any, player: Any) -> None:
    async def story() -> None:
        async with open_coins(DG) as coins, heard(coins) as ends:
            assert coins.status().health is Health.WELL, coins.status()
            for number, cents in enumerate(COUNTS, 1):
                play_train(player, COUNTS[cents])
                await ends(number)
            assert [event.cents for event in await ends(1) if isinstance(event, Coin)] == list(COUNTS)

    asyncio.run(story())


def test_what_came_while_the_loop_stood_still_is_heard_whole(chip: Any, player: Any) -> None:
    async def story() -> None:
        async with open_coins(DG) as coins, heard(coins) as ends:
            play_train(player, COUNTS[200])
            play_train(player, COUNTS[50], after_s=1.9)
            await asyncio.sleep(1.0)  # in the first coin's pulses
            time.sleep(3)  # noqa: ASYNC251 -- the loop hangs
            assert [event.cents for event in await ends(2) if isinstance(event, Coin)] == [200, 50]

    asyncio.run(story())


def test_edges_that_the_kernel_had_no_room_for_make_unclear_coins_on_both_sides(chip: Any, player: Any) -> None:
    async def story() -> None:
        async with open_coins(DG) as coins, heard(coins) as ends:
            play_train(player, COUNTS[200])
            await asyncio.sleep(0.9)  # in its pulses; now the loop hangs while more comes than the kernel keeps
            for edge in range(1300):
                chip.pull(COIN, edge % 2 == 1)
                time.sleep(0.001)  # noqa: ASYNC251 -- edges that come faster are merged before they are numbered
            found = list(await ends(1))
            assert all(isinstance(event, UnclearCoin) for event in found), found
            assert any("edges lost" in event.why for event in found if isinstance(event, UnclearCoin)), found
            play_train(player, COUNTS[20], after_s=1)
            count = len(found)
            while not isinstance((await ends(count))[-1], Coin):
                count += 1
            assert [event.cents for event in await ends(count) if isinstance(event, Coin)] == [20]

    asyncio.run(story())


def test_each_of_eight_lines_is_its_coin_and_two_at_once_are_unclear(chip: Any, player: Any) -> None:
    cents = {str(line): line * 10 for line in range(1, 9)}
    chosen = PulseCoins(
        model="NRI G-13",
        coins={line: {"1": value} for line, value in cents.items()},
        lines={line: int(line) for line in cents},
        enable_pin=ENABLE,
    )

    async def story() -> None:
        async with open_coins(chosen) as coins, heard(coins) as ends:
            for number, line in enumerate(cents, 1):
                play_train(player, 1, line=line, low_ms=100)
                await ends(number)
            assert [event.cents for event in await ends(8) if isinstance(event, Coin)] == list(cents.values())
            at_ns = time.monotonic_ns() + 400_000_000
            for rising, after_ms in ((False, 0), (True, 100)):
                for line, skew_ms in (("2", 0), ("5", 30)):
                    player.play(line, rising, at_ns + int((after_ms + skew_ms) * 1e6))
            last = (await ends(9))[-1]
            assert isinstance(last, UnclearCoin) and "two lines low" in last.why

    asyncio.run(story())


def test_lines_that_are_pulled_up_by_a_coin_are_heard_as_well(chip: Any) -> None:
    from tests.rig.bench.gpio import Pulses

    chip.pull(COIN, False)
    player = Pulses(chip, {"coin": COIN})

    async def story() -> None:
        chosen = PulseCoins(model="DG600F", lines={"coin": COIN}, enable_pin=ENABLE, active_high=True)
        async with open_coins(chosen) as coins, heard(coins) as ends:
            assert coins.status().health is Health.WELL, coins.status()
            at_ns = time.monotonic_ns() + 400_000_000
            for rising, after_ms in ((True, 0), (False, 45)):
                player.play("coin", rising, at_ns + int(after_ms * 1e6))
            (coin,) = await ends(1)
            assert isinstance(coin, Coin) and coin.cents == 10

    asyncio.run(story())
    player.close()


def test_a_line_wired_the_wrong_way_round_is_named(chip: Any) -> None:
    async def story() -> None:
        wrong = PulseCoins(model="DG600F", lines={"coin": COIN}, enable_pin=ENABLE, active_high=True)
        chip.pull(COIN, True)
        async with open_coins(wrong) as coins:
            # the request itself pulls the simulated line the other way, as a Pi's weak resistor would not
            chip.pull(COIN, True)
            await until(lambda: coins.status().health is Health.FAULTY)
            assert "held low" in coins.status().why

    asyncio.run(story())


def test_the_acceptor_closes_by_itself_while_the_loop_hangs(chip: Any) -> None:
    async def story() -> None:
        async with open_coins(DG) as coins:
            assert not chip.value(ENABLE)
            await coins.accept(for_s=1)
            await until(lambda: chip.value(ENABLE))
            time.sleep(2)  # noqa: ASYNC251 -- the loop hangs
            assert not chip.value(ENABLE)
            await coins.accept(for_s=0.5)
            await coins.accept(for_s=60)
            time.sleep(1)  # noqa: ASYNC251
            assert chip.value(ENABLE)
            await coins.refuse()
            assert not chip.value(ENABLE)
            await coins.accept(for_s=60)
        assert not chip.value(ENABLE)

    asyncio.run(story())


HOLDER = """
import asyncio, sys
from hw.coins.gpio import open_coins
from hw.settings import PulseCoins
async def main():
    async with open_coins(PulseCoins(model="DG600F", lines={"coin": 17}, enable_pin=27)) as coins:
        await coins.accept(for_s=600)
        print(coins.status().health, flush=True)
        await asyncio.sleep(600)
asyncio.run(main())
"""


@pytest.fixture
def other() -> Iterator[subprocess.Popen[bytes]]:
    """Another booth's process that has the lines, its acceptor open."""
    other = subprocess.Popen([sys.executable, "-c", HOLDER], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
    yield other
    other.kill()
    other.wait()


def test_a_killed_booth_leaves_the_enable_line_to_its_resistor(chip: Any, other: subprocess.Popen[bytes]) -> None:
    assert other.stdout is not None and other.stdout.readline() == b"well\n"
    asyncio.run(until(lambda: chip.value(ENABLE)))
    other.send_signal(signal.SIGKILL)
    other.wait()
    assert not chip.value(ENABLE)


def test_a_line_that_another_program_holds_is_named_with_its_holder_and_taken_when_it_is_free(
    chip: Any, other: subprocess.Popen[bytes]
) -> None:
    assert other.stdout is not None and other.stdout.readline() == b"well\n"

    async def story() -> None:
        async with open_coins(DG) as coins:
            assert coins.status().health is Health.FAULTY
            assert "line 17 is held by booth coins: stop" in coins.status().why
            with pytest.raises(DeviceMissing, match="line 17"):
                await coins.accept(for_s=1)
            other.kill()
            await until(lambda: coins.status().health is Health.WELL)
            await coins.accept(for_s=5)
            await until(lambda: chip.value(ENABLE))

    asyncio.run(story())


@pytest.mark.parametrize(
    ("chosen", "why"),
    [
        (PulseCoins(model="DG600F", lines={"coin": COIN}, enable_pin=ENABLE, chip="pinctrl-moon"),
         "no GPIO chip pinctrl-moon; found /dev/gpiochip0 (pinctrl-rp1). Give one of these"),
        (PulseCoins(model="DG600F", lines={"coin": COIN}, enable_pin=ENABLE, chip="/dev/gpiochip9"),
         "no GPIO chip /dev/gpiochip9; found"),
        (PulseCoins(model="DG600F", lines={"coin": 40}, enable_pin=ENABLE),
         "(pinctrl-rp1) has lines 0 to 31, no line 40"),
        (PulseCoins(model="DG600F", lines={"coin": COIN}, enable_pin=30), "30"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_named_with_what_is(chip: Any, chosen: PulseCoins, why: str) -> None:
    why = why.replace("/dev/gpiochip0", str(chip.path))

    async def story() -> None:
        async with open_coins(chosen) as coins:
            assert coins.status().health is Health.FAULTY
            assert why in coins.status().why
            assert "\n" not in coins.status().why

    asyncio.run(story())


def test_a_chip_that_goes_away_in_a_coin_leaves_it_unclear_and_comes_back(chip: Any) -> None:
    live = Path("/sys/kernel/config/gpio-sim") / LABEL / "live"

    async def story() -> None:
        async with open_coins(DG) as coins, open_lights(LAMPS) as lights:
            await coins.accept(for_s=600)
            await lights.show(Scene.WELCOME, for_s=600)
            events = coins.events()
            chip.pull(COIN, False)
            assert isinstance(await anext(events), TrainOpened)
            live.write_text("0")
            lost = await anext(events)
            assert isinstance(lost, UnclearCoin)
            with pytest.raises(DeviceMissing):
                await anext(events)
            assert coins.status().health is Health.FAULTY
            with pytest.raises(DeviceMissing):
                await coins.accept(for_s=600)
            await until(lambda: lights.status().health is Health.FAULTY)
            live.write_text("1")
            await until(lambda: coins.status().health is lights.status().health is Health.WELL)
            await coins.accept(for_s=600)
            await lights.show(Scene.WELCOME)

    asyncio.run(story())


# --- lamps


def test_scenes_are_levels_that_fall_back_while_the_loop_hangs(chip: Any) -> None:
    async def story() -> None:
        async with open_lights(LAMPS) as lights:
            assert lights.status().health is Health.WELL, lights.status()
            await lights.show(Scene.GUIDANCE, for_s=600)
            assert 0.5 < brightness(chip, FACE) < 0.9
            assert chip.value(SLOT)  # on and off: on from half level up
            await lights.show(Scene.CAPTURE, for_s=600)
            assert brightness(chip, FACE) > 0.95 and not chip.value(SLOT)  # PWM by software may slip once
            await lights.show(Scene.WELCOME, for_s=0.5)
            time.sleep(1)  # noqa: ASYNC251 -- the loop hangs
            assert brightness(chip, FACE) == 0 and not chip.value(SLOT)
            await lights.show(Scene.CAPTURE, for_s=600)
        assert brightness(chip, FACE) == 0

    asyncio.run(story())


def test_a_lamp_whose_line_is_taken_is_named_and_comes_back(chip: Any) -> None:
    import gpiod

    async def story() -> None:
        taken = gpiod.request_lines(str(chip.path), {FACE: None}, consumer="heater")
        async with open_lights(LAMPS) as lights:
            assert lights.status().health is Health.FAULTY
            assert "line 22 is held by heater" in lights.status().why
            with pytest.raises(DeviceMissing, match="heater"):
                await lights.show(Scene.CAPTURE)
            taken.release()
            await until(lambda: lights.status().health is Health.WELL)
            await show_and_see(lights, chip)

    asyncio.run(story())


async def show_and_see(lights: Lights, chip: Any) -> None:
    await lights.show(Scene.CAPTURE)
    assert brightness(chip, FACE) > 0.95


def test_the_drivers_leave_no_files_behind(chip: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """lgpio makes a pipe in the working directory at its import; a booth's is not writable."""
    line = HOLDER.replace("await asyncio.sleep(600)", "")
    tmp_path.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", line],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "LG_WD": "/nowhere"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and done.stdout == "well\n", done.stderr
    assert not list(tmp_path.iterdir())


def test_the_service_door_is_read_and_what_keeps_it_from_being_read_is_named_once(
    chip: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        async with open_door(in_a_cabin(Door(pin=DOOR))) as door:
            assert door is not None and door.open() is True  # the line's own pull-up: no wire hangs on it yet
            for up in (False, True, False):
                chip.pull(DOOR, up)
                assert door.open() is up
        async with open_door(in_a_cabin(Door(pin=DOOR, open_is="low", pull="none"))) as door:
            assert door is not None and door.open() is True
            async with open_door(in_a_cabin(Door(pin=DOOR))) as second:
                assert second is not None and second.open() is None
        async with open_door(in_a_cabin(Door(pin=40))) as door:
            assert door is not None and door.open() is None and door.open() is None
        held, absent = (record.getMessage() for record in caplog.records)
        assert "line 24 is held by lg" in held and "lines 0 to 31, no line 40" in absent

    with caplog.at_level(logging.WARNING):
        asyncio.run(story())


def in_a_cabin(door: Door) -> Devices:
    return Devices(
        camera=Simulated(), lights=LAMPS, coins=DG, pen=Simulated(), printer=Simulated(), panel=Simulated(), door=door
    )
