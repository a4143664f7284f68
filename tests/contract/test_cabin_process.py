"""The cabin's process: it outlives its booth, its booth outlives it, and neither falls over what it is sent."""

import asyncio
import json
import signal
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hw.cabin import DeviceMissing, Health, Paper, Scene
from hw.sim.bench import open_bench
from hw.sim.remote import open_cabin
from hw.sim.wire import BODY_MOST, Link
from tests.contract.conftest import ROOT, cabin_process

BOOTH = """
import asyncio, sys
from hw.cabin import Scene
from hw.sim.remote import open_cabin

async def main():
    async with open_cabin(sys.argv[1]) as cabin:
        await cabin.coins.accept(for_s=600)
        await cabin.lights.show(Scene.CAPTURE, for_s=600)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def until_well(cabin, health: Health) -> None:
    """A status is looked at, it is not announced."""
    async with asyncio.timeout(30):
        while {cabin.camera.status().health, cabin.pen.status().health, cabin.coins.status().health} != {health}:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def test_a_killed_booth_leaves_acceptor_and_lamps_off(pictures: list[Path], tmp_path: Path) -> None:
    async def story() -> None:
        async with cabin_process(tmp_path, pictures[0].parent) as (socket, _), open_bench(socket) as bench:
            booth = await asyncio.create_subprocess_exec(sys.executable, "-c", BOOTH, str(socket), cwd=ROOT)
            await bench.wait("coins.enabled")
            await bench.wait("lights.levels", scene="capture")
            booth.send_signal(signal.SIGKILL)
            await booth.wait()
            await bench.wait("coins.closed")
            await bench.wait("lights.levels", scene=None)
            assert not (await bench.coins.insert(200)).swallowed

    asyncio.run(story())


def test_the_coin_lines_come_before_the_word_that_they_are_well(pictures: list[Path], tmp_path: Path) -> None:
    async def story() -> None:
        said: list[str] = []
        moved = asyncio.Event()

        def told(link: Link, head: dict[str, Any], body: bytes) -> None:
            well = head["do"] == "beat" and head["status"]["coins"][0] == Health.WELL
            said.append("well" if well else str(head["do"]))
            moved.set()

        async def until(word: str) -> list[str]:
            """What was said before it; from then on what comes after it."""
            async with asyncio.timeout(30):
                while word not in said:
                    moved.clear()
                    await moved.wait()
            at = said.index(word)
            before, said[:] = said[:at], said[at + 1 :]
            return before

        async with cabin_process(tmp_path, pictures[0].parent) as (socket, _), open_bench(socket) as bench:
            _, link = await asyncio.get_running_loop().create_unix_connection(
                lambda: Link(told, lambda link, why: None), str(socket)
            )
            link.tell({"do": "hello", "role": "booth"})
            assert "lines_came" in await until("well")
            await bench.coins.unplug()
            await until("lines_gone")
            await bench.coins.replug()
            assert "lines_came" in await until("well")
            link.close("done")

    asyncio.run(story())


def test_a_cabin_that_dies_is_unknown_and_comes_back_by_itself(pictures: list[Path], tmp_path: Path) -> None:
    async def story() -> None:
        async with open_cabin(tmp_path / "cabin.sock") as cabin:
            assert cabin.camera.status().health is Health.UNKNOWN  # not there yet
            with pytest.raises(DeviceMissing):
                await anext(cabin.coins.events())
            async with cabin_process(tmp_path, pictures[0].parent) as (_, process):
                await until_well(cabin, Health.WELL)
                frames, samples, events = cabin.camera.frames(), cabin.pen.samples(), cabin.coins.events()
                await anext(frames)
                waiting = [asyncio.ensure_future(anext(samples)), asyncio.ensure_future(anext(events))]
                process.kill()
                await process.wait()
                for end in waiting:
                    with pytest.raises(DeviceMissing):
                        await end
                with pytest.raises(DeviceMissing):
                    await anext(frames)
                await until_well(cabin, Health.UNKNOWN)
                status = await cabin.printer.status()
                assert status.paper is Paper.UNKNOWN and not status.ready
                with pytest.raises(DeviceMissing):
                    await cabin.lights.show(Scene.IDLE)
                with pytest.raises(DeviceMissing):
                    await cabin.coins.accept(for_s=10)
            async with cabin_process(tmp_path, pictures[0].parent):
                await until_well(cabin, Health.WELL)
                assert (await cabin.printer.status()).ready
                assert (await cabin.camera.still()).picture.shape == (800, 600, 3)

    asyncio.run(story())


def test_a_cabin_that_stands_still_is_unknown(pictures: list[Path], tmp_path: Path) -> None:
    async def story() -> None:
        async with cabin_process(tmp_path, pictures[0].parent) as (socket, process):
            async with open_bench(socket):  # the cabin is up
                pass
            async with open_cabin(socket) as cabin:
                process.send_signal(signal.SIGSTOP)
                try:
                    await until_well(cabin, Health.UNKNOWN)
                    assert not (await cabin.printer.status()).ready
                finally:
                    process.send_signal(signal.SIGCONT)
                await until_well(cabin, Health.WELL)

    asyncio.run(story())


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        struct.pack(">II", 2**31, 0),
        struct.pack(">II", 10, 2**31),
        struct.pack(">II", 0, 0),
        struct.pack(">II", 4, 0) + b"{{{{",
        struct.pack(">II", 2, 0) + b"[]",
        struct.pack(">II", 22, 0) + b'{"ask":1,"do":"frame"}',  # without hello
        struct.pack(">II", 30, 0) + b'{"do":"hello","role":"thief"} ',
    ],
)
def test_a_connection_that_sends_no_message_is_closed_and_the_cabin_goes_on(
    pictures: list[Path], tmp_path: Path, sent: bytes
) -> None:
    async def story() -> None:
        async with cabin_process(tmp_path, pictures[0].parent) as (socket, _), open_bench(socket) as bench:
            reader, writer = await asyncio.open_unix_connection(socket)
            writer.write(sent)
            async with asyncio.timeout(30):
                assert await reader.read() == b""
            writer.close()
            assert not (await bench.coins.insert(10)).swallowed

    asyncio.run(story())


def test_what_a_booth_or_bench_may_not_ask_is_answered_with_an_error(pictures: list[Path], tmp_path: Path) -> None:
    async def story() -> None:
        async with cabin_process(tmp_path, pictures[0].parent) as (socket, _), open_bench(socket) as bench:
            with pytest.raises(ValueError, match="a bench has no"):
                await bench.do("coins", "let_go", (), {})
            with pytest.raises(ValueError, match="choose one of"):
                await bench.coins.insert(10, "sticky")
            with pytest.raises(RuntimeError, match="TypeError"):
                await bench.do("coins", "insert", ("many", "words", "here"), {})
            with pytest.raises(ValueError, match="cannot read picture"):
                await bench.camera.show("nothing.jpg")
            with pytest.raises(AttributeError):
                bench.coins.let_go()
            reader, writer = await asyncio.open_unix_connection(socket)
            for head in ({"do": "hello", "role": "booth"}, {"ask": 7, "device": "printer", "do": "explode"}):
                packed = json.dumps(head).encode()
                writer.write(struct.pack(">II", len(packed), 0) + packed)
            async with asyncio.timeout(30):
                while b"explode" not in await reader.read(65536):
                    pass
            writer.close()

    asyncio.run(story())


def test_a_second_booth_is_not_let_in_while_the_first_is_there(pictures: list[Path], tmp_path: Path) -> None:
    async def story() -> None:
        async with cabin_process(tmp_path, pictures[0].parent) as (socket, _):
            async with open_cabin(socket) as first:
                await until_well(first, Health.WELL)
                async with open_cabin(socket) as second:
                    assert second.camera.status().health is Health.UNKNOWN
                    assert first.camera.status().health is Health.WELL
            async with open_cabin(socket) as third:
                await until_well(third, Health.WELL)

    asyncio.run(story())


def test_an_answer_too_large_for_a_message_is_an_error_and_the_link_goes_on(tmp_path: Path) -> None:
    """So many papers ended the cabin once, after 55 visits."""

    def told(link: Link, head: dict[str, Any], body: bytes) -> None:
        link.answer(head, {"is": "bytes"}, bytes(BODY_MOST + 1) if head["do"] == "papers" else b"here")

    async def story() -> None:
        loop = asyncio.get_running_loop()
        path = str(tmp_path / "cabin.sock")
        server = await loop.create_unix_server(lambda: Link(told, lambda link, why: None), path)
        _, link = await loop.create_unix_connection(lambda: Link(told, lambda link, why: None), path)
        with pytest.raises(ValueError, match="the answer is too large"):
            await link.ask("printer", "papers", deadline_s=30)
        assert (await link.ask("printer", "read", deadline_s=30))[1] == b"here"
        link.close("done")
        server.close()

    asyncio.run(story())


def test_a_bench_takes_the_papers_that_it_has_not_seen(pictures: list[Path], tmp_path: Path) -> None:
    async def story() -> None:
        sheet = np.ones((50, 576), np.bool_)
        async with cabin_process(tmp_path, pictures[0].parent) as (socket, _), open_bench(socket) as bench:
            async with open_cabin(socket) as cabin:
                for _ in range(3):
                    assert (await cabin.printer.print(sheet)).outcome == "printed"
            assert [paper.n for paper in await bench.printer.papers()] == [1, 2, 3]
            assert [paper.n for paper in await bench.printer.papers(1)] == [2, 3]
            assert [paper.n for paper in await bench.printer.papers(-1)] == [3]
            assert await bench.printer.papers(3) == []

    asyncio.run(story())


def test_papers_are_kept_as_picture_and_as_bytes(pictures: list[Path], tmp_path: Path) -> None:
    async def story() -> None:
        async with cabin_process(tmp_path, pictures[0].parent) as (socket, _), open_bench(socket) as bench:
            async with open_cabin(socket) as cabin:
                assert (await cabin.printer.print(np.ones((50, 576), np.bool_))).outcome == "printed"
                await bench.wait("printer.sheet")
                (sheet,) = await bench.printer.papers()
            assert (tmp_path / "out" / "paper-1.png").read_bytes() == sheet.png
            assert (tmp_path / "out" / "paper-1.escpos").read_bytes() == sheet.escpos

    asyncio.run(story())
