"""The hand of the pen's loop, in a process of its own: draws on a tablet that the kernel simulates (uinput).

`stop`: the process that reads stands still meanwhile, as on a machine without time for it, and the kernel drops events.
"""

import os
import signal
import subprocess
import time
from multiprocessing.connection import Connection
from typing import Any

UNITS_PER_MM, WIDTH_MM, HEIGHT_MM, PRESSURES = 100, 152, 95, 8191
Point = tuple[int, int, int]
"""(x, y, pressure) in the tablet's units."""


def hand(orders: Connection, reader: int, report_s: float) -> None:
    """Obeys until the pipe closes; `reader` is the process that stands still where that is asked."""
    subprocess.run(["modprobe", "-a", "uinput", "evdev"], check=True)
    tablet = _plugged()
    while True:
        try:
            what, *rest = orders.recv()
        except EOFError:
            return
        if what == "plug":
            tablet = _plugged()
        elif what == "draw":
            points, unplug_at, still = rest
            if _draw(tablet, points, unplug_at, still, reader, report_s):
                tablet.close()
        orders.send("done")


def _plugged() -> Any:
    from evdev import AbsInfo, UInput
    from evdev import ecodes as e

    axes = [
        (e.ABS_X, AbsInfo(0, 0, WIDTH_MM * UNITS_PER_MM, 0, 0, UNITS_PER_MM)),
        (e.ABS_Y, AbsInfo(0, 0, HEIGHT_MM * UNITS_PER_MM, 0, 0, UNITS_PER_MM)),
        (e.ABS_PRESSURE, AbsInfo(0, 0, PRESSURES, 0, 0, 0)),
    ]
    return UInput({e.EV_KEY: [e.BTN_TOOL_PEN, e.BTN_TOUCH], e.EV_ABS: axes}, name="Bench pen")


def _draw(tablet: Any, points: list[Point], unplug_at: int | None, still: range, reader: int, report_s: float) -> bool:
    """Whether the tablet was unplugged. Hovers before and after; the reader stands still during `still`."""
    from evdev import ecodes as e

    for number, (x, y, pressure) in enumerate(points):
        if still and number == still.start:
            os.kill(reader, signal.SIGSTOP)
        if number == unplug_at:
            return True
        if number == 0:
            tablet.write(e.EV_KEY, e.BTN_TOOL_PEN, 1)
        tablet.write(e.EV_KEY, e.BTN_TOUCH, int(pressure > 0))
        tablet.write(e.EV_ABS, e.ABS_X, x)
        tablet.write(e.EV_ABS, e.ABS_Y, y)
        tablet.write(e.EV_ABS, e.ABS_PRESSURE, pressure)
        tablet.syn()
        if still and number == still[-1]:
            os.kill(reader, signal.SIGCONT)
        time.sleep(report_s)
    return False
