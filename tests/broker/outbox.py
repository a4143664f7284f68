"""An outbox in memory, and real signed events and sealed deposits to put in it."""

import asyncio
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from edge import messages, seal
from edge.uplink.outbox import Item

COUNTERS = messages.Counters(
    coins_cents=800, spent_cents=800, claimed_credit_cents=0, claimed_ticket_cents=0, credit_cents=0, unclear_coins=0
)
CODE = "1MARKERC0DEMARKERC0DE"
"""What no watcher may find; a real code has this form."""


def clock() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Keys:
    """The trial installation's keys as `fleet keys` makes them."""

    folder: Path

    def signer(self, booth: str) -> seal.BoothSigner:
        return seal.BoothSigner.from_file(self.folder / "booths" / booth / "key.pem")

    @property
    def fleet(self) -> seal.FleetSigner:
        return seal.FleetSigner.from_file(self.folder / "fleet/signing.pem")

    def public(self, name: str) -> Path:
        return self.folder / "public" / f"{name}.pem"


class MemoryOutbox:
    """Keeps the promises of edge.uplink.outbox.Outbox, but for the disk."""

    def __init__(self, keys: Keys, booth: str) -> None:
        self._keys, self._booth = keys, booth
        self._signer = keys.signer(booth)
        self.items: dict[str, Item] = {}
        self.bodies: dict[str, bytes] = {}
        self.quarantined: dict[str, str] = {}
        self.delivered: list[str] = []
        self._seq = 0
        self._news = asyncio.Event()
        self._left = asyncio.Condition()

    # what the uplink asks

    def waiting(self, *, limit: int, after_seq: int = 0) -> list[Item]:
        left = [item for item in self.items.values() if item.seq > after_seq and item.id not in self.quarantined]
        return left[:limit]

    def sealed(self, deposit_id: str) -> bytes:
        return self.bodies[deposit_id]

    def stored(self, item_id: str, sha256: str) -> bool:
        item = self.items.get(item_id)
        if item is None or item.sha256 != sha256:
            return False
        del self.items[item_id]
        self.bodies.pop(item_id, None)
        self.delivered.append(item_id)
        self._moved()
        return True

    def quarantine(self, item_id: str, sha256: str, why: str) -> bool:
        item = self.items.get(item_id)
        if item is None or item.sha256 != sha256:
            return False
        self.quarantined[item_id] = why
        self._moved()
        return True

    async def changed(self) -> None:
        await self._news.wait()
        self._news.clear()

    # what a test does

    async def empty(self) -> None:
        """Returns when nothing waits any more, quarantined items aside."""
        async with self._left:
            await self._left.wait_for(lambda: not self.waiting(limit=1))

    async def gone(self, item: Item) -> None:
        async with self._left:
            await self._left.wait_for(lambda: item.id not in self.items)

    def event(self, *, ago_s: float = 0.0, padding: str = "") -> Item:
        self._seq += 1
        made_at = clock() - timedelta(seconds=ago_s)
        event = messages.Event(
            id=secrets.token_hex(16),
            ts=made_at,
            boot="boot-1",
            seq=self._seq,
            booth=self._booth,
            epoch=0,
            counters=COUNTERS,
            data=messages.Alert(name="test", what=padding or "nothing"),
        )
        return self._add("event", event.id, event, made_at)

    def deposit(self, plaintext: bytes) -> Item:
        """Seals `plaintext` for the vault and CODE for the index, signs the manifest."""
        self._seq += 1
        made_at, deposit, visit = clock(), secrets.token_hex(16), "0123456789"

        def header(key: seal.PublicKey, size: int) -> messages.Header:
            return messages.Header(
                suite=seal.SUITE,
                kid=seal.key_id(key),
                booth=self._booth,
                deposit=deposit,
                boot="boot-1",
                seq=self._seq,
                ts=made_at,
                size=size,
            )

        vault, index = (seal.load_sealing(self._keys.public(name)) for name in ("vault", "index"))
        envelope = seal.seal(plaintext, header(vault, len(plaintext)), vault)
        about = messages.encode(
            messages.IndexContent(
                code=CODE,
                booth=self._booth,
                deposit=deposit,
                visit=visit,
                committed_at=made_at,
                expires_at=made_at + timedelta(days=183),
                price_cents=800,
            )
        )
        index_envelope = seal.seal(about, header(index, len(about)), index)
        chunks = -(-len(envelope.body) // messages.CHUNK_BYTES)
        manifest = messages.Manifest(
            id=deposit,
            ts=made_at,
            boot="boot-1",
            seq=self._seq,
            booth=self._booth,
            epoch=0,
            visit=visit,
            header=envelope.header,
            sha256=seal.digest(envelope.body),
            size=len(envelope.body),
            chunks=chunks,
            index_header=index_envelope.header,
            index=seal.b64(index_envelope.body),
        )
        self.bodies[deposit] = envelope.body
        return self._add("deposit", deposit, manifest, made_at, size=len(envelope.body), chunks=chunks)

    def _add(self, kind: str, item_id: str, message: object, made_at: datetime, size: int = 0, chunks: int = 0) -> Item:
        signed = seal.sign(message, self._signer)
        item = Item(
            kind=kind,
            seq=self._seq,
            id=item_id,
            sha256=seal.digest(signed.signed),
            made_at=made_at,
            signed=messages.encode(signed),
            size=size,
            chunks=chunks,
        )
        self.items[item_id] = item
        self._news.set()
        return item

    def _moved(self) -> None:
        async def tell() -> None:
            async with self._left:
                self._left.notify_all()

        self._telling = asyncio.ensure_future(tell())
