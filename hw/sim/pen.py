"""The simulated pen: it taps, draws given strokes, and signs as a recorded hand did."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Sequence
from importlib.resources import files

from hw.cabin import DeviceMissing, Health, PenSample, Status
from hw.feed import Feed
from hw.sim.journal import Journal

Stroke = Sequence[tuple[float, float, float, float]]
"""(x_mm, y_mm, t_s, pressure 0…1) of each sample; times count from the first stroke's beginning."""

SAMPLE_S = 0.005  # 200 reports a second
TAP_S = 0.08


def recorded(name: str = "signature") -> tuple[float, float, list[list[tuple[float, float, float, float]]]]:
    """(width_mm, height_mm, strokes) of a signature recorded under data/."""
    data = json.loads(files("hw.sim").joinpath(f"data/{name}.json").read_text("utf-8"))
    strokes = [[(x, y, t_ms / 1000, p) for x, y, t_ms, p in stroke] for stroke in data["strokes"]]
    return data["width_mm"], data["height_mm"], strokes


class SimPen:
    """Pen protocol and its bench verbs."""

    VERBS = frozenset({"tap", "draw", "sign", "unplug", "replug"})

    def __init__(self, rng: random.Random, journal: Journal, pad_mm: tuple[float, float]) -> None:
        self._loop = asyncio.get_running_loop()
        self._rng = rng
        self._journal = journal
        self.width_mm, self.height_mm = pad_mm
        self._feed: Feed[PenSample] = Feed()
        self._plug = asyncio.Event()
        self._plug.set()
        self._hand = asyncio.Lock()  # there is one pen

    # --- the device

    def status(self) -> Status:
        return Status(Health.WELL) if self._plug.is_set() else Status(Health.FAULTY, "unplugged")

    def samples(self) -> AsyncIterator[PenSample]:
        reader = self._feed.reader()
        if not self._plug.is_set():
            self._feed.end_one(reader, DeviceMissing("pen", "unplugged"))
        return reader

    async def plugged_in(self) -> None:
        """Back when the pen is there again."""
        await self._plug.wait()

    # --- the bench

    async def tap(self, x_mm: float, y_mm: float) -> None:
        """A short touch, as a finger-tip's tremor makes it."""
        strokes = []
        for step in range(int(TAP_S / SAMPLE_S) + 1):
            pressure = 0.15 + 0.35 * min(1.0, step / 5)
            x, y = x_mm + self._rng.gauss(0, 0.05), y_mm + self._rng.gauss(0, 0.05)
            strokes.append((x, y, step * SAMPLE_S, pressure))
        await self.draw([strokes])

    async def draw(self, strokes: Sequence[Stroke], broken: int | None = None) -> None:
        """These strokes, at their times. In stroke number `broken` some samples are lost in its middle."""
        async with self._hand:
            began_s = self._loop.time()
            for number, stroke in enumerate(strokes):
                lost = range(len(stroke) // 3, 2 * len(stroke) // 3) if number == broken else range(0)
                x = y = t = 0.0
                for at, (x, y, t, pressure) in enumerate(stroke):
                    await _until(self._loop, began_s + t)
                    if at == 0:
                        self._journal.note("pen.touched", x_mm=round(x, 2), y_mm=round(y, 2))
                    if at not in lost:
                        self._put(x, y, pressure, began_s + t, broken=bool(lost) and at >= lost.stop)
                t += SAMPLE_S
                await _until(self._loop, began_s + t)
                self._put(x, y, 0.0, began_s + t, contact=False, broken=bool(lost))

    async def sign(self, x_mm: float, y_mm: float, width_mm: float, height_mm: float, name: str = "signature") -> None:
        """The recorded signature, as large as fits into four fifths of this field."""
        wide, high, strokes = recorded(name)
        scale = 0.8 * min(width_mm / wide, height_mm / high)
        left, top = x_mm + (width_mm - wide * scale) / 2, y_mm + (height_mm - high * scale) / 2
        await self.draw([[(left + x * scale, top + y * scale, t, p) for x, y, t, p in stroke] for stroke in strokes])

    async def unplug(self) -> None:
        self._plug.clear()
        self._journal.note("pen.fault", fault="unplugged")
        self._feed.end(DeviceMissing("pen", "unplugged"))

    async def replug(self) -> None:
        self._plug.set()
        self._journal.note("pen.fault", fault="")

    # --- inside

    def _put(
        self, x: float, y: float, pressure: float, at_s: float, *, contact: bool = True, broken: bool = False
    ) -> None:
        if self._plug.is_set():
            self._feed.put(PenSample(x, y, pressure, int(at_s * 1e9), contact, broken))


async def _until(loop: asyncio.AbstractEventLoop, at_s: float) -> None:
    await asyncio.sleep(max(0.0, at_s - loop.time()))
