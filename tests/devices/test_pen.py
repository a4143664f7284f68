"""Tablets and touch panels of the kernel's (uinput) through python-evdev: what cannot serve is named, what lost events
is broken.

Run it in the rig: python -m tests.rig run --no-systemd 'pytest tests/devices/test_pen.py'
"""

import asyncio
import multiprocessing
import os
import signal
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from hw.cabin import DeviceFault, DeviceMissing, Health, PenSample
from hw.pen import EvdevPen, open_pen
from hw.settings import EvdevPen as Settings

PATIENCE_S = 30.0


class Workbench:
    """Makes input devices, and unplugs them at the end."""

    def __init__(self) -> None:
        from tests.rig.bench.gpio import modprobe

        modprobe("uinput", "evdev")
        self.opened = ExitStack()

    def tablet(self, *, pressure: bool = True, per_mm: int = 100, name: str = "Tablet Pen") -> Any:
        from evdev import AbsInfo
        from evdev import ecodes as e

        axes = [(e.ABS_X, AbsInfo(0, 0, 15200, 0, 0, per_mm)), (e.ABS_Y, AbsInfo(0, 0, 9500, 0, 0, per_mm))]
        if pressure:
            axes.append((e.ABS_PRESSURE, AbsInfo(0, 0, 1000, 0, 0, 0)))
        return self._made({e.EV_KEY: [e.BTN_TOOL_PEN, e.BTN_TOUCH], e.EV_ABS: axes}, name)

    def touch_panel(self) -> Any:
        from evdev import AbsInfo
        from evdev import ecodes as e

        position = AbsInfo(0, 0, 4000, 0, 0, 20)
        axes = [
            (e.ABS_X, position), (e.ABS_Y, position), (e.ABS_MT_SLOT, AbsInfo(0, 0, 4, 0, 0, 0)),
            (e.ABS_MT_POSITION_X, position), (e.ABS_MT_POSITION_Y, position),
            (e.ABS_MT_TRACKING_ID, AbsInfo(0, 0, 65535, 0, 0, 0)),
        ]  # fmt: skip
        return self._made({e.EV_KEY: [e.BTN_TOUCH], e.EV_ABS: axes}, "Panel")

    def _made(self, able: dict[int, Any], name: str) -> Any:
        from evdev import UInput

        return self.opened.enter_context(closing(UInput(able, name=name)))


@pytest.fixture
def workbench() -> Iterator[Workbench]:
    bench = Workbench()
    with bench.opened:
        yield bench


def play(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(story, 2 * PATIENCE_S))


def write(device: Any, *events: tuple[int, int, int]) -> None:
    for event in events:
        device.write(*event)
    device.syn()


def down(device: Any, x: int, y: int, pressure: int = 500) -> None:
    from evdev import ecodes as e

    write(
        device, (e.EV_KEY, e.BTN_TOOL_PEN, 1), (e.EV_KEY, e.BTN_TOUCH, 1), (e.EV_ABS, e.ABS_X, x),
        (e.EV_ABS, e.ABS_Y, y), (e.EV_ABS, e.ABS_PRESSURE, pressure),
    )  # fmt: skip


def up(device: Any) -> None:
    from evdev import ecodes as e

    write(device, (e.EV_KEY, e.BTN_TOUCH, 0))


def finger(device: Any, slot: int, tracking: int, x: int | None = None) -> None:
    from evdev import ecodes as e

    place = [] if x is None else [(e.EV_ABS, e.ABS_MT_POSITION_X, x), (e.EV_ABS, e.ABS_MT_POSITION_Y, x)]
    write(device, (e.EV_ABS, e.ABS_MT_SLOT, slot), (e.EV_ABS, e.ABS_MT_TRACKING_ID, tracking), *place)


async def well(pen: EvdevPen) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while pen.status().health is not Health.WELL:  # noqa: ASYNC110  a status has no event
            await asyncio.sleep(0.05)


async def stroke(samples: AsyncIterator[PenSample]) -> list[PenSample]:
    found = []
    async with asyncio.timeout(PATIENCE_S):
        async for sample in samples:
            found.append(sample)
            if not sample.contact:
                return found
    raise AssertionError("the samples ended")


async def refused(settings: Settings, why: str, error: type[Exception] = DeviceFault) -> None:
    async with open_pen(settings) as pen:
        assert pen.status().health is Health.FAULTY and why in pen.status().why
        with pytest.raises(error, match=why):
            await anext(pen.samples())


def test_positions_are_millimetres_and_times_the_kernel_s_monotonic_clock(workbench: Workbench) -> None:
    async def story() -> None:
        tablet = workbench.tablet()
        async with open_pen(Settings()) as pen:
            await well(pen)
            samples = pen.samples()
            before_ns = time.monotonic_ns()
            down(tablet, 7600, 950)
            up(tablet)
            touched, lifted = await stroke(samples)
            assert (touched.x_mm, touched.y_mm, touched.pressure) == pytest.approx((76, 9.5, 0.5))
            assert before_ns <= touched.at_ns <= lifted.at_ns <= time.monotonic_ns()
            assert (pen.width_mm, pen.height_mm) == (152, 95)

    play(story())


