"""What the idle daemon costs: memory (PSS), processor, and its start, beside a bare Python with numpy and Pillow.

    python -m bench.idle [--seconds 30]

The real `booth run` on a real broker, face models loaded, nobody in the cabin; the simulated cabin is not counted: a
real booth has none. Goals (issue "The first whole visit"): ≤ 100 MB, ≤ 1 % of one core, ready ≤ 2 s.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from demo import broker as brokers
from demo.installation import Installation

GOOD = Path(__file__).parent.parent / "demo" / "pictures" / "good.jpg"
BARE = "import numpy, PIL.Image, sys; print('ready', flush=True); sys.stdin.read()"


def pss_mb(pid: int) -> float:
    """Proportional set size of a process and its children, MB."""
    total = 0.0
    for each in [pid, *children(pid)]:
        for line in Path(f"/proc/{each}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) / 1000
    return total


def children(pid: int) -> list[int]:
    return [int(c) for c in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def cpu_s(pid: int) -> float:
    """Processor seconds used so far, user and system, children included."""
    total = 0
    for each in [pid, *children(pid)]:
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=30.0, help="how long the idle daemon is watched (30)")
    args = parser.parse_args()
    print(f"watching for {args.seconds:g} s …", flush=True)

    began = time.monotonic()
    bare = subprocess.Popen([sys.executable, "-c", BARE], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert bare.stdout is not None
    bare.stdout.readline()
    bare_s, bare_mb = time.monotonic() - began, pss_mb(bare.pid)
    bare.communicate()

    with tempfile.TemporaryDirectory() as name, brokers.start(brokers.available()[0], Path(name) / "broker") as broker:
        installation = Installation(Path(name) / "i", broker.url)
        try:
            installation.start_fleet()
            installation.start_cabin([GOOD])
            began = time.monotonic()
            booth = installation.start_booth()
            ready_s = time.monotonic() - began
            time.sleep(3)
            used_s, at = cpu_s(booth.pid), time.monotonic()
            time.sleep(args.seconds)
            share = (cpu_s(booth.pid) - used_s) / (time.monotonic() - at)
            idle_mb = pss_mb(booth.pid)
        finally:
            installation.stop()

    print(f"{'':24}{'daemon':>10}{'bare':>10}{'ratio':>8}   goal")
    print(f"{'memory, PSS':24}{idle_mb:>7.1f} MB{bare_mb:>7.1f} MB{idle_mb / bare_mb:>8.2f}   100 MB")
    print(f"{'start to ready':24}{ready_s:>8.2f} s{bare_s:>8.2f} s{ready_s / bare_s:>8.2f}   2 s")
    print(f"{'processor, idle':24}{share * 100:>8.2f} %{0:>8} %{'':8}   1 % of one core")


if __name__ == "__main__":
    main()
