"""Makes the keys of a trial installation, all on one machine. Never overwrites a file, never prints a key.

In the field each private key is made where it is used and only certificates travel. What is made, under DIR (private
files, marked *, have mode 0600):

    ca/cert.pem  ca/key.pem*                 the installation's own CA; every side trusts cert.pem and nothing else
    public/vault.pem index.pem fleet.pem     what a booth seals for (X25519) and checks receipts with (Ed25519)
    broker/cert.pem key.pem*                 the MQTT broker's TLS server (localhost, 127.0.0.1, the --host names)
    fleet/api-cert.pem api-key.pem*          the redemption API's TLS server, same names
    fleet/mqtt-cert.pem mqtt-key.pem*        the fleet as the broker's client: common name `_srv`
    fleet/signing.pem*                       Ed25519: receipts and commands
    fleet/index.pem*                         X25519: opens the index seals
    fleet/pepper*                            64 hex digits: HMAC key of the stored codes
    fleet/booths/<id>.pem                    the booths' certificates, which the fleet verifies them with
    booths/<id>/cert.pem key.pem*            a booth's identity (P-256): TLS client, signs manifests and events
    administration/cert.pem key.pem*         the administration's TLS client: common name `prefecture`
    administration/vault-key.pem*            X25519: opens the deposits. Only `fleet redeem` reads it, never the server
    observer/cert.pem key.pem*               a client without any right, for tests: common name `observer`
"""

import ipaddress
import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, x25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ADMINISTRATION = "prefecture"
OBSERVER = "observer"
SERVER = "_srv"
"""The fleet's name on the broker; no booth's id can be it (provisioning/broker/acl)."""
VALID_FOR = timedelta(days=730)
SLOW_CLOCK = timedelta(days=1)
"""Certificates begin this much in the past: a board without a clock may wake up late."""

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | x25519.X25519PrivateKey
PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | x25519.X25519PublicKey


class KeysExist(Exception):
    """The folder holds something already; keys are never overwritten."""


@dataclass(frozen=True)
class _Authority:
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    now: datetime


def make(folder: Path, booths: list[str], hosts: list[str], now: datetime) -> None:
    """A whole installation's keys in `folder` (layout above). KeysExist where it is not empty, OSError as it comes."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise KeysExist(f"{folder} is not empty; keys are never overwritten: name another folder or remove it yourself")
    authority = _authority(now)
    _write_private(folder / "ca/key.pem", authority.key)
    _write(folder / "ca/cert.pem", _pem(authority.certificate))

    names = ["localhost", "127.0.0.1", *hosts]
    for where, cert, key in (("broker", "cert", "key"), ("fleet", "api-cert", "api-key")):
        _identity(authority, folder / where / f"{cert}.pem", folder / where / f"{key}.pem", names[0], names)
    _identity(authority, folder / "fleet/mqtt-cert.pem", folder / "fleet/mqtt-key.pem", SERVER)
    _identity(authority, folder / "administration/cert.pem", folder / "administration/key.pem", ADMINISTRATION)
    _identity(authority, folder / "observer/cert.pem", folder / "observer/key.pem", OBSERVER)
    for booth in booths:
        _identity(authority, folder / "booths" / booth / "cert.pem", folder / "booths" / booth / "key.pem", booth)
        _write(folder / "fleet/booths" / f"{booth}.pem", (folder / "booths" / booth / "cert.pem").read_bytes())

    signing, index, vault = (
        ed25519.Ed25519PrivateKey.generate(),
        x25519.X25519PrivateKey.generate(),
        x25519.X25519PrivateKey.generate(),
    )
    _write_private(folder / "fleet/signing.pem", signing)
    _write_private(folder / "fleet/index.pem", index)
    _write_private(folder / "administration/vault-key.pem", vault)
    _write(folder / "fleet/pepper", secrets.token_hex(32).encode() + b"\n", private=True)
    for name, public in (
        ("fleet", signing.public_key()),
        ("index", index.public_key()),
        ("vault", vault.public_key()),
    ):
        _write(folder / "public" / f"{name}.pem", _public_pem(public))


def _authority(now: datetime) -> _Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ePhoto trial installation CA")])
    certificate = (
        _started(name, name, key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(ca=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return _Authority(key, certificate, now)


def _identity(authority: _Authority, cert: Path, key: Path, name: str, hosts: list[str] | None = None) -> None:
    """A P-256 key and its certificate: a TLS server's where it has host names, else a TLS client's."""
    private = ec.generate_private_key(ec.SECP256R1())
    public = private.public_key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    purpose = ExtendedKeyUsageOID.SERVER_AUTH if hosts else ExtendedKeyUsageOID.CLIENT_AUTH
    built = (
        _started(subject, authority.certificate.subject, public, authority.now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(ca=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        # Python 3.13 verifies strictly: both key identifiers must be there
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()),
            critical=False,
        )
    )
    if hosts:
        built = built.add_extension(x509.SubjectAlternativeName([_host(host) for host in hosts]), critical=False)
    _write_private(key, private)
    _write(cert, _pem(built.sign(authority.key, hashes.SHA256())))


def _started(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now.astimezone(UTC) - SLOW_CLOCK)
        .not_valid_after(now.astimezone(UTC) + VALID_FOR)
    )


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        key_cert_sign=ca,
        crl_sign=ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _host(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _public_pem(key: PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _write_private(path: Path, key: PrivateKey) -> None:
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    _write(path, pem, private=True)


def _write(path: Path, data: bytes, *, private: bool = False) -> None:
    """Creates the file with its final mode, so that a private key is never readable by others for a moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o644), "wb") as file:
        file.write(data)