def test_a_tablet_that_another_program_holds_is_named_and_taken_when_it_is_free(workbench: Workbench) -> None:
    async def story() -> None:
        import evdev

        tablet = workbench.tablet()
        with closing(evdev.InputDevice(tablet.device.path)) as other:
            other.grab()
            async with open_pen(Settings(device=tablet.device.path)) as pen:
                assert "held by another program" in pen.status().why
                other.ungrab()
                await well(pen)

    play(story())


@pytest.mark.parametrize(
    ("able", "why"), [({"pressure": False}, "feels no pressure"), ({"per_mm": 0}, r"cabin.pen.width_mm")]
)
def test_a_tablet_that_cannot_serve_says_what_it_lacks(workbench: Workbench, able: dict[str, Any], why: str) -> None:
    workbench.tablet(**able)
    play(refused(Settings(), why))


def test_several_tablets_are_named_and_none_is_taken(workbench: Workbench) -> None:
    workbench.tablet(name="First Pen")
    workbench.tablet(name="Second Pen")
    play(refused(Settings(), "2 could be it"))


def test_what_is_not_there_and_what_is_no_pen_are_told_apart(workbench: Workbench) -> None:
    play(refused(Settings(device="/dev/input/booth-pen"), "booth-pen is not there", DeviceMissing))
    play(refused(Settings(device="/dev/null"), "is no input device"))


def test_a_user_without_permission_is_told_the_group(workbench: Workbench) -> None:
    tablet = workbench.tablet()
    os.chmod(tablet.device.path, 0o600)
    child = os.fork()
    if child == 0:  # root may open everything: another user looks
        status = 1
        try:
            os.setgid(65534)
            os.setuid(65534)
            asyncio.run(refused(Settings(device=tablet.device.path), "no permission"))
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_stroke_that_an_unplug_cuts_is_broken(workbench: Workbench) -> None:
    async def story() -> None:
        tablet = workbench.tablet()
        async with open_pen(Settings()) as pen:
            await well(pen)
            samples = pen.samples()
            down(tablet, 100, 100)
            last = await anext(samples)
            tablet.close()
            with pytest.raises(DeviceMissing):
                async for sample in samples:
                    last = sample
            assert last.contact or last.broken  # the kernel's own lift is read in time, or not

    play(story())


def test_the_configured_name_is_followed_to_another_node(workbench: Workbench, tmp_path: Path) -> None:
    async def story() -> None:
        name = tmp_path / "booth-pen"
        first = workbench.tablet(name="First Pen")
        name.symlink_to(first.device.path)
        async with open_pen(Settings(device=str(name))) as pen:
            await well(pen)
            samples = pen.samples()
            second = workbench.tablet(name="Second Pen")
            first.close()
            with pytest.raises(DeviceMissing, match="unplugged"):
                await anext(samples)
            name.unlink()
            name.symlink_to(second.device.path)
            await well(pen)
            samples = pen.samples()
            down(second, 100, 100)
            up(second)
            assert len(await stroke(samples)) == 2

    play(story())


def test_on_a_touch_panel_the_first_finger_writes_and_the_heel_of_the_hand_does_not(workbench: Workbench) -> None:
    async def story() -> None:
        panel = workbench.touch_panel()
        async with open_pen(Settings()) as pen:
            await well(pen)
            assert "told as 1.0" in pen.status().why
            samples = pen.samples()
            finger(panel, 0, 1, 1000)
            finger(panel, 1, 2, 3900)
            finger(panel, 0, -1)
            drawn = await stroke(samples)
            assert {(sample.x_mm, sample.contact and sample.pressure) for sample in drawn} == {(50, 1.0), (50, False)}

    play(story())


def test_lost_events_of_a_touch_panel_break_its_stroke_and_the_next_is_whole(workbench: Workbench) -> None:
    async def story() -> None:
        panel = workbench.touch_panel()
        go, ready = multiprocessing.Pipe()
        reader = os.getpid()

        def hand() -> None:
            """Goes on while the whole process that reads stands still."""
            ready.recv()
            os.kill(reader, signal.SIGSTOP)
            try:
                for step in range(500):
                    finger(panel, 0, 1, 1001 + step)
            finally:
                os.kill(reader, signal.SIGCONT)

        other = multiprocessing.get_context("fork").Process(target=hand)  # before there is a thread
        other.start()
        async with open_pen(Settings()) as pen:
            await well(pen)
            samples = pen.samples()
            finger(panel, 0, 1, 1000)
            await anext(samples)
            go.send("go")
            await asyncio.to_thread(other.join)
            finger(panel, 0, -1)
            assert (await stroke(samples))[-1].broken
            finger(panel, 0, 3, 200)
            finger(panel, 0, -1)
            assert not any(sample.broken for sample in await stroke(samples))

    play(story())
