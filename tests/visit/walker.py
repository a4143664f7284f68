"""A customer who does what the panel asks, whatever it asks, and so gets through any visit that can be got through."""

from tests.world import World

ENDS = ("take_ticket", "ticket_unsure", "ticket_failed", "claim")


class Walker:
    """Walks through one visit. `coins`: what is in the purse; it is spent while the booth asks for money."""

    def __init__(self, w: World, coins: list[int]) -> None:
        self._w = w
        self.purse = list(coins)
        self.started = False
        self.saw: list[str] = []

    async def walk(self) -> str:
        """Does one step after another until the visit's end is shown; answers that step."""
        while True:
            entry = await self._w.sim.wait_view(
                "door", "choose", "pay", "accepted", "choose_shot", "sign", "confirm", "goodbye", *ENDS, timeout_s=400
            )
            step = str(entry.data["step"])
            self.saw.append(step)
            if step in ENDS or (step == "goodbye" or (step == "door" and self.started)):
                return step
            await self._do(step)

    async def _do(self, step: str) -> None:
        customer = self._w.customer
        match step:
            case "door":
                self.started = True
                await customer.tap("service.driving_licence")
            case "choose":
                if "service.driving_licence" not in self.saw[-2:]:
                    await customer.tap("service.driving_licence")
            case "pay":
                if self.purse and self._w.booth.wants_coins:
                    await customer.pay(self.purse.pop())
            case "accepted" | "confirm":
                await customer.tap("yes")
            case "choose_shot":
                await customer.tap("shot.1")
            case "sign":
                await customer.sign()
                await customer.tap("yes")
