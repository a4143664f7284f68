"""Seals for the vault and the index, signatures as the booth or the fleet. Keeps no key and writes nothing.

HPKE (RFC 9180) base mode, X25519 / HKDF-SHA256 / ChaCha20-Poly1305; the header is bound by
`info = b"ephoto/v1" + sha256(header)`. Booths sign with ECDSA P-256 (the kind a Pi's firmware can hold), the fleet with
Ed25519. See design.md, "Keys", for who holds what.
"""

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, x25519
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from .messages import BadMessage, Header, Signed, decode, encode

SUITE = "X25519-HKDF-SHA256/HKDF-SHA256/CHACHA20-POLY1305"
_SUITES = {SUITE: Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)}


class SealError(Exception):
    """A key that cannot be used, a seal that does not open, a signature that does not fit. Names no content."""


@dataclass(frozen=True)
class Envelope:
    """`header`: exact JSON text of messages.Header; `body`: enc ‖ ct."""

    header: str
    body: bytes


class Signer(Protocol):
    """Signs as one party; the key may live in a file or in firmware."""

    def sign(self, data: bytes) -> bytes: ...

    @property
    def thumbprint(self) -> str:
        """SHA-256 of the public key's SubjectPublicKeyInfo, hex."""


class BoothSigner:
    """The booth's identity from a PEM file with a P-256 private key."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key
        self.thumbprint = thumbprint(key.public_key())

    @classmethod
    def from_file(cls, path: Path) -> "BoothSigner":
        key = _load_private(path)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise SealError(f"{path}: a booth's identity is a P-256 private key, this is another kind")
        return cls(key)

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data, ec.ECDSA(hashes.SHA256()))


class FleetSigner:
    """The fleet's signing key from a PEM file with an Ed25519 private key."""

    def __init__(self, key: ed25519.Ed25519PrivateKey) -> None:
        self._key = key
        self.thumbprint = thumbprint(key.public_key())

    @classmethod
    def from_file(cls, path: Path) -> "FleetSigner":
        key = _load_private(path)
        if not isinstance(key, ed25519.Ed25519PrivateKey):
            raise SealError(f"{path}: the fleet signs with an Ed25519 private key, this is another kind")
        return cls(key)

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data)


PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | x25519.X25519PublicKey
VerifyKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey


def thumbprint(key: PublicKey) -> str:
    """SHA-256 of SubjectPublicKeyInfo, hex. Its first 16 characters are the key id (`kid`)."""
    spki = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(spki).hexdigest()


def key_id(key: PublicKey) -> str:
    """The key id that headers and configuration name."""
    return thumbprint(key)[:16]


def load_public(path: Path) -> PublicKey:
    """A public key from PEM. SealError says what is wrong with the file."""
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except (OSError, ValueError) as error:
        raise SealError(f"{path}: no public key could be read ({error})") from None
    if not isinstance(key, ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | x25519.X25519PublicKey):
        raise SealError(f"{path}: P-256, Ed25519 and X25519 keys are used here, this is another kind")
    return key


def load_sealing(path: Path) -> x25519.X25519PublicKey:
    """A public key that seals (vault or index). SealError where it is of another kind."""
    key = load_public(path)
    if not isinstance(key, x25519.X25519PublicKey):
        raise SealError(f"{path}: seals are made for X25519 keys, this is another kind")
    return key


def load_unsealing(path: Path) -> x25519.X25519PrivateKey:
    """A private key that opens seals. SealError where it is of another kind."""
    key = _load_private(path)
    if not isinstance(key, x25519.X25519PrivateKey):
        raise SealError(f"{path}: seals are opened with X25519 private keys, this is another kind")
    return key


def load_verify(path: Path) -> VerifyKey:
    """A public key that checks signatures. SealError where it is of another kind."""
    key = load_public(path)
    if isinstance(key, x25519.X25519PublicKey):
        raise SealError(f"{path}: signatures are checked with P-256 or Ed25519 keys, this is a sealing key")
    return key


def seal(plaintext: bytes, header: Header, key: x25519.X25519PublicKey) -> Envelope:
    """Encrypts for `key`; nobody who only holds public keys can open it again, the caller included."""
    text = encode(header).decode()
    return Envelope(text, _SUITES[SUITE].encrypt(plaintext, key, info=_info(text)))


def unseal(envelope: Envelope, key: x25519.X25519PrivateKey) -> bytes:
    """The plaintext. SealError for another key, a changed header or body, or an unknown suite."""
    header = decode(Header, envelope.header)
    suite = _SUITES.get(header.suite)
    if suite is None:
        raise SealError(f"suite {header.suite!r} is not known here")
    try:
        return bytes(suite.decrypt(envelope.body, key, info=_info(envelope.header)))
    except (InvalidTag, ValueError):
        raise SealError("the seal does not open: another key, or it was changed on its way") from None


def sign(message: msgspec.Struct, signer: Signer, *, historical: bool = False) -> Signed:
    """A message with its signature over the exact text that is sent."""
    text = encode(message).decode()
    return Signed(signed=text, sig=b64(signer.sign(text.encode())), historical=historical)


def check(signed: Signed, key: VerifyKey) -> str:
    """The signed text, believed. SealError where the signature is not by `key`."""
    data = signed.signed.encode()
    try:
        signature = unb64(signed.sig)
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, data)
        else:
            key.verify(signature, data, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError):
        raise SealError("the signature is not by the expected key") from None
    return signed.signed


def digest(text: str | bytes) -> str:
    """SHA-256 in hex, of a signed text or of enc ‖ ct."""
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def unb64(text: str) -> bytes:
    """Bytes of base64url without padding. BadMessage where it is none."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise BadMessage("not base64url") from None


def _info(header: str) -> bytes:
    return b"ephoto/v1" + hashlib.sha256(header.encode()).digest()


def _load_private(path: Path) -> object:
    try:
        return serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise SealError(f"{path}: no private key could be read ({type(error).__name__})") from None
