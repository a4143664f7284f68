"""An input device's events in, the pen's samples out. Pure: what the kernel tells is passed in.

Must never join what lies on both sides of lost events without marking it broken, and never tell a hovering pen.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from hw.cabin import PenSample

# linux/input-event-codes.h
EV_SYN, EV_KEY, EV_ABS = 0x00, 0x01, 0x03
SYN_REPORT, SYN_DROPPED = 0, 3
BTN_TOOL_PEN, BTN_TOUCH = 0x140, 0x14A
ABS_X, ABS_Y, ABS_PRESSURE = 0x00, 0x01, 0x18
ABS_MT_SLOT, ABS_MT_POSITION_X, ABS_MT_POSITION_Y, ABS_MT_TRACKING_ID = 0x2F, 0x35, 0x36, 0x39


@dataclass(frozen=True)
class KernelEvent:
    """`at_ns`: CLOCK_MONOTONIC."""

    type: int
    code: int
    value: int
    at_ns: int


@dataclass(frozen=True)
class Slot:
    """One contact of a panel that feels several; `tracking` -1: none."""

    tracking: int = -1
    x: int = 0
    y: int = 0


@dataclass(frozen=True)
class Snapshot:
    """What the kernel says of the device now: values by axis, keys held down, and contacts by slot."""

    axes: Mapping[int, int] = field(default_factory=dict)
    keys: frozenset[int] = frozenset()
    slots: tuple[Slot, ...] = ()


@dataclass(frozen=True)
class Touch:
    """The contact that writes, in the device's units. `number` is another one for another contact."""

    number: int
    x: int
    y: int
    pressure: int = 0


class Points(Protocol):
    """How a kind of device tells its contact."""

    def reset(self, now: Snapshot) -> None: ...

    def take(self, event: KernelEvent) -> None: ...

    def touch(self) -> Touch | None: ...


class OnePoint:
    """A pen, or a panel that feels one contact: BTN_TOUCH, and axes of which only changes are told."""

    def __init__(self) -> None:
        self._axes: dict[int, int] = {}
        self._down = False
        self._number = 0

    def reset(self, now: Snapshot) -> None:
        self._axes = dict(now.axes)
        self._down = BTN_TOUCH in now.keys

    def take(self, event: KernelEvent) -> None:
        if event.type == EV_ABS:
            self._axes[event.code] = event.value
        elif event.type == EV_KEY and event.code == BTN_TOUCH:
            self._number += bool(event.value) and not self._down
            self._down = bool(event.value)

    def touch(self) -> Touch | None:
        if not self._down:
            return None
        axes = self._axes
        return Touch(self._number, axes.get(ABS_X, 0), axes.get(ABS_Y, 0), axes.get(ABS_PRESSURE, 0))


class ManyPoints:
    """A panel that feels several contacts (multi-touch protocol B): the first one writes, the rest are let pass.

    A contact that began while another wrote never writes: the heel of a hand must not go on with a finger's stroke.
    """

    def __init__(self) -> None:
        self._slots: dict[int, Slot] = {}
        self._current = 0
        self._writing = -1

    def reset(self, now: Snapshot) -> None:
        self._slots = dict(enumerate(now.slots))
        self._current = now.axes.get(ABS_MT_SLOT, 0)
        there = [slot.tracking for slot in now.slots if slot.tracking >= 0]
        if self._writing not in there:
            self._writing = there[0] if there else -1

    def take(self, event: KernelEvent) -> None:
        if event.type != EV_ABS:
            return
        slot = self._slots.get(self._current, Slot())
        if event.code == ABS_MT_SLOT:
            self._current = event.value
            return
        if event.code == ABS_MT_TRACKING_ID:
            if slot.tracking == self._writing:
                self._writing = -1
            if self._writing < 0:
                self._writing = event.value
            slot = replace(slot, tracking=event.value)
        elif event.code == ABS_MT_POSITION_X:
            slot = replace(slot, x=event.value)
        elif event.code == ABS_MT_POSITION_Y:
            slot = replace(slot, y=event.value)
        self._slots[self._current] = slot

    def touch(self) -> Touch | None:
        if self._writing < 0:
            return None
        slot = next(slot for slot in self._slots.values() if slot.tracking == self._writing)
        return Touch(slot.tracking, slot.x, slot.y)


class PenEvents:
    """Every report while the pen is down becomes one sample, and its lifting one more.

    Where the kernel had to drop events, `lost` turns true and nothing more is told until `resync`.
    """

    def __init__(
        self,
        points: Points,
        now: Snapshot,
        to_mm: Callable[[int, int], tuple[float, float]],
        pressure: Callable[[int], float],
    ) -> None:
        """`now`: the device as it is found. A pen that is down already has begun a stroke unseen: it is broken."""
        self.lost = False
        self._points, self._to_mm, self._pressure = points, to_mm, pressure
        points.reset(now)
        touch = points.touch()
        self._number = None if touch is None else touch.number  # of the contact whose stroke goes on
        self._broken = touch is not None
        self._last = (0.0, 0.0)

    def take(self, event: KernelEvent) -> list[PenSample]:
        """The samples that this event completes."""
        if self.lost:
            return []
        if event.type != EV_SYN:
            self._points.take(event)
            return []
        if event.code == SYN_DROPPED:
            self.lost = True
            return []
        if event.code != SYN_REPORT:
            return []
        if event.value:  # the kernel's own report: it lets go of all keys of a device that is being unplugged
            self._broken = True
        return self._report(event.at_ns)

    def resync(self, now: Snapshot, at_ns: int) -> list[PenSample]:
        """Goes on from what the kernel says now. Whatever stroke was under way, or may have been, is broken."""
        self.lost = False
        self._broken = True
        self._points.reset(now)
        touch = self._points.touch()
        if self._number is None and touch is None:
            # A whole stroke may be gone: a broken one stands for it, where the pen was last.
            mark = PenSample(*self._last, 0.0, at_ns, contact=True, broken=True)
            self._broken = False
            return [mark, replace(mark, contact=False)]
        if self._number is not None and touch is not None:
            self._number = touch.number  # perhaps another contact: one broken stroke of both
        return self._report(at_ns, begun_unseen=True)

    def _report(self, at_ns: int, *, begun_unseen: bool = False) -> list[PenSample]:
        touch = self._points.touch()
        samples = []
        if self._number is not None and (touch is None or touch.number != self._number):
            samples.append(PenSample(*self._last, 0.0, at_ns, contact=False, broken=self._broken))
            self._number, self._broken = None, False
        if touch is None:
            self._broken = False
        else:
            if self._number is None:
                self._number, self._broken = touch.number, begun_unseen
            self._last = self._to_mm(touch.x, touch.y)
            samples.append(PenSample(*self._last, self._pressure(touch.pressure), at_ns, True, self._broken))
        return samples
