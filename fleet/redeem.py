"""The administration's client: redeems a code, opens the deposit with the vault's private key, writes both pictures.

The code comes as an argument of the function (read from standard input by the command) and goes into a request's body
only. Confirms after the files are durable: until then the same request gets the same answer.
"""

import base64
import http.client
import os
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, x25519

from edge import code as codes
from edge.messages import BadMessage, Header, VaultContent, decode
from edge.seal import Envelope, SealError, digest, thumbprint, unseal

from .wire import Confirmation, ConfirmationRequest, Redeemed, RedemptionRequest, Refusal

TRIES = 5
TIMEOUT_S = 20.0
FIRST_PAUSE_S = 0.5
T = TypeVar("T")
_ENDINGS = {"image/jpeg": "jpg", "image/png": "png"}


class NoAnswer(Exception):
    """The fleet did not answer, or not as its API says. The same request may be sent again."""


class NotOurs(Exception):
    """What came back does not open, or does not belong to the code."""


@dataclass(frozen=True)
class Opened:
    """A redeemed deposit, opened and compared."""

    content: VaultContent
    redeemed: Redeemed


class Client:
    """One caller of the redemption API. `pause` waits between two tries."""

    def __init__(
        self, url: str, ca: Path, certificate: Path, key: Path, *, pause: Callable[[float], None] = time.sleep
    ) -> None:
        """OSError or ssl.SSLError for unusable TLS files, ValueError for a URL that is not https://host[:port]."""
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname:
            raise ValueError(f"{url!r}: the redemption API is at https://host:port")
        self._host, self._port = parts.hostname, parts.port or 443
        self._tls = ssl.create_default_context(cafile=ca)
        self._tls.load_cert_chain(certificate, key)
        self._pause = pause

    def redeem(self, code: str, request_id: str) -> Redeemed | Refusal:
        """NoAnswer where none came in TRIES tries, each with the same request_id: a lost answer is asked for again."""
        status, body = self._post("/v1/redemptions", RedemptionRequest(code, request_id))
        return _read(body, Redeemed) if status == 200 else _read(body, Refusal)

    def confirm(self, request_id: str) -> Confirmation | Refusal:
        """Says that the deposit is safe here. NoAnswer as above."""
        status, body = self._post(f"/v1/redemptions/{request_id}/confirmation", ConfirmationRequest())
        return _read(body, Confirmation) if status == 200 else _read(body, Refusal)

    def _post(self, path: str, body: msgspec.Struct) -> tuple[int, bytes]:
        why = ""
        for number in range(TRIES):
            if number:
                self._pause(FIRST_PAUSE_S * 2 ** (number - 1))
            connection = http.client.HTTPSConnection(self._host, self._port, timeout=TIMEOUT_S, context=self._tls)
            try:
                connection.request("POST", path, msgspec.json.encode(body), {"Content-Type": "application/json"})
                response = connection.getresponse()
                answer = response.read()
            except (OSError, http.client.HTTPException) as error:
                why = f"{type(error).__name__}: {error}"
            else:
                if response.status < 500:
                    return response.status, answer
                why = f"status {response.status}"
            finally:
                connection.close()
        raise NoAnswer(f"no answer from https://{self._host}:{self._port} in {TRIES} tries ({why})")


def opened(
    redeemed: Redeemed, code: str, key: x25519.X25519PrivateKey, booth: ec.EllipticCurvePublicKey | None
) -> Opened:
    """Opens the seal and compares what stands inside with what stands outside, with the code, and with the booth's key
    where it is given. NotOurs where anything differs."""
    try:
        body = base64.b64decode(redeemed.sealed, validate=True)
        header = decode(Header, redeemed.header)
        content = msgspec.msgpack.decode(unseal(Envelope(redeemed.header, body), key), type=VaultContent)
    except (BadMessage, SealError, ValueError, msgspec.DecodeError) as error:
        raise NotOurs(str(error)) from None
    if digest(body) != redeemed.sha256:
        raise NotOurs("the sealed deposit has not the sha256 that the fleet names")
    if content.code != codes.read(code):
        raise NotOurs("the code inside the seal is another one")
    if {content.booth, header.booth} != {redeemed.booth}:
        raise NotOurs("the booth inside the seal is another one than the fleet names")
    if {content.deposit, header.deposit} != {redeemed.deposit}:
        raise NotOurs("the deposit inside the seal is another one than the fleet names")
    if booth is not None and content.thumbprint != thumbprint(booth):
        raise NotOurs("the key thumbprint inside the seal is not that of the booth's certificate")
    return Opened(content, redeemed)


def booth_key(path: Path) -> ec.EllipticCurvePublicKey:
    """The public key in a booth's certificate. OSError or ValueError where there is none."""
    key = x509.load_pem_x509_certificate(path.read_bytes()).public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise ValueError(f"{path}: a booth's certificate has a P-256 key, this is another kind")
    return key


def write(content: VaultContent, folder: Path) -> dict[str, Path]:
    """`portrait.…` and `signature.…`, each whole and durable or not there, readable by their owner only."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    written = {}
    for name, data, kind in (
        ("portrait", content.portrait, content.portrait_type),
        ("signature", content.signature, content.signature_type),
    ):
        path = folder / f"{name}.{_ENDINGS.get(kind, 'bin')}"
        part = path.with_name(f".{path.name}.part")
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        written[name] = path
    entries = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(entries)
    finally:
        os.close(entries)
    return written


def summary(deposit: Opened, files: dict[str, Path], *, confirmed: bool) -> dict[str, Any]:
    """What was redeemed, for `--json`. Without the code."""
    content = deposit.content
    return {
        "status": "redeemed",
        "visit": content.visit,
        "booth": content.booth,
        "deposit": content.deposit,
        "service": content.service,
        "committed_at": _iso(content.committed_at),
        "expires_at": _iso(content.expires_at),
        "redeemed_at": _iso(deposit.redeemed.redeemed_at),
        "overrides": content.overrides,
        "portrait": str(files["portrait"]),
        "portrait_sha256": digest(content.portrait),
        "signature": str(files["signature"]),
        "signature_sha256": digest(content.signature),
        "confirmed": confirmed,
    }


def _iso(time_: datetime) -> str:
    return time_.isoformat()


def _read(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise NoAnswer(f"the answer is no {kind.__name__} of the redemption API") from None
