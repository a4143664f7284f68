"""Puts the rooms together and keeps them alive: coins, pen, gate, visits, uplink, health, watchdog.

Every task stands in one TaskGroup: one that dies takes the daemon down, systemd starts it again, and it resumes by the
ledger. It looks before it acts: what a kill left open is settled before the first coin is taken.
"""

import asyncio
import logging
import sqlite3
from contextlib import suppress

from hw.cabin import (
    Coin,
    CoinEvent,
    DeviceError,
    Glitch,
    Health,
    Paper,
    PrinterStatus,
    Status,
    TrainOpened,
    UnclearCoin,
)

from .booth import Booth
from .handover import hand_over, tell_claim
from .health import disk_free_mb, health, keep
from .inputs import Credited, GateMoved, Input, Stroke, StrokeCollector, Unclear
from .ledger_values import Claim
from .uplink.uplink import Uplink
from .visit import visit
from .watchdog import Watchdog

log = logging.getLogger("booth")

AT_ONCE = ("camera", "lights", "pen", "coins", "panel")
"""Devices that tell their status without being asked for it; only the printer must be."""
LOOK_S = 1.0
"""Between two looks at the gate; the acceptor is enabled for ACCEPT_S from each."""
ACCEPT_S = 3.0
PRINTER_LOOKS = 5
"""The printer is asked at every fifth look while nobody is here: a status request wakes some models' fans."""
PRINTER_S = 1.5
"""For its answer; one look must end well before the lamps fall back, and before the acceptor closes by itself."""
LEDGER_LOOKS = 60
"""A test write each minute: more would wear the card."""
HEALTH_S = 60.0
TAIL_S = 5.0
"""A signal that was cut by a kill is over so soon after the start: the longest train lasts 1 s."""
BACK_S = 1.0
"""Between two tries to read a device that is gone."""


