"""Promise 5 on the wire: whoever sees all that the broker carries finds no picture, no signature, no code."""

import asyncio
import base64
import json
import os

import pytest

from edge import code as codes
from tests.broker.booth import booth
from tests.broker.conftest import Field
from tests.broker.outbox import CODE, MemoryOutbox
from tests.broker.receiver import Receiver, Watcher

PORTRAIT = b"\xff\xd8PORTRAIT-MARKER-" + bytes(range(48, 90))
SIGNATURE = b"\x89PNGSIGNATURE-MARKER-" + bytes(range(48, 90))


def forms(secret: bytes) -> set[bytes]:
    """How a secret could stand in a message: raw, hex, and base64 at each of its three alignments."""
    found = {secret, secret.hex().encode(), secret.hex().upper().encode()}
    for shift in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            inner = encode(b"\0" * shift + secret + b"\0" * 3)
            found.add(inner[4 if shift else 0 : len(secret) // 3 * 4 - 4])
    return found


def contents(payload: bytes) -> set[bytes]:
    """The payload, and what the base64url fields of a manifest decode to."""
    found = {payload}
    try:
        json.loads(payload)
    except ValueError:  # a sealed chunk, though one of 256 begins as JSON does
        return found
    for word in payload.replace(b"\\", b"").split(b'"'):
        if len(word) > 60:
            found.add(base64.urlsafe_b64decode(word + b"=" * (-len(word) % 4)))
    return found


@pytest.mark.parametrize("field", ["iotcore", "mosquitto"], indirect=True)
def test_a_watcher_of_everything_sees_no_picture_no_signature_no_code(field: Field) -> None:
    async def main() -> None:
        watcher = Watcher(field.address("observer"))
        await watcher.start()
        outbox = MemoryOutbox(field.keys, "lyon-03")
        deposit = outbox.deposit(os.urandom(60_000) + PORTRAIT + SIGNATURE + CODE.encode() + os.urandom(60_000))
        outbox.event()
        fleet = Receiver(field.address("fleet"), field.keys)
        await fleet.start()
        async with booth(field.address("lyon-03"), field.keys, outbox) as (uplink, _):
            uplink.health({"gate_paper_ok": True})
            await outbox.empty()
            await watcher.until(lambda: sum(b"stored" in payload for _, payload in watcher.seen) == 2)
        chunks = [payload for topic, payload in watcher.seen if "/c/" in topic]
        assert len(chunks) == deposit.chunks, "it saw all"
        everything = {text for topic, payload in watcher.seen for text in (topic.encode(), *contents(payload))}
        everything.add(b"".join(chunks))
        for secret in (PORTRAIT, SIGNATURE, CODE.encode(), codes.shown(CODE).encode()):
            for form in forms(secret):
                assert not any(form in text for text in everything)
        watcher.stop()
        fleet.stop()

    asyncio.run(main())


def test_the_search_would_find_them_also_inside_a_manifest() -> None:
    field = base64.urlsafe_b64encode(b"x" * 40 + PORTRAIT)
    assert any(PORTRAIT in text for text in contents(b'{"sealed": "' + field + b'"}'))
    chunk = b'{"' + bytes(range(128, 256)) + b'"'
    assert contents(chunk) == {chunk}


def test_the_search_would_find_them() -> None:
    for shift in range(3):
        wrapped = b"x" * shift + PORTRAIT + b"yy"
        for text in (wrapped, wrapped.hex().encode(), base64.b64encode(wrapped), base64.urlsafe_b64encode(wrapped)):
            assert any(form in text for form in forms(PORTRAIT))
