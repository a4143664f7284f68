"""`booth try`: a technician sees each device live, through the driver that the booth uses, and disturbs no booth."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from edge.cli import main
from edge.instance import alone
from tests.technician.conftest import TOML, Workshop, workshop


def test_coins_are_told_as_they_fall_and_the_slot_closes_at_the_end(configuration: Path) -> None:
    async def story() -> None:
        async with workshop(configuration) as shop, shop.booth("try", "coins", "--json") as trying:
            await trying.fact("open")
            await shop.bench.wait("coins.enabled")
            await shop.bench.coins.insert(3)  # returned, while a new listener waits for silence
            await shop.bench.coins.insert(3)
            await (await _in_flight(shop, 200))
            assert (await trying.fact("coin"))["total_cents"] == 200
            await shop.bench.coins.insert(50, "truncated")
            assert (await trying.fact("unclear_coin"))["why"]
            assert await trying.stop() == 0
            await shop.bench.wait("coins.closed")

    asyncio.run(story())


async def _in_flight(shop: Workshop, cents: int) -> asyncio.Task[Any]:
    """A coin just swallowed; what a slot that fell shut for a moment (a busy machine) gives back is put in again."""
    while True:
        inserting = asyncio.create_task(shop.bench.coins.insert(cents))
        swallowed = asyncio.create_task(shop.bench.wait("coins.swallowed"))
        await asyncio.wait({inserting, swallowed}, return_when=asyncio.FIRST_COMPLETED)
        if swallowed.done():
            return inserting
        swallowed.cancel()


def test_a_coin_in_flight_when_the_trial_ends_is_still_told(configuration: Path) -> None:
    async def story() -> None:
        async with workshop(configuration) as shop, shop.booth("try", "coins", "--json") as trying:
            await trying.fact("open")
            await shop.bench.wait("coins.enabled")
            for _ in range(2):
                await shop.bench.coins.insert(3)
            inserting = await _in_flight(shop, 200)
            trying.process.terminate()
            assert (await trying.fact("coin"))["cents"] == 200
            await inserting
            assert await trying.process.wait() == 0

    asyncio.run(story())


def test_the_cameras_stills_are_told_with_exposure_and_a_missing_one_is_named(configuration: Path) -> None:
    async def story() -> None:
        async with workshop(configuration) as shop, shop.booth("try", "camera", "--json") as trying:
            still = await trying.fact("still")
            assert still["exposure_us"] == 10_000 and still["after_ms"] > 0 and still["frames_per_s"] > 1
            assert still["jpeg_quality"] is None
            await shop.bench.camera.compress(80)
            while (still := await trying.fact("still"))["jpeg_quality"] is None:
                pass
            assert still["jpeg_quality"] == 80
            await shop.bench.camera.missing()
            assert "no camera" in (await trying.fact("gone"))["why"]
            await shop.bench.camera.recover()
            await trying.fact("still")
            assert await trying.stop() == 0

    asyncio.run(story())


def test_the_pens_strokes_and_taps_are_told(configuration: Path) -> None:
    async def story() -> None:
        async with workshop(configuration) as shop, shop.booth("try", "pen", "--json") as trying:
            assert (await trying.fact("pad"))["width_mm"] == 152
            await shop.bench.pen.tap(10, 5)
            assert (await trying.fact("stroke"))["field"] == "service.driving_licence"
            await shop.bench.pen.draw([[(20 + i, 30 + i, i * 0.005, 0.4) for i in range(40)]], broken=0)
            stroke = await trying.fact("stroke")
            assert stroke["broken"] and stroke["field"] is None
            await shop.bench.pen.unplug()
            await trying.fact("gone")
            assert await trying.stop() == 1

    asyncio.run(story())


def test_a_pad_is_told_when_it_is_there_and_again_when_it_is_back(configuration: Path) -> None:
    async def story() -> None:
        async with workshop(configuration) as shop:
            await shop.bench.pen.unplug()
            async with shop.booth("try", "pen", "--json") as trying:
                facts = await trying.until("gone")
                for _ in range(2):
                    await asyncio.sleep(2.5)  # it is looked for more than once
                    await shop.bench.pen.replug()
                    facts += await trying.until("pad")
                    await shop.bench.pen.unplug()
                    facts += await trying.until("gone")
                assert await trying.stop() == 1
            assert [fact["what"] for fact in facts] == ["gone", "pad", "gone", "pad", "gone"]

    asyncio.run(story())


def test_an_open_slot_is_told_when_it_is_open_and_again_when_it_is_back(configuration: Path) -> None:
    async def story() -> None:
        async with workshop(configuration) as shop, shop.booth("try", "coins", "--json") as trying:
            facts = await trying.until("open")
            await shop.bench.wait("coins.enabled")
            await shop.bench.coins.unplug()
            facts += await trying.until("gone")
            await asyncio.sleep(2.5)
            await shop.bench.coins.replug()
            facts += await trying.until("open")
            trying.process.terminate()
            status, rest, _ = await trying.whole()
            assert status == 0 and [fact["what"] for fact in facts + rest] == ["open", "gone", "open", "end"]

    asyncio.run(story())


@pytest.mark.parametrize("device", ["coins", "lights"])
def test_a_device_that_the_booth_does_not_have_is_not_tried(configuration: Path, device: str, capsys) -> None:
    configuration.write_text(
        TOML.replace('driver = "sim"', '''driver = "devices"
camera = { driver = "sim" }
pen = { driver = "sim" }
printer = { driver = "sim" }
panel = { driver = "none" }
coins = { driver = "none" }
lights = { driver = "none" }''').replace("price_cents = 600", "price_cents = 0")
    )  # fmt: skip
    assert main(["try", device, "--config", str(configuration), "--for", "1"]) == 1
    said = capsys.readouterr()
    assert not said.out and len(said.err.splitlines()) == 1 and f"this booth has no {device}" in said.err


def test_a_sample_ticket_is_printed_and_the_printers_troubles_are_told(configuration: Path) -> None:
    async def story() -> None:
        async with workshop(configuration) as shop, shop.booth("try", "printer", "--json", "--print") as trying:
            assert (await trying.fact("ticket"))["outcome"] == "printed"
            (sheet,) = await shop.bench.printer.papers()
            assert sheet.whole
            assert (await trying.fact("status"))["paper"] == "present"
            await shop.bench.printer.paper_out()
            assert (await trying.fact("status"))["paper"] == "out"
            await trying.stop()

    asyncio.run(story())


def test_the_lamps_show_the_scene_that_was_asked_for(configuration: Path) -> None:
    async def story() -> None:
        async with (
            workshop(configuration) as shop,
            shop.booth("try", "lights", "--scene", "capture", "--json") as trying,
        ):
            await trying.fact("scene")
            await shop.bench.wait("lights.levels", scene="capture")
            assert await trying.stop() == 0

    asyncio.run(story())


def test_no_device_is_tried_beside_a_running_booth(configuration: Path, capsys) -> None:
    with alone(configuration.parent / "state"):
        assert main(["try", "pen", "--config", str(configuration), "--for", "1"]) == 1
    assert "systemctl stop booth" in capsys.readouterr().err
