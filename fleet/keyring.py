"""The keys that `fleet serve` holds: signing, index, pepper, and the booths' public keys. Never the vault's key.

Everything is read from files at the start, but for booths: one that is registered later is found when it first speaks.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.x509.oid import NameOID

from edge.seal import FleetSigner, SealError, key_id, load_unsealing, load_verify

from .pepper import Pepper, Peppers

_BOOTH = re.compile(r"[a-z0-9][a-z0-9-]{2,39}")


@dataclass
class Booths:
    """The registered booths: a folder of `<id>.pem`, each a certificate (common name = id) or a bare public key."""

    folder: Path
    _known: dict[str, ec.EllipticCurvePublicKey] = field(default_factory=dict)

    def key(self, booth: str) -> ec.EllipticCurvePublicKey | None:
        """What the booth's signatures are checked with; None for a booth that is not registered. SealError where its
        file is there and wrong."""
        if booth not in self._known:
            # the pattern comes first: a topic's word must never become a path
            path = self.folder / f"{booth}.pem"
            if not _BOOTH.fullmatch(booth) or not path.is_file():
                return None
            self._known[booth] = _booth_key(path, booth)
        return self._known[booth]

    def ids(self) -> list[str]:
        return sorted(path.stem for path in self.folder.glob("*.pem") if _BOOTH.fullmatch(path.stem))


@dataclass(frozen=True)
class Keyring:
    """`index`: private keys by key id; the old ones stay until the last seal made for them has come and expired."""

    signer: FleetSigner
    index: dict[str, x25519.X25519PrivateKey]
    peppers: Peppers
    booths: Booths


def load(signing: Path, index: list[Path], peppers: list[Path], booths: Path) -> Keyring:
    """SealError or PepperError naming the first file that cannot be used."""
    ring = Keyring(
        signer=FleetSigner.from_file(signing),
        index={key_id(key.public_key()): key for key in map(load_unsealing, index)},
        peppers=Peppers(tuple(Pepper.from_file(path) for path in peppers)),
        booths=Booths(booths),
    )
    for booth in ring.booths.ids():
        ring.booths.key(booth)
    return ring


def _booth_key(path: Path, booth: str) -> ec.EllipticCurvePublicKey:
    pem = path.read_bytes()
    if b"BEGIN CERTIFICATE" in pem:
        try:
            certificate = x509.load_pem_x509_certificate(pem)
        except ValueError as error:
            raise SealError(f"{path}: no certificate could be read ({error})") from None
        names = [name.value for name in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        if names != [booth]:
            raise SealError(f"{path}: the certificate is for {names}, the file's name says {booth}")
        key: object = certificate.public_key()
    else:
        key = load_verify(path)
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise SealError(f"{path}: a booth's identity is a P-256 key, this is another kind")
    return key
