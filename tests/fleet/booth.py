"""A booth as the fleet sees it: signed events and sealed deposits, made with nothing but the contract of edge."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from edge import code as codes
from edge import seal
from edge.messages import (
    CHUNK_BYTES,
    ClaimOpened,
    CoinTaken,
    Committed,
    Counters,
    Event,
    EventData,
    Header,
    IndexContent,
    Manifest,
    Receipt,
    Signed,
    TicketSettled,
    Topics,
    VaultContent,
    decode,
    encode,
)

PORTRAIT = b"\xff\xd8\xff" + secrets.token_bytes(90_000)
SIGNATURE = b"\x89PNG\r\n" + secrets.token_bytes(4_000)
NOW = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
ALPHABET = codes.ALPHABET


@dataclass(frozen=True)
class Made:
    """A committed visit. `messages`: topic and payload of its manifest, then of its chunks."""

    booth: str
    visit: str
    id: str
    code: str
    portrait: bytes
    signature: bytes
    expires_at: datetime
    manifest: Manifest
    signed: Signed
    body: bytes
    index: bytes

    @property
    def sha256(self) -> str:
        return seal.digest(self.signed.signed)

    @property
    def messages(self) -> list[tuple[str, bytes]]:
        topics = Topics(self.booth)
        chunks = [self.body[i : i + CHUNK_BYTES] for i in range(0, len(self.body), CHUNK_BYTES)]
        sent = [(topics.chunk(self.id, n), chunk) for n, chunk in enumerate(chunks)]
        return [(topics.manifest(self.id), encode(self.signed)), *sent]


@dataclass
class Booth:
    """One booth with its ledger's sums. `keys`: the folder that `fleet keys` made."""

    keys: Path
    id: str = "lyon-03"
    seq: int = 0
    epoch: int = 0
    sums: dict[str, int] = field(default_factory=lambda: dict.fromkeys(Counters.__struct_fields__, 0))

    def __post_init__(self) -> None:
        self.signer = seal.BoothSigner.from_file(self.keys / "booths" / self.id / "key.pem")
        self.vault = seal.load_sealing(self.keys / "public/vault.pem")
        self.indexed = seal.load_sealing(self.keys / "public/index.pem")
        self.fleet = seal.load_verify(self.keys / "public/fleet.pem")
        self.topics = Topics(self.id)

    def deposit(
        self,
        *,
        portrait: bytes = PORTRAIT,
        committed_at: datetime = NOW,
        expires_at: datetime | None = None,
        code: str | None = None,
        id: str | None = None,
        **manifest: Any,
    ) -> Made:
        """A sealed deposit; `manifest` overrides fields of its manifest before it is signed."""
        deposit, visit = id or secrets.token_hex(16), number(10)
        code = code or codes.make(secrets.token_bytes)
        expires_at = expires_at or committed_at + timedelta(days=180)
        self.seq += 1
        vault = VaultContent(
            code=code, booth=self.id, thumbprint=self.signer.thumbprint, deposit=deposit, visit=visit,
            service="driving_licence", committed_at=committed_at, expires_at=expires_at, portrait=portrait,
            portrait_type="image/jpeg", signature=SIGNATURE, signature_type="image/png", overrides=["gaze"],
        )  # fmt: skip
        index = IndexContent(
            code=code, booth=self.id, deposit=deposit, visit=visit, committed_at=committed_at, expires_at=expires_at,
            price_cents=800,
        )  # fmt: skip
        sealed = self._seal(msgspec.msgpack.encode(vault), deposit, committed_at, self.vault)
        indexed = self._seal(encode(index), deposit, committed_at, self.indexed)
        made = Manifest(
            id=deposit, ts=committed_at, boot="boot", seq=self.seq, booth=self.id, epoch=self.epoch, visit=visit,
            header=sealed.header, sha256=seal.digest(sealed.body), size=len(sealed.body),
            chunks=-(-len(sealed.body) // CHUNK_BYTES), index_header=indexed.header, index=seal.b64(indexed.body),
        )  # fmt: skip
        made = msgspec.structs.replace(made, **manifest)
        signed = seal.sign(made, self.signer)
        return Made(
            self.id, visit, deposit, code, portrait, SIGNATURE, expires_at, made, signed, sealed.body, indexed.body
        )

    def event(self, data: EventData, **fields: Any) -> bytes:
        """A signed event with the sums after it."""
        self._move(data)
        self.seq += 1
        event = Event(
            id=secrets.token_hex(16), ts=NOW, boot="boot", seq=self.seq, booth=self.id, epoch=self.epoch,
            counters=Counters(**self.sums), data=data,
        )  # fmt: skip
        return encode(seal.sign(msgspec.structs.replace(event, **fields), self.signer))

    def coin(self, cents: int = 200, visit: str = "0123456789") -> bytes:
        return self.event(CoinTaken(visit=visit, cents=cents))

    def word(self, made: Made, word: Any = "printed") -> bytes:
        return self.event(TicketSettled(visit=made.visit, deposit=made.id, word=word))

    def claim(self, made: Made, reason: Any, cents: int | None = 800) -> tuple[str, bytes]:
        claim = number(8)
        data = ClaimOpened(claim=claim, visit=made.visit, reason=reason, cents=cents, deposit=made.id)
        return claim, self.event(data)

    def receipt(self, body: bytes) -> Receipt:
        """A receipt that this booth believes."""
        receipt = decode(Receipt, seal.check(decode(Signed, body), self.fleet))
        assert receipt.booth == self.id
        return receipt

    def _seal(self, plain: bytes, deposit: str, at: datetime, key: Any) -> seal.Envelope:
        header = Header(
            suite=seal.SUITE, kid=seal.key_id(key), booth=self.id, deposit=deposit, boot="boot", seq=self.seq, ts=at,
            size=len(plain),
        )  # fmt: skip
        return seal.seal(plain, header, key)

    def _move(self, data: EventData) -> None:
        sums = self.sums
        match data:
            case CoinTaken(cents=cents):
                sums["coins_cents"] += cents
                sums["credit_cents"] += cents
            case Committed(price_cents=cents):
                sums["spent_cents"] += cents
                sums["credit_cents"] -= cents
            case ClaimOpened(reason="ticket_failed" | "ticket_unknown", cents=int(cents)):
                sums["claimed_ticket_cents"] += cents


def number(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def found_in(folder: Path, needles: Iterable[bytes]) -> list[str]:
    """The files under `folder` that hold any of the needles."""
    wanted = list(needles)
    return [str(path) for path in folder.rglob("*") if path.is_file() and any(n in path.read_bytes() for n in wanted)]
