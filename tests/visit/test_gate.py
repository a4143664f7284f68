"""Before it takes money: each condition that fails closes the slot within seconds, and the door says why."""

import asyncio
import logging
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from edge import daemon as rooms
from edge.gate import CONDITIONS
from edge.guide import LANGUAGES, STEPS
from edge.texts import Texts
from hw.cabin import Health, Paper, PrinterStatus
from tests.virtual import run
from tests.visit.story import reach, story, told
from tests.world import World, world

BY_THE_WORLD = ("disk", "outbox", "ledger", "clock")


@pytest.mark.parametrize("condition", CONDITIONS[:6] + BY_THE_WORLD)
@story()
async def test_each_condition_closes_the_slot_and_says_why(w: World, condition: str) -> None:
    sim = w.sim
    breaks: dict[str, Any] = {
        "camera": sim.camera.freeze, "printer": sim.printer.cover_open, "paper": sim.printer.paper_out,
        "lights": sim.lights.fail, "pen": sim.pen.unplug, "coins": sim.coins.stick,
    }  # fmt: skip
    await sim.wait_view("door")
    await sim.wait("coins.enabled")
    broken_s = asyncio.get_running_loop().time()
    with pytest.MonkeyPatch.context() as patch:
        if condition in breaks:
            await breaks[condition]()
        elif condition == "clock":
            w.clock.is_trusted = False
        elif condition == "disk":
            patch.setattr(rooms, "disk_free_mb", lambda booth: 1)
        elif condition == "outbox":
            stats = w.ledger.outbox.stats()
            patch.setattr(w.ledger.outbox, "stats", lambda: stats | {"bytes": 600_000_000})
        else:
            patch.setattr(w.ledger, "writable", lambda: False)
        closed = await sim.wait("coins.closed", timeout_s=70)
        await sim.wait_view("closed", timeout_s=70)
        assert condition in w.booth.gate.closed_by
        assert closed.at_s - broken_s <= (61 if condition == "ledger" else 8), "the ledger is written each minute"
        said = told(w, "closed")
        for language in LANGUAGES:
            assert Texts(language)(f"visit.why.{w.booth.gate.closed_by[0]}") in said
            assert Texts(language)("visit.closed.title") in said
        assert not (await sim.coins.insert(200)).swallowed


@story()
async def test_a_panel_that_nobody_can_read_closes_the_slot_and_is_named(w: World) -> None:
    sim = w.sim
    await sim.wait_view("door")
    await sim.wait("coins.enabled")
    await sim.panel.unplug()
    await sim.wait("coins.closed", timeout_s=8)
    assert w.booth.gate.closed_by == ("panel",)
    for language in LANGUAGES:
        assert Texts(language)("visit.why.panel")
    await sim.panel.replug()
    await sim.wait("coins.enabled", timeout_s=8)
    await sim.wait_view("door")


@story()
async def test_a_closed_booth_looks_closed_for_as_long_as_it_is(w: World) -> None:
    await w.sim.wait_view("door")
    await w.sim.printer.paper_out()
    await w.sim.wait_view("closed", timeout_s=70)
    lamps = await w.sim.lights.levels()
    await asyncio.sleep(60)  # virtual
    assert await w.sim.lights.levels() == lamps
    await w.sim.printer.reload()
    await w.sim.wait_view("door", timeout_s=70)
    assert await w.sim.lights.levels() != lamps, "the door sign is lit again"


@story()
async def test_a_printer_that_takes_long_to_say_anything_holds_up_nothing_else(w: World) -> None:
    await w.sim.wait_view("door")
    await w.sim.wait("coins.enabled")
    cabin, heard = w.booth.cabin, asyncio.Event()

    async def status() -> PrinterStatus:
        await heard.wait()
        return PrinterStatus(Health.WELL, Paper.PRESENT)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cabin.printer, "status", status)
        await w.sim.wait("coins.closed", timeout_s=10)
        assert w.booth.gate.closed_by == ("printer", "paper")
        await w.sim.pen.unplug()
        await asyncio.sleep(4)  # virtual: at most two looks of this printer
        assert w.booth.gate.closed_by == ("printer", "paper", "pen")
        await w.sim.pen.replug()
        heard.set()
        await w.sim.wait("coins.enabled", timeout_s=10)


