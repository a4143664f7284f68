"""`booth try coins` on a ccTalk acceptor: what fell before it began is the booth's to tell, and stays so."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from hw.cabin import CoinEvent, DeviceError, Health, UnclearCoin
from hw.coins.cctalk_memory import CounterMemory
from tests.cctalk.workbench import Workbench, ends, play
from tests.technician.conftest import TOML, booth

CABIN = """
driver = "devices"
panel = { driver = "none" }
lights = { driver = "none" }
pen = { driver = "evdev", device = "/dev/input/by-id/absent" }
camera = { driver = "v4l2", device = "/dev/v4l/by-id/absent" }
printer = { driver = "network", host = "127.0.0.1", port = 9 }
"""
LISTENS_S = 1.0
"""Ten questions: a booth has read by then what the acceptor counted."""


class Counter:
    """A booth that was started once, and the technician's command beside it."""

    def __init__(self, folder: Path, bench: Workbench) -> None:
        self.bench = bench
        self.kept = folder / "cctalk.json"
        self.config = folder / "booth.toml"
        port = f"/dev/..{folder}/tty"  # it moves when it is plugged in again; a device's name begins with /dev
        coins = f'coins = {{ driver = "cctalk", port = "{port}", state = "{self.kept}" }}\n'
        self.config.write_text(TOML.replace('driver = "sim"\nsocket = "cabin.sock"\n', CABIN + coins))
        (folder / "state").mkdir()
        (folder / "k.pem").write_text("a key")

    async def heard(self) -> list[CoinEvent]:
        """What the booth of the moment tells."""
        await self.bench.becomes(Health.WELL)
        found: list[CoinEvent] = []

        async def listen(events: AsyncIterator[CoinEvent]) -> None:
            async for event in events:
                found.append(event)

        with suppress(TimeoutError, DeviceError):
            async with asyncio.timeout(LISTENS_S):
                await listen(self.bench.coins.events())
        return found

    async def taken_before_a_reset(self, *cents: int) -> None:
        """A booth hears these coins and ends; then the acceptor loses its power and counts anew."""
        await self.bench.open()
        for coin in cents:
            await self.bench.sim.insert(coin)
        assert len(await self.heard()) == 2 * len(cents)
        await self.bench.stop()
        await self.bench.sim.reset()

    async def try_coins(self, for_s: float) -> tuple[int | None, list[dict[str, Any]], str]:
        async with booth(self.config, "try", "coins", "--json", "--for", str(for_s)) as trying:
            return await trying.whole()

    async def is_refused(self) -> None:
        """In one line, without the slot having been open or the counter's file touched."""
        before, opened = self.kept.read_bytes(), len(self.bench.journal.entries)
        status, facts, err = await self.try_coins(5)
        assert status == 1 and [fact["what"] for fact in facts] == ["refused"], (facts, err)
        assert "start the booth once" in facts[0]["why"] and "\n" not in facts[0]["why"]
        assert self.kept.read_bytes() == before
        assert not [entry for entry in self.bench.journal.entries[opened:] if entry.what == "coins.enabled"]

    async def is_even(self) -> None:
        """The next booth has nothing to tell."""
        await self.bench.connect()
        assert await self.heard() == []


def at_the_counter(folder: Path, story: Callable[[Counter], Awaitable[None]], **how: Any) -> None:
    async def whole(bench: Workbench) -> None:
        counter = Counter(folder, bench)
        assert await counter.heard() == []
        await story(counter)

    play(folder, whole, **how)


