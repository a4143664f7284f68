"""docs/asyncapi.json is the contract: it is made from the code, and real messages fit it."""

import asyncio
import json
import os
import runpy
from pathlib import Path

import jsonschema
import pytest

from tests.broker import contract
from tests.broker.booth import booth
from tests.broker.conftest import Field
from tests.broker.outbox import MemoryOutbox
from tests.broker.receiver import Receiver, Watcher

HEALTH = {"gate_paper_ok": None, "gate_paper_since": "2026-11-23T08:00:00Z", "outbox_items": 3, "cpu_celsius": 48.5}


def test_the_document_is_what_the_messages_make_of_it() -> None:
    made = runpy.run_path(str(Path(contract.DOCUMENT).with_name("make_asyncapi.py")))
    assert contract.DOCUMENT.read_text("utf-8") == made["text"](), "run: python docs/make_asyncapi.py"


def test_every_real_message_fits_the_contract(field: Field) -> None:
    """With TLS nobody may watch all, so the fleet's and the booth's own eyes stand in for the watcher there."""

    async def main() -> None:
        outbox = MemoryOutbox(field.keys, "lyon-03")
        deposit, refused = outbox.deposit(os.urandom(100_000)), outbox.deposit(os.urandom(10))
        outbox.event()
        fleet = Receiver(field.address("fleet"), field.keys)
        fleet.rejects[refused.id] = "the index seal does not open"
        watcher = Watcher(field.address("fleet"), "watcher")
        if field.broker.tls is None:
            await watcher.start()
        seen = watcher.seen
        if field.broker.tls is not None:
            take = fleet.take
            fleet.take = lambda topic, payload, retain: (seen.append((topic, payload)), take(topic, payload, retain))[1]
        await fleet.start()
        async with booth(field.address("lyon-03"), field.keys, outbox) as (uplink, _):
            uplink.health(HEALTH)
            await outbox.empty()
            await fleet.until(lambda: bool(fleet.health))
            await fleet.until(lambda: deposit.id in fleet.whole)
        await fleet.until(lambda: not fleet.states[-1].online)
        if field.broker.tls is None:
            await watcher.until(lambda: {"receipt", "health"} <= {contract.channel_of(topic) for topic, _ in seen})
        channels = {contract.validate(topic, payload) for topic, payload in list(seen)}
        expected = {"boothState", "health", "event", "manifest", "chunk"}
        assert channels >= (expected if field.broker.tls else expected | {"receipt", "fleetState"})
        assert json.loads(fleet.health[-1]).items() >= HEALTH.items()
        fleet.stop()
        watcher.stop()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("topic", "body"),
    [
        ("ephoto/v1/lyon-03/state", {"online": True}),
        ("ephoto/v1/lyon-03/up/event", {"signed": "{}", "sig": "abc", "v": 1}),
        ("ephoto/v1/lyon-03/up/health", {"id": "0" * 32, "ts": "now", "boot": "b", "seq": 0, "nested": {"a": 1}}),
    ],
)
def test_a_message_that_breaks_the_contract_is_seen(topic: str, body: dict[str, object]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        contract.validate(topic, json.dumps(body).encode())
