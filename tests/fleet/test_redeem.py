"""The administration's client: what comes back must belong to the code, and a lost answer is asked for again."""

import base64
import socket
from datetime import timedelta
from pathlib import Path

import pytest

from edge import seal
from fleet import keys, redeem
from fleet.redeem import Client, NoAnswer, NotOurs
from fleet.wire import Redeemed

from .booth import NOW, PORTRAIT, Booth, Made
from .conftest import REQUEST


def client(installation: Path, port: int) -> Client:
    admin = installation / "administration"
    url = f"https://127.0.0.1:{port}"
    return Client(url, installation / "ca/cert.pem", admin / "cert.pem", admin / "key.pem", pause=lambda _s: None)


def test_no_answer_at_all_is_told_with_what_was_tried(installation: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
    with pytest.raises(NoAnswer, match="in 5 tries"):
        client(installation, port).redeem("E" * 21, REQUEST)


def answer(made: Made, **change: object) -> Redeemed:
    fields: dict[str, object] = {
        "status": "redeemed", "request_id": REQUEST, "booth": made.booth, "deposit": made.id, "visit": made.visit,
        "header": made.manifest.header, "sealed": base64.b64encode(made.body).decode(), "sha256": made.manifest.sha256,
        "committed_at": NOW, "expires_at": made.expires_at, "redeemed_at": NOW, "answer_until": NOW + timedelta(days=3),
    }  # fmt: skip
    return Redeemed(**(fields | change))  # type: ignore[arg-type]


def test_what_comes_back_is_compared_with_the_code_the_booth_and_its_key(
    booth: Booth, installation: Path, tmp_path: Path
) -> None:
    key = seal.load_unsealing(installation / "administration/vault-key.pem")
    identity = redeem.booth_key(installation / "booths/lyon-03/cert.pem")
    made, other = booth.deposit(), booth.deposit()
    assert redeem.opened(answer(made), made.code, key, identity).content.portrait == PORTRAIT
    keys.make(tmp_path / "others", ["lyon-03"], [], NOW)
    wrong = {
        "another code's deposit": (answer(other), key, identity, "the code inside"),
        "another booth": (answer(made, booth="nice-01"), key, identity, "the booth inside"),
        "another deposit": (answer(made, deposit="0" * 32), key, identity, "the deposit inside"),
        "another header": (answer(made, header=other.manifest.header), key, identity, "does not open"),
        "changed bytes": (answer(made, sealed=base64.b64encode(made.body[:-1]).decode()), key, identity, "not open"),
        "another hash": (answer(made, sha256="0" * 64), key, identity, "sha256"),
        "another booth's key": (
            answer(made), key, redeem.booth_key(tmp_path / "others/booths/lyon-03/cert.pem"), "thumbprint",
        ),
        "another vault key": (
            answer(made), seal.load_unsealing(tmp_path / "others/administration/vault-key.pem"), identity, "not open",
        ),
    }  # fmt: skip
    for what, (redeemed, vault_key, booth_identity, why) in wrong.items():
        with pytest.raises(NotOurs, match=why):
            redeem.opened(redeemed, made.code, vault_key, booth_identity)
            pytest.fail(f"{what} was taken")
