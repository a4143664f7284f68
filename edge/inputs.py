"""What the customer does, in one line: strokes of the pen, coins credited, and the camera's word that all is well.

The daemon's loops put in, the one visit takes out. Nothing is kept while nobody is here but a first touch and a claim
that nobody has been told of.
"""

import asyncio
from dataclasses import dataclass, replace

from hw.cabin import PenSample

from .ledger_values import Claim


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
class Unclear:
    """A signal that was not clearly a coin: the customer is to be told of its claim."""

    claim: Claim


@dataclass(frozen=True)
class AllWell:
    """The guidance of one mirror (by its number) found nothing to mend for a moment: the shutter may go."""

    mirror: int


@dataclass(frozen=True)
class GateMoved:
    """A condition before taking money changed."""


Input = Stroke | Credited | Unclear | AllWell | GateMoved


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
        """Drops what was put in before: a new visit does not begin with the last one's strokes. Claims stay."""
        before = [self._queue.get_nowait() for _ in range(self._queue.qsize())]
        for item in before:
            if isinstance(item, Unclear):
                self._queue.put_nowait(item)


class StrokeCollector:
    """Samples in, whole strokes out: from the first contact to the lift."""

    def __init__(self) -> None:
        self._samples: list[PenSample] = []

    def add(self, sample: PenSample) -> Stroke | None:
        """The stroke that this sample ends, if it ends one."""
        if sample.contact:
            self._samples.append(sample)
            return None
        return self._end(broken=sample.broken)

    def cut(self) -> Stroke | None:
        """The pen is gone: ends the stroke, which has lost its end."""
        return self._end(broken=True)

    def _end(self, *, broken: bool) -> Stroke | None:
        samples, self._samples = self._samples, []
        if samples and broken:
            samples[-1] = replace(samples[-1], broken=True)
        return Stroke(tuple(samples)) if samples else None
