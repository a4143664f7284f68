"""The pen: a tablet or touch panel that the kernel shows as an input device, read by python-evdev.

A thread of its own reads it: the kernel keeps some 64 to 128 events for a reader, a tenth of a second of a moving pen,
and the loop may stand still for longer while a card writes. Must never tell a stroke whole that lost samples.
"""

import asyncio
import errno
import fcntl
import glob
import os
import select
import struct
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import replace
from typing import Any

from hw import settings
from hw.cabin import DeviceError, DeviceFault, DeviceMissing, Health, PenSample, Status
from hw.feed import Feed, Reader
from hw.pen_events import (
    ABS_MT_POSITION_X,
    ABS_MT_POSITION_Y,
    ABS_MT_SLOT,
    ABS_MT_TRACKING_ID,
    ABS_PRESSURE,
    ABS_X,
    ABS_Y,
    EV_ABS,
    EV_KEY,
    KernelEvent,
    ManyPoints,
    OnePoint,
    PenEvents,
    Slot,
    Snapshot,
)
from hw.pen_pad import Axis, Node, Pad, choose, pad, usable

BACK_S = 1.0
"""Between two looks for a device that is not there."""
UNTOLD_PAD_MM = (152.0, 95.0)
"""A common small tablet: the size until the device was there once, where the configuration has none."""

EVIOCSCLOCKID = 0x400445A0
INPUT_PROP_POINTER = 0x00


class EvdevPen:
    def __init__(self, chosen: settings.EvdevPen) -> None:
        self._chosen = chosen
        self._loop = asyncio.get_running_loop()
        self._looked = asyncio.Event()
        self._error: DeviceError | None = DeviceMissing("pen", "not looked for yet")
        self._why = ""
        self._feed: Feed[tuple[PenSample, int]] = Feed()  # each sample, and when its stroke began
        self._stopped, self._stop = os.pipe2(os.O_CLOEXEC)
        self.width_mm, self.height_mm = chosen.size_mm or UNTOLD_PAD_MM

    def status(self) -> Status:
        if self._error is None:
            return Status(Health.WELL, self._why)
        return Status(Health.FAULTY, self._error.why)

    def samples(self) -> AsyncIterator[PenSample]:
        reader = self._feed.reader()
        if self._error is not None:
            self._feed.end_one(reader, type(self._error)("pen", self.status().why))
        return _since(time.monotonic_ns(), reader)

    async def looked(self) -> None:
        """Back when the device was looked for: from now on `status` knows."""
        await self._looked.wait()

    # --- told by the thread, in the loop

    def _there(self, tablet: "_Tablet") -> None:
        self._error, self._why = None, str(tablet)
        self.width_mm, self.height_mm = tablet.pad.width_mm, tablet.pad.height_mm
        self._looked.set()

    def _gone(self, error: DeviceError) -> None:
        self._error = error
        self._feed.end(error)
        self._looked.set()

    def _put(self, samples: list[tuple[PenSample, int]]) -> None:
        for sample in samples:
            self._feed.put(sample)

    # --- the thread

    def run(self) -> None:
        """Reads the device while it is there and looks for it while it is not, until `stop`."""
        tell = self._loop.call_soon_threadsafe
        with open(self._stopped, "rb", buffering=0) as stopped:
            while True:
                try:
                    with _opened(self._chosen) as tablet:
                        tell(self._there, tablet)
                        for samples in tablet.read(stopped.fileno()):
                            tell(self._put, samples)
                    return
                except DeviceError as error:
                    tell(self._gone, error)
                if select.select([stopped], [], [], BACK_S)[0]:
                    return

    def stop(self) -> None:
        """Ends the thread soon. Once."""
        os.close(self._stop)


@asynccontextmanager
async def open_pen(chosen: settings.EvdevPen) -> AsyncIterator[EvdevPen]:
    """The pen that the configuration names, whether it is there or not yet. A fault of our own in it ends the body."""
    pen = EvdevPen(chosen)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(asyncio.to_thread(pen.run))
        try:
            await pen.looked()
            yield pen
        finally:
            pen.stop()


async def _since(asked_ns: int, reader: Reader[tuple[PenSample, int]]) -> AsyncIterator[PenSample]:
    """What is drawn from then on; of a stroke that had begun before, the rest is a broken one."""
    async for sample, began_ns in reader:
        if sample.at_ns >= asked_ns:
            yield sample if began_ns >= asked_ns else replace(sample, broken=True)


# --- the device, in the thread ---------------------------------------------------------------------------------------