@pytest.mark.parametrize("opening", [False, True], ids=["", "its row may be open"])
def test_a_coin_that_fell_while_no_booth_listened_is_left_for_the_booth_to_tell(tmp_path: Path, opening: bool) -> None:
    async def story(counter: Counter) -> None:
        bench = counter.bench
        await bench.open()
        await bench.kill()
        await bench.sim.drop(6)
        CounterMemory(counter.kept).write(0, opening)
        await counter.is_refused()
        await bench.connect()
        await bench.becomes(Health.WELL)
        (unclear,) = await ends(bench.coins.events(), 1)
        assert isinstance(unclear, UnclearCoin) and "200 cents" in unclear.why and unclear.tail is opening
        assert await counter.heard() == []
        await bench.stop()
        status, facts, _ = await counter.try_coins(1)
        assert status == 0 and [fact["what"] for fact in facts] == ["open", "end"]

    at_the_counter(tmp_path, story)


@pytest.mark.parametrize("earlier", ["a booth", "none", "a booth, rejected coins since"])
def test_a_coin_that_falls_while_it_is_tried_is_nobodys(tmp_path: Path, earlier: str) -> None:
    async def story(counter: Counter) -> None:
        bench = counter.bench
        await bench.stop()
        if earlier == "none":
            counter.kept.unlink()
            await bench.sim.drop(6)  # of a time before any booth
        if "rejected" in earlier:
            await bench.sim.err(1)
        async with booth(counter.config, "try", "coins", "--json") as trying:
            await trying.fact("open")
            while (await bench.sim.insert(100)).heard != "whole":  # it opens a moment after
                pass
            assert (await trying.fact("coin"))["cents"] == 100
            assert await trying.stop() == 0
        await counter.is_even()

    at_the_counter(tmp_path, story)


def test_an_acceptor_that_was_switched_off_and_on_can_be_tried(tmp_path: Path) -> None:
    async def story(counter: Counter) -> None:
        await counter.taken_before_a_reset(100)
        status, facts, _ = await counter.try_coins(1)
        assert status == 0 and [fact["what"] for fact in facts] == ["open", "end"]
        await counter.is_even()

    at_the_counter(tmp_path, story)


def test_a_coin_after_a_reset_is_the_booths_to_tell_too(tmp_path: Path) -> None:
    async def story(counter: Counter) -> None:
        bench = counter.bench
        await counter.taken_before_a_reset(100, 100)
        assert (await bench.sim.insert(50)).swallowed  # from its power-up on
        await counter.is_refused()
        await bench.connect()
        (_, unclear) = await counter.heard()
        assert isinstance(unclear, UnclearCoin) and "50 cents" in unclear.why

    at_the_counter(tmp_path, story, model="al66")


def test_an_adapter_that_comes_late_brings_its_news_to_the_booth_only(tmp_path: Path) -> None:
    async def story(counter: Counter) -> None:
        bench = counter.bench
        await bench.kill()
        await bench.sim.drop(6)
        await bench.sim.unplug()
        before = counter.kept.read_bytes()
        async with booth(counter.config, "try", "coins", "--json") as trying:
            assert "is not there" in (await trying.fact("gone"))["why"]
            await bench.sim.replug()
            status, facts, _ = await trying.whole()
        assert status == 1 and [fact["what"] for fact in facts] == ["refused"]
        assert counter.kept.read_bytes() == before

    at_the_counter(tmp_path, story)


def test_an_adapter_unplugged_while_it_is_tried_is_told_once_and_its_coins_are_the_trials(tmp_path: Path) -> None:
    async def story(counter: Counter) -> None:
        bench = counter.bench
        await bench.stop()
        async with booth(counter.config, "try", "coins", "--json") as trying:
            await trying.fact("open")
            await bench.wait("coins.enabled")
            await bench.sim.unplug()
            facts = await trying.until("gone")
            await asyncio.sleep(2.5)
            await bench.sim.drop(6)
            await bench.sim.replug()
            facts += await trying.until("coin")
            assert await trying.stop() == 0
        gone = [fact["why"] for fact in facts if fact["what"] == "gone"]
        assert len(gone) == len(set(gone)), gone
        assert [fact["what"] for fact in facts][-2:] == ["open", "coin"] and facts[-1]["cents"] == 200
        assert [fact["what"] for fact in facts].count("open") == 1, facts
        await counter.is_even()

    at_the_counter(tmp_path, story)
