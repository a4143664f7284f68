"""The acceptor's wires: SimCoins' edges onto a GPIO line, its inhibit from another one, and who listens to them."""

import asyncio

import gpiod

from hw.cabin import Edge
from hw.sim.cabin import SimCabin
from tests.rig.bench.gpio import Pulses, SimulatedChip
from tests.rig.bench.wiring import COIN, ENABLE

FOREVER_S = 1e6  # the line alone says how long
LOOK_S = 0.01  # a line that is read back announces nothing


class CoinWires:
    """CoinListener of SimCoins: what it emits is played; a booth is there while it has requested the coin line."""

    def __init__(self, sim: SimCabin, chip: SimulatedChip) -> None:
        self._sim = sim
        self._chip = chip
        self._info = gpiod.Chip(str(chip.path))
        chip.pull(COIN, True)  # idle
        chip.pull(ENABLE, False)  # the resistor that holds it closed
        self._pulses = Pulses(chip, {"coin": COIN})

    async def watch(self) -> None:
        """Tells the acceptor whether it is enabled, and the journal who came and went. Until cancelled."""
        there = on = False
        try:
            while True:
                heard = self._info.get_line_info(COIN).used
                if heard and not there:
                    self._sim.journal.note("daemon.came")
                    self._sim.coins.listen(self)
                elif there and not heard:
                    self._sim.let_go()
                there = heard
                if self._chip.value(ENABLE) != on:
                    on = not on
                    self._sim.coins.enable(FOREVER_S if on else 0)
                for late in self._pulses.late_ms():
                    self._sim.journal.note("rig.late", ms=late)
                await asyncio.sleep(LOOK_S)
        finally:
            self._pulses.close()
            self._info.close()

    def edge(self, edge: Edge) -> None:
        self._pulses.play(edge.line, edge.rising, edge.at_ns)

    def lines_came(self, at_ns: int, low: object = ()) -> None:
        """They were never away."""

    def lines_gone(self, why: str) -> None:
        raise NotImplementedError(f"{why}: a wire on a GPIO line cannot tell that")
