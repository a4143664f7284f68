"""The customer of the moment: what is tapped, in which language, and since when nothing came."""

import asyncio
from collections.abc import Awaitable, Callable

from hw.cabin import Health

from .booth import Booth
from .config import Service
from .fields import tapped
from .inputs import Credited, GateMoved, Input, Stroke, Unclear
from .ledger_values import Claim, OpenVisit

DEAD_S = 0.4
"""A tap that begins sooner after a step is shown does not answer it: it is the second of a double tap on the last one.
Nobody reads a sentence in less."""
LOOK_S = 1.0
"""Between two looks at a device that is waited for."""


class CustomerCancelled(Exception):
    """`cancel` was tapped."""


class CustomerLeft(Exception):
    """No input for the configured time."""


class NotServed(Exception):
    """What was paid for cannot be made: no passing shot, or a device that did not come back."""


class Customer:
    """`unclear`: claims for unclear coins that the customer has not been told of yet."""

    def __init__(self, booth: Booth, open_visit: OpenVisit, first: Input | None) -> None:
        self.booth = booth
        self.number = open_visit.number
        self.resumed = open_visit
        self.service = booth.config.service(open_visit.service)
        self.unclear: list[Claim] = []
        self._first = first
        self._pen_shown = True
        self._shown_s = 0.0
        self.seen()
        booth.guide.speak(open_visit.language or "fr")

    def seen(self) -> None:
        """The customer is here now: the time without input counts from here."""
        self._seen_s = asyncio.get_running_loop().time()

    async def input(self, *, within_s: float | None = None) -> Input:
        """The next input; CustomerLeft after the configured time without one of the customer's, TimeoutError after
        `within_s`. Nobody leaves whose pen is gone: NotServed then."""
        left_s = self._seen_s + self.booth.config.visit.idle_s - asyncio.get_running_loop().time()
        try:
            return await self._take(max(0.0, left_s if within_s is None else min(left_s, within_s)))
        except TimeoutError:
            if within_s is not None and within_s < left_s:
                raise
            raise (CustomerLeft if self.pen_there else NotServed) from None

    async def _take(self, within_s: float) -> Input:
        given, self._first = self._first, None
        if given is None:
            given = await self.booth.inputs.next(within_s=within_s)
        if isinstance(given, Unclear):
            self.unclear.append(given.claim)
        if isinstance(given, Stroke | Credited | Unclear):
            self.seen()
        return given

    @property
    def pen_there(self) -> bool:
        return self.booth.cabin.pen.status().health is Health.WELL

    def field(self, given: Input) -> str | None:
        """The field that an input taps. CustomerCancelled for `cancel`; `language` turns the language."""
        if not isinstance(given, Stroke):
            return None
        name = tapped(self.booth.fields, given.samples)
        if name == "cancel":
            raise CustomerCancelled
        if name == "language":
            self.booth.guide.speak(self.booth.guide.other_language())
            self._remember()
        return name

    def choose(self, service: Service) -> None:
        self.service = service
        self._remember()

    def _remember(self) -> None:
        if self.service is not None:
            self.booth.ledger.choose(self.number, language=self.booth.guide.language, service=self.service.id)

    async def tap(self, show: Callable[[], Awaitable[None]], *names: str, within_s: float | None = None) -> str:
        """Shows a step and waits for one of the named fields; anything else is let pass."""
        await self.display(show)
        while True:
            given = await self.input(within_s=within_s)
            name = self.field(given)
            if name in names and not self._too_soon(given):
                return name
            await self.keep_shown(given, name, show)

    async def display(self, show: Callable[[], Awaitable[None]]) -> None:
        """Shows a step that only the pen leads out of; without the pen, that it is waited for."""
        self._pen_shown = self.pen_there
        await (show() if self._pen_shown else self.booth.guide.show("wait_pen"))
        self._shown_s = asyncio.get_running_loop().time()

    def _too_soon(self, given: Input) -> bool:
        """Both clocks are CLOCK_MONOTONIC: the loop's, and the one that stamps the pen's samples."""
        return isinstance(given, Stroke) and given.samples[0].at_ns / 1e9 < self._shown_s + DEAD_S

    async def keep_shown(self, given: Input, name: str | None, show: Callable[[], Awaitable[None]]) -> None:
        """A step that goes on is shown anew in another language, and when the pen goes or comes back."""
        if name == "language" or (isinstance(given, GateMoved) and self.pen_there is not self._pen_shown):
            await self.display(show)

    async def until(self, show: Callable[[], Awaitable[None]], ready: Callable[[], Awaitable[bool]]) -> None:
        """Waits until a device is back, which is asked itself; `cancel` works meanwhile. NotServed if it stays away."""
        if await ready():
            return
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.booth.config.visit.printer_back_s
        await show()
        while not await ready():
            if loop.time() >= deadline:
                raise NotServed
            try:
                if self.field(await self._take(LOOK_S)) == "language":
                    await show()
            except TimeoutError:
                continue
        self.seen()
