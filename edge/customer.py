"""The customer of the moment: what is tapped, in which language, and since when nothing came."""

import asyncio
from collections.abc import Callable

from .booth import Booth
from .fields import tapped
from .inputs import Input, Stroke
from .ledger import OpenVisit


class CustomerCancelled(Exception):
    """`cancel` was tapped."""


class CustomerLeft(Exception):
    """No input for the configured time."""


class NotServed(Exception):
    """What was paid for cannot be made: no passing shot, or a device that did not come back."""


class Customer:
    def __init__(self, booth: Booth, open_visit: OpenVisit, first: Input | None) -> None:
        self.booth = booth
        self.number = open_visit.number
        self.resumed = open_visit
        self._first = first
        booth.guide.speak(open_visit.language or "fr")

    async def input(self, *, within_s: float | None = None) -> Input:
        """The next input; CustomerLeft after the configured time without one, TimeoutError after `within_s`."""
        if self._first is not None:
            first, self._first = self._first, None
            return first
        idle_s = self.booth.config.visit.idle_s
        try:
            return await self.booth.inputs.next(within_s=min(idle_s, within_s) if within_s else idle_s)
        except TimeoutError:
            if within_s is not None and within_s < idle_s:
                raise
            raise CustomerLeft from None

    def field(self, given: Input) -> str | None:
        """The field that an input taps. CustomerCancelled for `cancel`; `language` turns the language."""
        if not isinstance(given, Stroke):
            return None
        name = tapped(self.booth.fields, given.samples)
        if name == "cancel":
            raise CustomerCancelled
        if name == "language":
            self.booth.guide.speak(self.booth.guide.other_language())
        return name

    async def tap(self, *names: str, within_s: float | None = None) -> str:
        """Waits for one of the named fields; anything else is let pass."""
        while True:
            name = self.field(await self.input(within_s=within_s))
            if name in names:
                return name

    async def until(self, holds: Callable[[], bool]) -> None:
        """Waits until the gate tells that a device is back; `cancel` works meanwhile. NotServed if it stays away."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.booth.config.visit.printer_back_s
        while not holds():
            try:
                self.field(await self.booth.inputs.next(within_s=max(0.0, deadline - loop.time())))
            except TimeoutError:
                raise NotServed from None
