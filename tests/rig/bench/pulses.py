"""Plays edges on GPIO lines at their times: `DUE_NS LINE LEVEL` by line on standard input, a pull file for each line.

A process of its own under SCHED_FIFO: else its jitter would look like a driver's losses. Where the machine still let it
play an edge late, it says by how much on standard output: `MS` by line.
"""

import os
import selectors
import sys
import time
from collections import deque

LATE_NS = 2_000_000  # a pulse of 45 ms may be off by 20 %, of which bounces and the coin itself take half
PRIORITY = 40  # below the threads of interrupts (50), which tell the edges that are played here
BOUNCE_NS = 5_000_000
SPIN_NS = 300_000  # sleep until so much before, then look at the clock


def main(files: list[str]) -> None:
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
    pulls = [os.open(name, os.O_WRONLY) for name in files]
    told = selectors.DefaultSelector()
    told.register(0, selectors.EVENT_READ)
    waiting: deque[tuple[int, int, int]] = deque()
    half = b""
    more = True
    last_due_ns = last_ns = 0
    while more or waiting:
        left_s = (waiting[0][0] - SPIN_NS - time.monotonic_ns()) / 1e9 if waiting else None
        if more and (left_s is None or left_s > 0) and told.select(left_s):
            came = os.read(0, 65536)
            more = bool(came)
            *lines, half = (half + came).split(b"\n")
            for line in lines:
                due_ns, number, level = line.split()
                waiting.append((int(due_ns), int(number), int(level)))
            continue
        if not more and left_s is not None and left_s > 0:
            time.sleep(left_s)
        if waiting and waiting[0][0] - SPIN_NS <= time.monotonic_ns():
            due_ns, number, level = waiting.popleft()
            after_ns = due_ns - last_due_ns
            # bounces keep their distances also when they are late: together they would be other bounces
            at_ns = max(due_ns, last_ns + after_ns) if after_ns < BOUNCE_NS else due_ns
            last_due_ns = due_ns
            while (last_ns := time.monotonic_ns()) < at_ns:
                pass
            os.pwrite(pulls[number], b"pull-up" if level else b"pull-down", 0)
            late_ns = time.monotonic_ns() - due_ns
            if late_ns > LATE_NS:
                print(late_ns // 1_000_000, flush=True)


main(sys.argv[1:])
