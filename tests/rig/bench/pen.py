"""The tablet: SimPen's samples as events of an input device."""

import asyncio
import contextlib
import itertools
import os
import signal
import struct
from dataclasses import replace
from pathlib import Path

import evdev
from evdev import AbsInfo, UInput
from evdev import ecodes as e

from hw.cabin import DeviceMissing, PenSample
from hw.sim.cabin import PAD_MM, SimCabin
from tests.rig.bench.gpio import modprobe
from tests.rig.bench.wiring import PEN_NAME, PEN_PRESSURES, PEN_UNITS_PER_MM

OVERRUN = 264  # events in one go: by little more than the 256 that the kernel keeps for one reader
TAKEN_S = 10.0  # a booth that does not take a tablet within this is not there


class Tablet:
    def __init__(self, sim: SimCabin) -> None:
        modprobe("uinput", "evdev")
        self._sim = sim
        self._width, self._height = (round(mm * PEN_UNITS_PER_MM) for mm in PAD_MM)
        self._device: UInput | None = None
        self._was_broken = False
        self.plug()

    def plug(self) -> None:
        axes = [
            (e.ABS_X, AbsInfo(0, 0, self._width, 0, 0, PEN_UNITS_PER_MM)),
            (e.ABS_Y, AbsInfo(0, 0, self._height, 0, 0, PEN_UNITS_PER_MM)),
            (e.ABS_PRESSURE, AbsInfo(0, 0, PEN_PRESSURES, 0, 0, 0)),
        ]
        keys = [e.BTN_TOOL_PEN, e.BTN_TOUCH, e.BTN_STYLUS]
        able = {e.EV_KEY: keys, e.EV_ABS: axes, e.EV_MSC: [e.MSC_TIMESTAMP]}
        self._device = UInput(able, name=PEN_NAME, vendor=0x056A, product=0x0374)

    def unplug(self) -> None:
        if self._device is not None:
            self._device.close()
            self._device = None

    async def pass_samples(self) -> None:
        """Until cancelled."""
        while True:
            try:
                async for sample in self._sim.pen.samples():
                    self._put(sample)
            except DeviceMissing:
                await self._sim.pen.plugged_in()

    async def taken(self) -> None:
        """Back when a booth has grabbed the tablet; at once where none comes."""
        assert self._device is not None
        try:
            async with asyncio.timeout(TAKEN_S):
                while not _grabbed(self._device.device.path):  # noqa: ASYNC110 -- nothing announces it
                    await asyncio.sleep(0.05)
        except TimeoutError:
            return

    def _put(self, sample: PenSample) -> None:
        if self._device is None:
            return
        if sample.broken and not self._was_broken and sample.contact:
            self._overrun(sample)
        self._was_broken = sample.broken and sample.contact
        self._write(self._frame(sample))

    def _overrun(self, sample: PenSample) -> None:
        """More samples than the kernel keeps, while the booth stands still: it drops them and says so."""
        moved = (
            replace(sample, x_mm=sample.x_mm + step % 2 / 10, y_mm=sample.y_mm + step % 2 / 10)
            for step in itertools.count()
        )
        events: list[tuple[int, int, int]] = []
        while len(events) < OVERRUN:
            events += self._frame(next(moved))
        readers = self._readers()
        for pid in readers:
            os.kill(pid, signal.SIGSTOP)
        self._write(events)
        for pid in readers:
            os.kill(pid, signal.SIGCONT)

    def _readers(self) -> set[int]:
        """Processes that have the tablet open, but this one."""
        assert self._device is not None
        readers = set()
        for link in Path("/proc").glob("[0-9]*/fd/*"):
            with contextlib.suppress(OSError):  # it ended, or closed it
                if os.readlink(link) == self._device.device.path:
                    readers.add(int(link.parts[2]))
        return readers - {os.getpid()}

    def _frame(self, sample: PenSample) -> list[tuple[int, int, int]]:
        return [
            (e.EV_KEY, e.BTN_TOOL_PEN, 1),
            (e.EV_ABS, e.ABS_X, round(sample.x_mm * PEN_UNITS_PER_MM)),
            (e.EV_ABS, e.ABS_Y, round(sample.y_mm * PEN_UNITS_PER_MM)),
            (e.EV_ABS, e.ABS_PRESSURE, round(sample.pressure * PEN_PRESSURES)),
            (e.EV_KEY, e.BTN_TOUCH, int(sample.contact)),
            (e.EV_MSC, e.MSC_TIMESTAMP, sample.at_ns // 1000 % 2**31),  # as real tablets do, so that no frame is empty
            (e.EV_SYN, e.SYN_REPORT, 0),
        ]

    def _write(self, events: list[tuple[int, int, int]]) -> None:
        """One call for all: nobody reads in between."""
        assert self._device is not None
        os.write(self._device.fd, b"".join(struct.pack("llHHi", 0, 0, *event) for event in events))


def _grabbed(path: str) -> bool:
    device = evdev.InputDevice(path)
    try:
        device.grab()
        device.ungrab()
    except OSError:
        return True
    finally:
        device.close()
    return False
