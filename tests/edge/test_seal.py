"""Seals and signatures: an independent HPKE opens ours, and whatever is changed on the way is seen."""

import hashlib
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, x25519
from pyhpke import AEADId, CipherSuite, KDFId, KEMId, KEMKey

from edge import messages as m
from edge import seal

KEY = x25519.X25519PrivateKey.generate()
HEADER = m.Header(
    suite=seal.SUITE, kid="k", booth="test-1", deposit="0" * 32, boot="b", seq=1,
    ts=datetime(2026, 1, 1, tzinfo=UTC), size=5,
)  # fmt: skip


def test_an_independent_hpke_opens_the_seal() -> None:
    sealed = seal.seal(b"a face", HEADER, KEY.public_key())
    suite = CipherSuite.new(KEMId.DHKEM_X25519_HKDF_SHA256, KDFId.HKDF_SHA256, AEADId.CHACHA20_POLY1305)
    key = KEMKey.from_pyca_cryptography_key(KEY)
    info = b"ephoto/v1" + hashlib.sha256(sealed.header.encode()).digest()
    opened = suite.create_recipient_context(sealed.body[:32], key, info=info).open(sealed.body[32:])
    assert opened == b"a face" == seal.unseal(sealed, KEY)


def test_a_changed_header_body_or_key_does_not_open() -> None:
    sealed = seal.seal(b"a face", HEADER, KEY.public_key())
    changed = sealed.header.replace('"seq":1', '"seq":2')
    for other in (
        seal.Envelope(changed, sealed.body),
        seal.Envelope(sealed.header, sealed.body[:-1] + b"\0"),
        seal.Envelope(sealed.header, b""),
    ):
        with pytest.raises(seal.SealError):
            seal.unseal(other, KEY)
    with pytest.raises(seal.SealError):
        seal.unseal(sealed, x25519.X25519PrivateKey.generate())


def test_an_unknown_suite_is_named() -> None:
    sealed = seal.seal(b"x", HEADER, KEY.public_key())
    other = seal.Envelope(sealed.header.replace("X25519-HKDF", "ROT13"), sealed.body)
    with pytest.raises(seal.SealError, match="not known"):
        seal.unseal(other, KEY)


def test_a_signature_is_believed_only_of_its_own_key_and_text() -> None:
    for signer, public, other in (
        (seal.BoothSigner(k := ec.generate_private_key(ec.SECP256R1())), k.public_key(),
         ec.generate_private_key(ec.SECP256R1()).public_key()),
        (seal.FleetSigner(f := ed25519.Ed25519PrivateKey.generate()), f.public_key(),
         ed25519.Ed25519PrivateKey.generate().public_key()),
    ):  # fmt: skip
        signed = seal.sign(HEADER, signer)
        assert seal.check(signed, public) == signed.signed
        wrong = "A" if signed.sig[20] != "A" else "B"
        for forged, key in (
            (m.Signed(signed=signed.signed + " ", sig=signed.sig), public),
            (m.Signed(signed=signed.signed, sig=signed.sig[:20] + wrong + signed.sig[21:]), public),
            (signed, other),
        ):
            with pytest.raises(seal.SealError):
                seal.check(forged, key)


def test_key_files_of_the_wrong_kind_say_so(tmp_path: object) -> None:
    from pathlib import Path

    path = Path(str(tmp_path)) / "key.pem"
    path.write_bytes(
        KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    with pytest.raises(seal.SealError, match="sealing key"):
        seal.load_verify(path)
    path.write_bytes(b"nonsense")
    with pytest.raises(seal.SealError, match="no private key"):
        seal.BoothSigner.from_file(path)
    with pytest.raises(seal.SealError, match="no public key"):
        seal.load_sealing(path)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"\xff\xfe", b'{"v":1}', b"x" * 70_000, b'{"v":2,"signed":"","sig":"A"}']
)
def test_a_body_that_is_no_message_is_one_clear_error(body: bytes) -> None:
    with pytest.raises(m.BadMessage, match="Signed"):
        m.decode(m.Signed, body)
