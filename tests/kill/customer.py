"""A customer who does what the panel asks until an end is shown, however often the booth dies meanwhile."""

import asyncio
from pathlib import Path

from edge.config import load
from edge.fields import overlay
from hw.sim.bench import Bench
from hw.sim.cabin import PAD_MM
from hw.sim.journal import Entry

COIN = 200
"""The price of the one service, so that one coin pays it."""


class Customer:
    """`patience_s`: how long a panel may stay as it is, a restart of the booth included.

    `comes_in`: to a booth that runs and shows its door already; else to one that is about to start."""

    ENDS = ("take_ticket", "ticket_unsure", "ticket_failed", "claim", "goodbye")

    def __init__(self, sim: Bench, folder: Path, *, patience_s: float = 90.0, comes_in: bool = False) -> None:
        config = load(folder / "booth.toml")
        self._sim = sim
        self._patience_s = patience_s
        self._before = sim.journal.entries[-1].n if sim.journal.entries else 0
        if comes_in:
            self._before = max(entry.n for entry in sim.journal.entries if entry.what == "panel.view") - 1
        self._fields = overlay([s.id for s in config.services], *PAD_MM, config.fields)

    async def tap(self, name: str) -> None:
        box = self._fields[name]
        await asyncio.sleep(0.5)  # a tap is no answer to what nobody can have read yet
        await self._sim.pen.tap(box.x_mm + box.width_mm / 2, box.y_mm + box.height_mm / 2)

    async def visit(self) -> str:
        acted, paid = self._before, False
        while True:
            view = await self._newest(after=acted)
            acted, step = view.n, str(view.data["step"])
            if step in self.ENDS or (step == "door" and paid):
                return step  # at the door again after paying: the booth died between the print and its word
            match step:
                case "door":
                    await self.tap("service.driving_licence")
                case "pay" if not self._paid(view):
                    coin = await self._sim.coins.insert(COIN)  # comes back by itself if the acceptor is closed
                    paid = paid or coin.swallowed
                case "accepted" | "confirm":
                    await self.tap("yes")
                case "sign" if not view.data["picture"]:
                    box = self._fields["signature"]
                    await self._sim.pen.sign(box.x_mm + 3, box.y_mm + 3, box.width_mm - 6, box.height_mm - 6)
                    await self.tap("yes")

    async def _newest(self, *, after: int) -> Entry:
        """The view on the panel now, awaited if it was acted on already: live views come ten a second."""
        while True:
            views = [e for e in self._sim.journal.entries[-500:] if e.what == "panel.view" and e.n > after]
            if views:
                return views[-1]
            await self._sim.wait("panel.view", timeout_s=self._patience_s)

    def _paid(self, view: Entry) -> bool:
        return f"{COIN / 100:.2f}".replace(".", ",") in view.data["lines"][1]
