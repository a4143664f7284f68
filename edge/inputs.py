"""What the customer does, in one line: strokes of the pen, coins credited, and the camera's word that all is well.

The daemon's loops put in, the one visit takes out. Nothing is kept while nobody is here but a first touch.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hw.cabin import PenSample


@dataclass(frozen=True)
class Stroke:
    """From the first contact to the lift, the lifting sample left out."""

    samples: tuple[PenSample, ...]

    @property
    def ended(self) -> tuple[PenSample, ...]:
        """Its samples and one that lifts the pen: strokes laid end to end stay apart."""
        return (*self.samples, replace(self.samples[-1], contact=False))


@dataclass(frozen=True)
class Credited:
    """A coin is in the ledger, which knows the sum."""


@dataclass(frozen=True)
class AllWell:
    """The guidance of one mirror (by its number) found nothing to mend for a moment: the shutter may go."""

    mirror: int


@dataclass(frozen=True)
class GateMoved:
    """A condition before taking money changed."""


Input = Stroke | Credited | AllWell | GateMoved


class Inputs:
    def __init__(self) -> None:
        self._queue: asyncio.Queue[Input] = asyncio.Queue()

    def put(self, item: Input) -> None:
        self._queue.put_nowait(item)

    async def next(self, *, within_s: float | None = None) -> Input:
        """The next input. TimeoutError after `within_s` seconds without one."""
        async with asyncio.timeout(within_s):
            return await self._queue.get()

    def forget(self) -> None:
        """Drops what was put in before: a new visit does not begin with the last one's strokes."""
        while not self._queue.empty():
            self._queue.get_nowait()


class StrokeCollector:
    """Samples in, whole strokes out: from the first contact to the lift."""

    def __init__(self) -> None:
        self._samples: list[PenSample] = []

    def add(self, sample: PenSample) -> Stroke | None:
        """The stroke that this sample ends, if it ends one."""
        if sample.contact:
            self._samples.append(sample)
            return None
        return self.lift()

    def lift(self) -> Stroke | None:
        """Ends the stroke as it is (the pen was unplugged)."""
        samples: Sequence[PenSample] = self._samples
        self._samples = []
        return Stroke(tuple(samples)) if samples else None
