"""The devices that a cabin does not have: a counter without coin slot, lamps of its own or panel.

They are well, so that the gate opens without them. They must never stand in for a device that is there and fails.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hw.cabin import CoinEvent, Health, Scene, Status, View


class NoLights:
    def status(self) -> Status:
        return Status(Health.WELL)

    async def show(self, scene: Scene, *, for_s: float = 30.0) -> None:
        """The room's own light stays as it is."""


class NoCoins:
    def status(self) -> Status:
        return Status(Health.WELL)

    async def accept(self, *, for_s: float) -> None:
        """Nothing opens."""

    async def refuse(self) -> None:
        """Nothing closes."""

    async def events(self) -> AsyncIterator[CoinEvent]:
        """None, ever."""
        await asyncio.get_running_loop().create_future()
        yield  # type: ignore[misc]  # never reached: it makes this an async generator


class NoPanel:
    present = False

    def status(self) -> Status:
        return Status(Health.WELL)

    async def show(self, view: View) -> None:
        """Nobody sees it."""


@asynccontextmanager
async def open_none(device: str) -> AsyncIterator[NoLights | NoCoins | NoPanel]:
    """`lights`, `coins` or `panel`: the others a booth cannot be without."""
    match device:
        case "lights":
            yield NoLights()
        case "coins":
            yield NoCoins()
        case "panel":
            yield NoPanel()
        case _:
            raise ValueError(f"a booth cannot be without its {device}")