class Daemon:
    def __init__(self, booth: Booth, uplink: Uplink, watchdog: Watchdog) -> None:
        self._booth = booth
        self._uplink = uplink
        self._watchdog = watchdog
        self._busy = False
        self._untold: list[Claim] = []
        self._cut_trains = 0
        self._tails_until_s = 0.0
        self._printer: asyncio.Future[PrinterStatus] | None = None  # asked, and nothing has come yet
        self._report = asyncio.Event()
        self._started_s = booth.clock.boottime_s()

    async def run(self) -> None:
        """Runs until cancelled, or until one of its parts fails."""
        self._cut_trains = self._booth.ledger.open_trains()
        self._tails_until_s = asyncio.get_running_loop().time() + TAIL_S
        for found in self._booth.ledger.recover():
            log.warning("after a restart: %s", found.what)
            if found.claim is not None:
                self._untold.append(found.claim)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._coins(), name="coins")
            tasks.create_task(self._pen(), name="pen")
            await self._look(first=True)
            tasks.create_task(self._gate(), name="gate")
            tasks.create_task(self._uplink.run(), name="uplink")
            tasks.create_task(self._health(), name="health")
            tasks.create_task(self._days(), name="days")
            tasks.create_task(self._visits(), name="visits")
            self._watchdog.ready()
            log.info("ready; the gate is %s", "open" if self._booth.gate.open else self._closed())

    # --- the devices' streams ----------------------------------------------------------------------------------

    async def _coins(self) -> None:
        """Every coin event into the ledger, in order, whatever else happens."""
        while True:
            with suppress(DeviceError):  # its own status closes the gate, and is told there
                async for event in self._booth.cabin.coins.events():
                    self._coin(event)
            await asyncio.sleep(BACK_S)

    def _coin(self, event: CoinEvent) -> None:
        ledger = self._booth.ledger
        match event:
            case TrainOpened(train=train):
                ledger.train_opened(train)
            case Coin(train=train, cents=cents):
                ledger.coin(train, cents)
                self._booth.inputs.put(Credited())
            case UnclearCoin(train=train, tail=True) if self._told_before():
                ledger.glitch(train)
            case UnclearCoin(train=train, why=why, edges=edges):
                claim = ledger.unclear_coin(train, why, [(edge.line, edge.rising, edge.at_ns) for edge in edges])
                log.warning("unclear coin: %s", why)
                if claim is not None:
                    self._booth.inputs.put(Unclear(claim))
            case Glitch(train=train):
                ledger.glitch(train)

    def _told_before(self) -> bool:
        """Whether a signal's rest is that of a train which was found open at the start, and is its one unclear coin
        already."""
        if self._cut_trains == 0 or asyncio.get_running_loop().time() > self._tails_until_s:
            return False
        self._cut_trains -= 1
        return True

    async def _pen(self) -> None:
        """Strokes to the visit; a stroke cut by an unplug is a broken one."""
        strokes = StrokeCollector()
        while True:
            with suppress(DeviceError):
                async for sample in self._booth.cabin.pen.samples():
                    if (stroke := strokes.add(sample)) is not None:
                        self._booth.inputs.put(stroke)
            if (stroke := strokes.cut()) is not None:
                self._booth.inputs.put(stroke)
            await asyncio.sleep(BACK_S)

    # --- the gate ----------------------------------------------------------------------------------------------

    async def _gate(self) -> None:
        """Looks at every condition, renews acceptor and lamps, and tells the watchdog that all this still happens."""
        looks = 0
        try:
            while True:
                await asyncio.sleep(LOOK_S)
                looks += 1
                await self._look(printer=self._busy or looks % PRINTER_LOOKS == 0, ledger=looks % LEDGER_LOOKS == 0)
                if self._booth.host is not None and self._booth.host.look():
                    self._report.set()
                await self._booth.guide.renew()  # at the door, too: a closed booth must not look open
                self._watchdog.alive()
        finally:
            if self._printer is not None:
                self._printer.cancel()

    async def _look(self, *, first: bool = False, printer: bool = False, ledger: bool = False) -> None:
        booth = self._booth
        seen = {name: _known(getattr(booth.cabin, name).status()) for name in AT_ONCE}
        if first or printer or self._printer is not None:
            status = await self._ask_printer()
            seen["printer"] = _known(Status(status.health, status.why))
            seen["paper"] = _paper(status.paper)
        if first or ledger:
            seen["ledger"] = (booth.ledger.writable(), "a test write failed")
        gate = booth.config.gate
        free_mb, outbox_mb = disk_free_mb(booth), booth.ledger.outbox.stats()["bytes"] // 1_000_000
        seen["disk"] = (free_mb >= gate.disk_free_mb, f"{free_mb} MB free, {gate.disk_free_mb} needed")
        seen["outbox"] = (outbox_mb < gate.outbox_mb, f"{outbox_mb} MB wait, {gate.outbox_mb} allowed")
        seen["clock"] = (booth.clock.trusted(), f"not trusted by {booth.config.booth.clock}")
        seen["enabled"] = (True, "")
        changed = booth.gate.update(seen, booth.clock.now())
        self._tell()
        if changed:
            log.info("the gate is %s", "open" if booth.gate.open else self._closed())
            booth.inputs.put(GateMoved())
            self._report.set()
        await self._acceptor()

    async def _ask_printer(self) -> PrinterStatus:
        """What the printer says. One that takes long (a reset, a call that hangs) holds up nobody, and is not known."""
        if self._printer is None:
            self._printer = asyncio.ensure_future(self._booth.cabin.printer.status())
        await asyncio.wait({self._printer}, timeout=PRINTER_S)
        if not self._printer.done():
            return PrinterStatus(Health.UNKNOWN, Paper.UNKNOWN, f"says nothing within {PRINTER_S:g} s")
        answered, self._printer = self._printer, None
        return answered.result()

    async def _acceptor(self) -> None:
        booth = self._booth
        try:
            if booth.gate.open and booth.wants_coins:
                await booth.cabin.coins.accept(for_s=ACCEPT_S)
            else:
                await booth.cabin.coins.refuse()
        except DeviceError as error:
            log.debug("%s", error)  # its own status closes the gate

    def _tell(self) -> None:
        """What closes the gate, into the log."""
        for name, condition in self._booth.gate.news():
            if condition.ok is True:
                log.info("%s: well again", name)
            else:
                log.warning("%s: %s", name, condition.why)

    def _closed(self) -> str:
        return "closed by " + ", ".join(self._booth.gate.closed_by)

    # --- visits ------------------------------------------------------------------------------------------------

    async def _visits(self) -> None:
        """One customer after another; first what is owed from before."""
        booth = self._booth
        self._busy = True
        for claim in self._untold:
            if claim.cents is None:
                booth.inputs.put(Unclear(claim))  # the visit that goes on, or begins for it, tells
            else:
                await tell_claim(booth, "claim", claim, on_paper=False)
        while True:
            self._busy = True
            for owed in booth.ledger.owed_tickets():
                log.info("a ticket is owed from before; printing it with empty frames")
                await hand_over(booth, owed, None)
            if booth.ledger.visit() is not None:
                await self._serve(None)
            self._busy = False
            await self._serve(await self._first_touch())

    async def _first_touch(self) -> Input | None:
        """Waits at the door. No frame is looked at before this returns."""
        booth = self._booth
        booth.inputs.forget()
        while True:
            booth.wants_coins = booth.gate.open
            await booth.guide.door(booth.gate.closed_by)
            await self._acceptor()
            given = await booth.inputs.next()
            if isinstance(given, Credited):
                return None
            if isinstance(given, Unclear):
                return given
            if isinstance(given, Stroke) and booth.gate.open:
                return given

    async def _serve(self, first: Input | None) -> None:
        self._busy = True
        outcome = await visit(self._booth, first)
        log.info("a visit ended: %s", outcome)
        self._report.set()

    # --- reports -----------------------------------------------------------------------------------------------

    async def _health(self) -> None:
        while True:
            self._report.clear()
            if self._booth.host is not None:
                await self._booth.host.ask_modem()
            report = health(self._booth, self._uplink, self._started_s)
            self._uplink.health(report)
            try:
                keep(self._booth, report)
            except OSError as error:  # a technician's command goes without: the booth does not
                log.warning("health: no report is laid down for `booth status`: %s", error)
            try:
                async with asyncio.timeout(HEALTH_S):
                    await self._report.wait()
            except TimeoutError:
                continue

    async def _days(self) -> None:
        """Daily counts leave once the day is over."""
        while True:
            try:
                self._booth.ledger.report_days_before(self._booth.clock.now().date().isoformat())
            except sqlite3.OperationalError as error:
                log.error("the daily counts could not be sent: %s", error)
            await asyncio.sleep(3600)


def _known(status: Status) -> tuple[bool | None, str]:
    return {Health.WELL: True, Health.FAULTY: False, Health.UNKNOWN: None}[status.health], status.why


def _paper(paper: Paper) -> tuple[bool | None, str]:
    """Paper that is not known is not paper."""
    known = {Paper.PRESENT: True, Paper.LOW: True, Paper.OUT: False, Paper.UNKNOWN: None}
    return known[paper], f"paper is {paper}"
