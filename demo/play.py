"""The demo's customer: does what the panel asks, reads the code off the paper, and goes to the administration."""

import asyncio
import io
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zxingcpp
from PIL import Image

from demo.installation import Failed, Installation
from edge.code import read, shown
from edge.config import load
from edge.fields import overlay
from hw.sim.bench import open_bench
from hw.sim.cabin import PAD_MM

Heard = asyncio.Queue[tuple[str, bytes]]


@dataclass(frozen=True)
class Played:
    code: str
    visit_s: float
    commit_to_receipt_s: float
    ticket_to_redeemable_s: float


async def play(
    folder: Path, installation: Installation, heard: Heard, good: Path, api: str, say: Callable[[str], None]
) -> Played:
    """One visit on the running installation; Failed says which step did not come."""
    config = load(folder / "booth.toml")
    fields = overlay([s.id for s in config.services], *PAD_MM, config.fields)

    async with open_bench(folder / "cabin.sock") as sim:

        async def tap(name: str) -> None:
            box = fields[name]
            await asyncio.sleep(0.5)  # reads first
            say(f"  customer  taps {name}")
            await sim.pen.tap(box.x_mm + box.width_mm / 2, box.y_mm + box.height_mm / 2)

        async def view(*steps: str) -> dict[str, Any]:
            entry = await sim.wait_view(*steps, timeout_s=60)
            lines = entry.data["lines"]
            say(f"  panel     [{entry.data['step']}] {lines[0]}")
            for line in lines[1:]:
                say(f"            {line}")
            return dict(entry.data)

        await view("door")
        began = time.monotonic()
        await tap("service.driving_licence")
        await view("pay")
        await sim.wait("coins.enabled")
        for cents in (200, 200, 200):
            say(f"  customer  inserts {cents / 100:.2f} €")
            await sim.coins.insert(cents)
        await view("refused")
        await sim.camera.show(good)
        await tap("redo")
        await view("accepted")
        await tap("yes")
        await view("sign")
        box = fields["signature"]
        say("  customer  signs")
        await sim.pen.sign(box.x_mm + 3, box.y_mm + 3, box.width_mm - 6, box.height_mm - 6)
        await tap("yes")
        await view("confirm")
        await tap("yes")
        committed = time.monotonic()
        receipts = asyncio.create_task(_receipts(heard))
        await sim.wait("printer.sheet", timeout_s=60)
        printed = time.monotonic()
        await view("take_ticket", "ticket_unsure")
        visit_s = time.monotonic() - began
        (sheet,) = await sim.printer.papers(-1)
        (folder / "ticket.png").write_bytes(sheet.png)
        (folder / "ticket.escpos").write_bytes(sheet.escpos)

    code = _code_on(sheet.png)
    say(f"  ticket    {folder / 'ticket.png'}\n            code {shown(code)}, read from its QR")
    stored = await asyncio.wait_for(receipts, 60)  # live from here on: the fleet has deposit and ticket
    answer = await asyncio.to_thread(installation.redeem, code, api, "redeemed")
    redeemed = time.monotonic()
    if answer.returncode != 0:
        raise Failed(f"the code was not redeemed: {answer.stderr.strip() or answer.stdout.strip()}")
    say("  administration redeems it:\n" + _indented(answer.stdout))
    again = await asyncio.to_thread(installation.redeem, code, api, "redeemed-again")
    if again.returncode == 0:
        raise Failed("the code was redeemed twice")
    say("  a second redemption is refused:\n" + _indented(again.stderr or again.stdout))
    return Played(code, visit_s, stored - committed, redeemed - printed)


def _code_on(png: bytes) -> str:
    """The code on a ticket, by a QR decoder that knows nothing of us."""
    for found in zxingcpp.read_barcodes(Image.open(io.BytesIO(png)).convert("L")):
        if isinstance(code := read(found.text), str):
            return code
    raise Failed("no code could be read from the ticket's QR")


async def _receipts(heard: Heard) -> float:
    """When the deposit's receipt was on the broker; back once the ticket's word has its own, too."""
    ticket: str | None = None
    stored: dict[str, float] = {}
    while ticket not in stored or "deposit" not in stored:
        topic, body = await heard.get()
        if topic.endswith("/up/event"):
            event = json.loads(json.loads(body)["signed"])
            if event["data"]["type"] == "ticket":
                ticket = event["id"]
        elif topic.endswith("/down/receipt"):
            receipt = json.loads(json.loads(body)["signed"])
            if receipt["result"] == "stored":
                stored.setdefault(receipt["item"], time.monotonic())
                stored[receipt["item_id"]] = time.monotonic()
    return stored["deposit"]


def _indented(text: str) -> str:
    return "\n".join("            " + line for line in text.strip().splitlines())