class _Tablet:
    """The device, open and ours alone."""

    def __init__(self, device: Any, node: Node, chosen: settings.EvdevPen) -> None:
        self._device, self._node = device, node
        self._kind = usable(node)
        self._many = self._kind == "touch" and {ABS_MT_SLOT, ABS_MT_TRACKING_ID} <= node.axes
        x, y = (ABS_MT_POSITION_X, ABS_MT_POSITION_Y) if self._many else (ABS_X, ABS_Y)
        self._axes = [code for code in (ABS_X, ABS_Y, ABS_PRESSURE, ABS_MT_SLOT) if code in node.axes]
        self.pad: Pad = pad(self._axis(x), self._axis(y), chosen.size_mm, chosen.calibration)
        fcntl.ioctl(device.fd, EVIOCSCLOCKID, struct.pack("i", time.CLOCK_MONOTONIC))
        self._drain()
        self._events = PenEvents(
            ManyPoints() if self._many else OnePoint(), self._snapshot(), self.pad.mm, self._pressure()
        )
        self._began_ns = 0

    def __str__(self) -> str:
        told = "" if self._kind == "pen" else ", no pressure: told as 1.0"
        return f"{self._node}, {self.pad.width_mm:.0f} × {self.pad.height_mm:.0f} mm{told}"

    def read(self, stopped: int) -> Iterator[list[tuple[PenSample, int]]]:
        """Samples as they come, each with its stroke's beginning, until `stopped` closes. OSError when it is gone."""
        while stopped not in select.select([self._device.fd, stopped], [], [])[0]:
            events = self._pending()
            samples = [sample for event in events for sample in self._events.take(event)]
            if self._events.lost:
                at_ns = self._drain() or events[-1].at_ns  # before whatever comes next
                samples += self._events.resync(self._snapshot(), at_ns)
            if samples:
                yield [self._with_beginning(sample) for sample in samples]

    def _with_beginning(self, sample: PenSample) -> tuple[PenSample, int]:
        self._began_ns = self._began_ns or sample.at_ns
        began_ns, self._began_ns = self._began_ns, self._began_ns if sample.contact else 0
        return sample, began_ns

    def _pending(self) -> list[KernelEvent]:
        try:
            return [KernelEvent(e.type, e.code, e.value, e.sec * 10**9 + e.usec * 1000) for e in self._device.read()]
        except BlockingIOError:
            return []

    def _drain(self) -> int:
        """Takes what waits and lets it pass: what the kernel says of the device afterwards is newer. When the last of
        it came, 0 where nothing waited."""
        at_ns = 0
        while events := self._pending():
            at_ns = events[-1].at_ns
        return at_ns

    def _axis(self, code: int) -> Axis:
        info = self._device.absinfo(code)
        return Axis(info.min, info.max, info.resolution)

    def _pressure(self) -> Callable[[int], float]:
        if self._kind == "touch":
            return lambda _: 1.0
        axis = self._axis(ABS_PRESSURE)
        return lambda raw: min(1.0, max(0.0, (raw - axis.least) / max(1, axis.most - axis.least)))

    def _snapshot(self) -> Snapshot:
        keys = frozenset(self._device.active_keys())  # first: the kernel forgets the keys' waiting events with it
        axes = {code: self._device.absinfo(code).value for code in self._axes}
        return Snapshot(axes, keys, self._slots() if self._many else ())

    def _slots(self) -> tuple[Slot, ...]:
        """EVIOCGMTSLOTS, which python-evdev does not offer: one value of every slot."""
        count = self._device.absinfo(ABS_MT_SLOT).max + 1

        def values(code: int) -> tuple[int, ...]:
            asked = struct.pack("I", code) + bytes(4 * count)
            request = 2 << 30 | len(asked) << 16 | ord("E") << 8 | 0x0A  # _IOR('E', 0x0a, asked)
            return struct.unpack(f"{count}i", fcntl.ioctl(self._device.fd, request, asked)[4:])

        codes = (ABS_MT_TRACKING_ID, ABS_MT_POSITION_X, ABS_MT_POSITION_Y)
        return tuple(map(Slot, *map(values, codes)))


@contextmanager
def _opened(chosen: settings.EvdevPen) -> Iterator[_Tablet]:
    """The device that fits the configuration, grabbed. DeviceMissing, also when it goes; DeviceFault."""
    try:
        import evdev
    except ImportError:
        raise DeviceMissing("pen", "python-evdev is not installed; apt install python3-evdev") from None
    where = chosen.device or "the input devices"
    try:
        with ExitStack() as opened:
            if chosen.device is None:
                device, node = _found(evdev, opened)
            else:
                device = opened.enter_context(closing(evdev.InputDevice(chosen.device)))
                node = _described(device, chosen.device)
                usable(node)
            where = str(node)
            device.grab()
            yield _Tablet(device, node, chosen)
    except FileNotFoundError:
        raise DeviceMissing("pen", f"{where} is not there; plug it in, or see `booth devices`") from None
    except OSError as error:
        raise _named(error, where) from error


def _found(evdev: Any, opened: ExitStack) -> tuple[Any, Node]:
    """The one device that can be the pen; the others are closed again."""
    devices: dict[str, tuple[Any, Node]] = {}
    forbidden = 0
    with ExitStack() as others:
        for path in sorted(glob.glob("/dev/input/event*")):
            try:
                device = others.enter_context(closing(evdev.InputDevice(path)))
                devices[path] = device, _described(device, path)
            except PermissionError:
                forbidden += 1
            except OSError as error:
                if error.errno not in (errno.ENOENT, errno.ENODEV):  # it has just gone
                    raise
        chosen = choose([node for _, node in devices.values()], forbidden)
        device = evdev.InputDevice(chosen.path)
        return opened.enter_context(closing(device)), chosen


def _described(device: Any, path: str) -> Node:
    able = device.capabilities(absinfo=False)
    keys, axes = (frozenset(able.get(kind, ())) for kind in (EV_KEY, EV_ABS))
    return Node(path, device.name, keys, axes, pointer=INPUT_PROP_POINTER in device.input_props())


def _named(error: OSError, where: str) -> DeviceError:
    match error.errno:
        case errno.ENODEV:
            return DeviceMissing("pen", f"{where} was unplugged; plug it in")
        case errno.EBUSY:
            return DeviceFault("pen", f"{where} is held by another program; end it (`fuser -v` names it)")
        case errno.EACCES | errno.EPERM:
            return DeviceFault("pen", f"no permission for {where}; add the booth's user to the group `input`")
        case errno.ENOTTY:
            return DeviceFault("pen", f"{where} is no input device; `booth devices` names those that are")
        case _:
            return DeviceFault("pen", f"{where}: {error.strerror}; unplug it and plug it in again")
