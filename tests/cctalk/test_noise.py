"""Noise on the wire: asked again, and never a coin; endless noise is named."""

from pathlib import Path

import pytest

from hw.cabin import Coin, DeviceFault, Health
from tests.cctalk.workbench import Workbench, ends, play, settled


@pytest.mark.parametrize("echo", [True, False])
def test_answers_with_a_wrong_byte_are_asked_for_again_and_lose_no_coin(tmp_path: Path, echo: bool) -> None:
    async def story(bench: Workbench) -> None:
        events = bench.coins.events()
        await bench.open()
        for cents in (10, 20, 50):
            await bench.sim.corrupt(2)
            await bench.sim.garbage(7)
            assert (await bench.sim.insert(cents)).heard == "whole"
        assert [coin.cents for coin in await ends(events, 3) if isinstance(coin, Coin)] == [10, 20, 50]
        assert bench.coins.status().health is Health.WELL

    play(tmp_path, story, echo=echo)


def test_a_wire_with_nothing_but_noise_is_named_and_comes_back(tmp_path: Path) -> None:
    async def story(bench: Workbench) -> None:
        events = bench.coins.events()
        await bench.open()
        await bench.sim.disturb()
        with pytest.raises(DeviceFault, match="noise"):
            await anext(events)
        await bench.sim.calm()
        await settled(bench, bench.coins.events())

    play(tmp_path, story)
