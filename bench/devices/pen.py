"""The pen's loop: strokes on a tablet that the kernel simulates, with unplugs, a loop and a process that stand still.

    python -m bench.devices pen --rounds 1000 --state FILE      # as root, where /dev/uinput is: in the rig

A round is one stroke and a tap after it. Promised: every sample in order, or the stroke marked broken; the tap whole.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from multiprocessing.connection import Connection
from pathlib import Path

from bench.devices._hand import PRESSURES, UNITS_PER_MM, Point, hand
from edge.inputs import Stroke, StrokeCollector
from hw import settings
from hw.cabin import DeviceError, Health, PenSample
from hw.pen import EvdevPen, open_pen

FAULTS = {"none": 50, "loop still": 20, "process still": 15, "unplugged": 15}  # of 100 rounds
LATE_S = 30.0


class Pad:
    """The driver under test and the hand that draws for it."""

    def __init__(self, pen: EvdevPen, orders: Connection) -> None:
        self.pen = pen
        self._orders = orders
        self._samples: AsyncIterator[PenSample] = pen.samples()
        self._strokes = StrokeCollector()

    async def draw(self, points: list[Point], *, unplug_at: int | None = None, still: range = range(0)) -> None:
        await self._do("draw", points, unplug_at, still)

    async def plug(self) -> None:
        """Back when the driver has it again, by itself."""
        await self._do("plug")
        while self.pen.status().health is not Health.WELL:  # noqa: ASYNC110  a status has no event
            await asyncio.sleep(0.02)
        self._samples = self.pen.samples()

    async def stroke(self) -> Stroke | None:
        """The next stroke as a visit gets it; None where the pen went without one."""
        try:
            async for sample in self._samples:
                if (stroke := self._strokes.add(sample)) is not None:
                    return stroke
        except DeviceError:
            return self._strokes.cut()
        raise AssertionError("the samples ended without an error")

    async def _do(self, *order: object) -> None:
        self._orders.send(order)
        await asyncio.to_thread(self._orders.recv)


def drawn(rng: random.Random) -> list[Point]:
    """Hovering, a stroke, hovering; no two reports alike, since the kernel tells only what changes."""
    x, y = rng.randrange(2000, 12000), rng.randrange(2000, 7000)
    points = []
    down = rng.randrange(20, 120)
    for number in range(-rng.randrange(1, 20), down + rng.randrange(1, 20)):
        x, y = x + rng.choice((-7, -3, 2, 5, 9)), y + rng.choice((-8, -2, 3, 6))
        points.append((x, y, rng.randrange(500, PRESSURES) if 0 <= number < down else 0))
    return points


def raw(sample: PenSample) -> Point:
    place = round(sample.x_mm * UNITS_PER_MM), round(sample.y_mm * UNITS_PER_MM)
    return *place, round(sample.pressure * PRESSURES)


def judged(told: list[Stroke], points: list[Point]) -> str:
    """`whole`, `broken` (also where nothing of it came but a broken one), or what is wrong."""
    written = [point for point in points if point[2] > 0]
    broken = [stroke for stroke in told if any(sample.broken for sample in stroke.samples)]
    times = [sample.at_ns for stroke in told for sample in stroke.samples]
    if times != sorted(times):
        return "WRONG: out of order"
    if broken:
        return "broken"
    if not written and not told:
        return "not begun"
    if [[raw(sample) for sample in stroke.samples] for stroke in told] == [written]:
        return "whole"
    return f"WRONG: {sum(len(stroke.samples) for stroke in told)} of {len(written)} samples and not marked"


async def one_round(pad: Pad, rng: random.Random, number: int) -> tuple[str, str, int]:
    """(fault, what the strokes became, samples drawn)."""
    (fault,) = rng.choices(list(FAULTS), list(FAULTS.values()))
    points = drawn(rng)
    begin = rng.randrange(len(points))
    told: list[Stroke] = []
    if fault == "unplugged":
        await pad.draw(points, unplug_at=begin)
        while (stroke := await pad.stroke()) is not None:
            told.append(stroke)
            if any(sample.broken for sample in stroke.samples):
                break
        await pad.plug()
        became = judged(told, points[:begin])
        if became == "whole" and begin and points[begin - 1][2] > 0:
            became = "WRONG: cut, and not marked"
    elif fault == "process still":
        await pad.draw(points, still=range(begin, rng.randrange(begin, len(points)) + 1))
    elif fault == "loop still":
        drawing = asyncio.create_task(pad.draw(points))
        await asyncio.sleep(rng.uniform(0, 0.1))
        time.sleep(rng.uniform(0.5, 2.0))  # noqa: ASYNC251  the loop stands still, as while a card writes
        await drawing
    else:
        await pad.draw(points)
    mark = 100 + number % 1000  # no stroke comes near: the tap ends the round, and must be whole
    await pad.draw([(mark, 50, 0), (mark, 51, 900), (mark, 52, 901), (mark, 53, 0)])
    while (stroke := await pad.stroke()) is not None:
        if raw(stroke.samples[0])[:2] == (mark, 51):
            break
        told.append(stroke)
    if stroke is None or [raw(s) for s in stroke.samples] != [(mark, 51, 900), (mark, 52, 901)]:
        return fault, "WRONG: the tap after it was not whole", len(points)
    if stroke.samples[-1].broken:
        return fault, "WRONG: the tap after it was marked broken", len(points)
    if fault != "unplugged":
        became = judged(told, points)
    return fault, became, len(points)


async def run(chosen: argparse.Namespace) -> int:
    state = {"rounds": 0, "became": {}}
    if chosen.state and chosen.state.exists():
        state = json.loads(chosen.state.read_text("utf-8"))
    became: Counter[str] = Counter(state["became"])
    spawn = multiprocessing.get_context("spawn")
    orders, theirs = spawn.Pipe()
    child = spawn.Process(target=hand, args=(theirs, os.getpid(), 1 / chosen.reports), daemon=True)
    child.start()
    async with open_pen(settings.EvdevPen()) as pen:
        async with asyncio.timeout(LATE_S):
            while pen.status().health is not Health.WELL:  # noqa: ASYNC110  a status has no event
                await asyncio.sleep(0.1)
        print(f"the pen: {pen.status().why}")
        pad = Pad(pen, orders)
        for number in range(state["rounds"], chosen.rounds):
            rng = random.Random(chosen.seed * 1_000_003 + number)
            try:
                async with asyncio.timeout(LATE_S):
                    fault, outcome, samples = await one_round(pad, rng, number)
            except TimeoutError:
                print(f"{number + 1}: WRONG: nothing came for {LATE_S:.0f} s")
                return 1
            became[f"{fault}: {outcome}"] += 1
            print(f"{number + 1}: {fault}, {samples} reports: {outcome}", flush=True)
            if chosen.state:
                chosen.state.write_text(json.dumps({"rounds": number + 1, "became": became}), "utf-8")
        cpu_s = time.process_time()
        reports = 2000
        await pad.draw([(2000 + n % 9000, 3000 + n % 7, 0) for n in range(reports)])
        busy_us = (time.process_time() - cpu_s) / reports * 1e6
    orders.close()
    child.join()
    print(f"\n{chosen.rounds} strokes at up to {chosen.reports} reports a second")
    for what, count in sorted(became.items()):
        print(f"  {count:6d}  {what}")
    print(f"{busy_us:.0f} µs of the processor a report")
    return int(any("WRONG" in what for what in became))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.devices pen", description=__doc__)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--state", type=Path, help="a file that lets a run go on where the last one ended")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--reports", type=int, default=200, help="a second, as a tablet sends them")
    return asyncio.run(run(parser.parse_args(arguments)))
