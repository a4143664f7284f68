"""Plays trains of edges on simulated GPIO lines, and says when each edge was really played.

    python -m bench.devices._pulses PULL_FILE…       # input: lines `DUE_NS FILE_NUMBER LEVEL`, in order for each file
                                                     # output: for each the time just before and just after, ns

A process of its own under SCHED_FIFO: else its jitter would look like a driver's losses. Where the machine under it
stands still, a line goes on from there with its own widths: nothing is made shorter to catch up.
"""

import heapq
import os
import sys
import time

CPU = 0
SPIN_NS = 200_000  # sleep until so much before, then look at the clock


def main(files: list[str]) -> None:
    os.sched_setaffinity(0, {CPU})
    # below the kernel's own interrupt threads (50), which read the level of an edge: on a Pi nothing holds them up
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(40))
    pulls = [os.open(name, os.O_WRONLY) for name in files]
    edges = [tuple(map(int, line.split())) for line in sys.stdin]
    lines: list[list[int]] = [[] for _ in files]
    for number, (_, line, _level) in reversed(list(enumerate(edges))):
        lines[line].append(number)
    waiting = [(edges[numbers[-1]][0], line) for line, numbers in enumerate(lines) if numbers]
    heapq.heapify(waiting)
    played = [(0, 0)] * len(edges)
    while waiting:
        due_ns, line = heapq.heappop(waiting)
        while (left_ns := due_ns - time.monotonic_ns()) > 0:
            if left_ns > SPIN_NS:
                time.sleep((left_ns - SPIN_NS) / 1e9)
        number = lines[line].pop()
        before_ns = time.monotonic_ns()
        os.pwrite(pulls[line], b"pull-up" if edges[number][2] else b"pull-down", 0)
        after_ns = time.monotonic_ns()
        played[number] = (before_ns, after_ns)
        if lines[line]:
            heapq.heappush(waiting, (after_ns + edges[lines[line][-1]][0] - edges[number][0], line))
    for before_ns, after_ns in played:
        print(before_ns, after_ns)


if __name__ == "__main__":
    main(sys.argv[1:])
