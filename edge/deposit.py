"""One committed visit, sealed: the vault seal with portrait and signature, the index seal with the code, the manifest.

After `seal_deposit` returns, the booth holds nothing that could open either seal.
"""

from dataclasses import dataclass
from datetime import datetime

import msgspec
from cryptography.hazmat.primitives.asymmetric import x25519

from . import seal
from .messages import CHUNK_BYTES, MAX_DEPOSIT_BYTES, Header, IndexContent, Manifest, VaultContent, encode


@dataclass(frozen=True, eq=False)
class Photo:
    """What the customer chose and signed: encoded pictures, and the names of findings overridden."""

    portrait_jpeg: bytes
    signature_png: bytes
    overrides: tuple[str, ...] = ()


@dataclass(frozen=True)
class Slot:
    """What the ledger gives a deposit inside its commit transaction."""

    booth: str
    visit: str
    deposit: str
    code: str
    service: str
    price_cents: int
    seq: int
    epoch: int
    boot: str
    committed_at: datetime
    expires_at: datetime


@dataclass(frozen=True, eq=False)
class Sealed:
    """`manifest`: exact text that was signed; `signed`: its messages.Signed as sent; `body`: enc ‖ ct."""

    manifest: str
    signed: bytes
    body: bytes


class Sealer:
    """Holds the public keys that a booth seals for, and its own signer."""

    def __init__(self, signer: seal.Signer, vault: x25519.X25519PublicKey, index: x25519.X25519PublicKey) -> None:
        self.signer = signer
        self._vault = vault
        self._index = index

    def seal(self, slot: Slot, photo: Photo) -> Sealed:
        """ValueError where the pictures are larger than a deposit may be."""
        vault = msgspec.msgpack.encode(
            VaultContent(
                code=slot.code,
                booth=slot.booth,
                thumbprint=self.signer.thumbprint,
                deposit=slot.deposit,
                visit=slot.visit,
                service=slot.service,
                committed_at=slot.committed_at,
                expires_at=slot.expires_at,
                portrait=photo.portrait_jpeg,
                portrait_type="image/jpeg",
                signature=photo.signature_png,
                signature_type="image/png",
                overrides=list(photo.overrides),
            )
        )
        if len(vault) > MAX_DEPOSIT_BYTES - 1024:
            raise ValueError(f"the deposit has {len(vault)} bytes, at most {MAX_DEPOSIT_BYTES - 1024} are sent")
        index = encode(
            IndexContent(
                code=slot.code,
                booth=slot.booth,
                deposit=slot.deposit,
                visit=slot.visit,
                committed_at=slot.committed_at,
                expires_at=slot.expires_at,
                price_cents=slot.price_cents,
            )
        )
        sealed = seal.seal(vault, self._header(slot, self._vault, len(vault)), self._vault)
        indexed = seal.seal(index, self._header(slot, self._index, len(index)), self._index)
        manifest = Manifest(
            id=slot.deposit,
            ts=slot.committed_at,
            boot=slot.boot,
            seq=slot.seq,
            booth=slot.booth,
            epoch=slot.epoch,
            visit=slot.visit,
            header=sealed.header,
            sha256=seal.digest(sealed.body),
            size=len(sealed.body),
            chunks=-(-len(sealed.body) // CHUNK_BYTES),
            index_header=indexed.header,
            index=seal.b64(indexed.body),
        )
        signed = seal.sign(manifest, self.signer)
        return Sealed(signed.signed, encode(signed), sealed.body)

    def _header(self, slot: Slot, key: x25519.X25519PublicKey, size: int) -> Header:
        return Header(
            suite=seal.SUITE,
            kid=seal.key_id(key),
            booth=slot.booth,
            deposit=slot.deposit,
            boot=slot.boot,
            seq=slot.seq,
            ts=slot.committed_at,
            size=size,
        )
