"""The adapter leaves the USB port, or was never there: named, and set anew when it comes back."""

from pathlib import Path

import pytest

from hw.cabin import Coin, DeviceMissing, Health
from tests.cctalk.workbench import Workbench, ends, play, settled


def test_an_unplugged_adapter_ends_the_events_and_comes_back_set_anew(tmp_path: Path) -> None:
    async def story(bench: Workbench) -> None:
        events = bench.coins.events()
        await bench.open()
        await bench.sim.unplug()
        with pytest.raises(DeviceMissing, match="plug it in"):
            await anext(events)
        assert bench.coins.status().health is Health.FAULTY
        with pytest.raises(DeviceMissing):
            await bench.coins.accept(for_s=1)
        with pytest.raises(DeviceMissing, match="tty is not there"):
            await bench.becomes(Health.FAULTY, "is not there")
            await anext(bench.coins.events())
        await bench.wait("coins.closed")
        await bench.sim.replug()
        await bench.becomes(Health.WELL)
        assert not (await bench.sim.insert(200)).swallowed, "it comes back closed"
        await settled(bench, bench.coins.events())

    play(tmp_path, story)


def test_a_coin_counted_behind_an_unplugged_adapter_is_credited_when_it_is_back(tmp_path: Path) -> None:
    async def story(bench: Workbench) -> None:
        await bench.open()
        await bench.sim.unplug()
        await bench.sim.drop(6, 0)  # 2 euros, and a rejected coin behind it
        await bench.becomes(Health.FAULTY)
        await bench.sim.replug()
        events = bench.coins.events()
        with pytest.raises(DeviceMissing):
            await anext(events)
        await bench.becomes(Health.WELL)
        (coin,) = await ends(bench.coins.events(), 1)
        assert isinstance(coin, Coin) and coin.cents == 200

    play(tmp_path, story)


def test_a_port_that_is_no_serial_port_or_not_there_is_named_with_what_to_do(tmp_path: Path) -> None:
    async def story(bench: Workbench) -> None:
        await bench.stop()
        (tmp_path / "file").write_text("")
        for port, said in ((tmp_path / "absent", "plug the adapter in"), (tmp_path / "file", "is no serial port")):
            await bench.connect(port=str(port))
            assert bench.coins.status().health is Health.FAULTY and said in bench.coins.status().why
            await bench.stop()

    play(tmp_path, story)


def test_two_programs_on_one_wire_are_told_so(tmp_path: Path) -> None:
    async def story(bench: Workbench) -> None:
        first = bench.coins
        await bench.connect()
        assert "used by another program" in bench.coins.status().why
        assert first.status().health is Health.WELL

    play(tmp_path, story)