class Heard(logging.Handler):
    """What the booth's log says of one condition."""

    def __init__(self, condition: str) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._condition = condition

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage().startswith(f"{self._condition}: "):
            self.lines.append(f"{record.levelname} {record.getMessage()}")


@story()
async def test_the_log_tells_each_reason_once_until_the_condition_holds_again(w: World) -> None:
    await w.sim.wait_view("door")
    pen, disk, log = Heard("pen"), Heard("disk"), logging.getLogger("booth")
    log.setLevel(logging.INFO)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log, "handlers", [pen, disk])
        free_mb = iter(range(40, 0, -1))
        patch.setattr(rooms, "disk_free_mb", lambda booth: next(free_mb, 1))
        for _ in range(2):
            await w.sim.pen.unplug()
            await asyncio.sleep(20)  # virtual: twenty looks
            await w.sim.pen.replug()
            await asyncio.sleep(5)
        assert [line.split(":")[0] for line in pen.lines] == ["WARNING pen", "INFO pen"] * 2, pen.lines
        assert len(disk.lines) == 1 and "MB free" in disk.lines[0]  # though the megabytes change with each look


@story()
async def test_the_enable_line_falls_off_when_the_daemon_dies_or_hangs(w: World) -> None:
    await w.sim.wait_view("door")
    await w.sim.wait("coins.enabled")
    await w.kill()
    await w.sim.wait("coins.closed")
    assert not (await w.sim.coins.insert(200)).swallowed
    await w.restart()
    await w.sim.wait("coins.enabled")

    async def hangs(*_: Any, **__: Any) -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rooms.Daemon, "_look", hangs)
        patch.setattr(rooms.Daemon, "_acceptor", hangs)
        await w.sim.wait("coins.closed", timeout_s=5)


@story()
async def test_a_touch_at_a_closed_door_begins_no_visit(w: World) -> None:
    await w.sim.wait_view("door")
    await w.sim.printer.paper_out()
    await w.sim.wait_view("closed")
    await w.customer.tap("service.driving_licence")
    await w.sim.wait_view("closed")
    assert w.ledger.visit() is None


@story()
async def test_a_condition_that_flaps_keeps_no_visit_open(w: World) -> None:
    await reach(w, "pay")

    async def flap() -> None:
        while True:
            await w.sim.lights.fail()
            await asyncio.sleep(5)
            await w.sim.lights.repair()
            await asyncio.sleep(5)

    flapping = asyncio.create_task(flap())
    await w.sim.wait_view("goodbye", timeout_s=70)
    flapping.cancel()


def test_every_step_and_every_reason_has_its_texts_in_both_languages() -> None:
    for language in LANGUAGES:
        texts = Texts(language)
        for step in STEPS:
            assert f"visit.{step}.title" in texts, (language, step)
        for condition in CONDITIONS:
            assert f"visit.why.{condition}" in texts, (language, condition)


def test_every_step_is_awaited_by_a_test_of_this_folder() -> None:
    told = "".join(file.read_text() for file in Path(__file__).parent.glob("*.py"))
    assert not [step for step in STEPS if f'"{step}"' not in told]


def test_a_ledger_that_cannot_write_says_so(tmp_path: Path) -> None:
    async def tell() -> None:
        async with world(tmp_path) as w:
            await w.sim.wait_view("door")
            other = sqlite3.connect(w.folder / "ledger.db", isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            w.ledger._db.execute("PRAGMA busy_timeout = 0")
            assert not w.ledger.writable()
            other.execute("ROLLBACK")
            assert w.ledger.writable()
            other.close()

    run(tell())
