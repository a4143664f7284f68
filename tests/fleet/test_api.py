"""The redemption API over real HTTP and real mutual TLS; every answer is checked against the OpenAPI document."""

import asyncio
import base64
import http.client
import json
import logging
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from aiohttp import web
from openapi_spec_validator import validate

from edge import code as codes
from fleet import keys, openapi
from fleet.api import Api, server_context
from fleet.buckets import Buckets
from fleet.redeem import Client
from fleet.store import StoreThread
from fleet.wire import HTTP, Redeemed

from .booth import Booth
from .conftest import NOW, REQUEST, Fleet
from .relay import LosesAnswers

ROOT = Path(__file__).parents[2]


@dataclass
class Served:
    """A running API; `monotonic_s` is the test's to move."""

    installation: Path
    fleet: Fleet
    port: int = 0
    monotonic_s: float = 0.0
    answers: list[tuple[str, int]] = field(default_factory=list)

    def context(self, who: str | None) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.installation / "ca/cert.pem")
        if who is not None:
            context.load_cert_chain(self.installation / who / "cert.pem", self.installation / who / "key.pem")
        return context

    def post(
        self, path: str, body: object, who: str | None = "administration"
    ) -> tuple[int, dict[str, Any], http.client.HTTPMessage]:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=10, context=self.context(who))
        try:
            connection.request("POST", path, raw, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer = json.loads(response.read())
        finally:
            connection.close()
        fits_the_document(path, response.status, answer)
        return response.status, answer, response.headers

    def redeem(self, code: str, request: str = REQUEST) -> tuple[int, dict[str, Any]]:
        return self.post("/v1/redemptions", {"code": code, "request_id": request})[:2]

    def confirm(self, request: str = REQUEST, **body: str) -> tuple[int, dict[str, Any]]:
        return self.post(f"/v1/redemptions/{request}/confirmation", body)[:2]


def fits_the_document(path: str, status: int, answer: object) -> None:
    document = json.loads((ROOT / "docs/openapi.json").read_text())
    name = "/v1/redemptions/{request_id}/confirmation" if path.endswith("confirmation") else "/v1/redemptions"
    response = document["paths"][name]["post"]["responses"][str(status)]
    schema = response["content"]["application/json"]["schema"]
    jsonschema.Draft202012Validator(
        {**schema, "components": document["components"]}, format_checker=jsonschema.FormatChecker()
    ).validate(answer)


@pytest.fixture
def served(fleet: Fleet, installation: Path) -> Iterator[Served]:
    it = Served(installation, fleet)
    loop = asyncio.new_event_loop()
    up, down = threading.Event(), asyncio.Event()

    async def main() -> None:
        store = StoreThread(fleet.path)
        api = Api(
            store=store,
            keyring=fleet.keys,
            callers=("prefecture",),
            buckets=Buckets(burst=100, per_minute=60),
            clock=lambda: fleet.now,
            monotonic_s=lambda: it.monotonic_s,
        )
        runner = web.AppRunner(api.app(), access_log=None)
        await runner.setup()
        here = installation / "fleet"
        tls = server_context(installation / "ca/cert.pem", here / "api-cert.pem", here / "api-key.pem")
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        it.port = runner.addresses[0][1]
        up.set()
        await down.wait()
        await runner.cleanup()
        store.close()

    thread = threading.Thread(target=lambda: loop.run_until_complete(main()))
    thread.start()
    assert up.wait(10)
    yield it
    loop.call_soon_threadsafe(down.set)
    thread.join()
    loop.close()


def test_the_checked_in_document_is_the_codes_own_and_valid() -> None:
    assert (ROOT / "docs/openapi.json").read_text() == openapi.text()
    validate(openapi.document())


def test_each_refusal_has_a_status_of_its_own_in_its_operation() -> None:
    for path in openapi.document()["paths"].values():
        statuses = list(path["post"]["responses"])
        assert len(statuses) == len(set(statuses))
    assert len({HTTP[s] for s in ("pending", "used", "expired", "revoked", "not_seen", "mistyped")}) == 6


def test_a_live_code_is_redeemed_however_it_is_typed(served: Served, booth: Booth) -> None:
    made = served.fleet.live(booth)
    status, answer = served.redeem(codes.shown(made.code).lower().replace("0", "o").replace("1", "l"))
    assert (status, answer["status"]) == (200, "redeemed")
    assert base64.b64decode(answer["sealed"]) == made.body
    assert (answer["header"], answer["visit"], answer["sha256"]) == (
        made.manifest.header, made.visit, made.manifest.sha256,
    )  # fmt: skip


def test_a_lost_answer_is_answered_again_word_for_word_until_confirmed(served: Served, booth: Booth) -> None:
    made = served.fleet.live(booth)
    first = served.redeem(made.code)
    served.fleet.now += timedelta(hours=3)
    assert served.redeem(made.code) == first
    assert served.redeem(made.code, "b" * 32)[1]["status"] == "used"
    assert served.confirm() == (200, {"status": "confirmed", "request_id": REQUEST, "outcome": "received"})
    assert served.redeem(made.code)[1]["status"] == "used"
    assert served.confirm(outcome="rejected", reason="signature")[0] == 200
    assert served.confirm(outcome="accepted")[1]["status"] == "already_confirmed"
    assert served.confirm("f" * 32)[1]["status"] == "unknown_request"


def test_the_client_asks_again_for_a_lost_answer_with_the_same_request(served: Served, booth: Booth) -> None:
    made = served.fleet.live(booth)
    relay = LosesAnswers(served.port, lost=3)
    admin = served.installation / "administration"
    client = Client(
        f"https://127.0.0.1:{relay.port}",
        served.installation / "ca/cert.pem",
        admin / "cert.pem",
        admin / "key.pem",
        pause=lambda _s: None,
    )
    answer = client.redeem(made.code, REQUEST)
    relay.close()
    assert isinstance(answer, Redeemed) and base64.b64decode(answer.sealed) == made.body
    assert relay.connections == 4
    assert served.fleet.state(made) == "used"


def test_every_refusal_says_why_in_both_languages(served: Served, booth: Booth) -> None:
    fleet = served.fleet
    unknown = booth.deposit()
    pending, revoked, expired = booth.deposit(), booth.deposit(), fleet.live(booth)
    fleet.take(*pending.messages[0])
    for message in revoked.messages:
        fleet.take(*message)
    fleet.take(booth.topics.event, booth.word(revoked, "failed"))
    used = fleet.live(booth)
    fleet.redeem(used, "someone", "d" * 32)
    fleet.now = expired.expires_at
    cases = {"not_seen": unknown, "revoked": revoked, "expired": expired, "used": used}
    for name, made in cases.items():
        status, answer = served.redeem(made.code)
        assert (status, answer["status"]) == (HTTP[name], name)  # type: ignore[index]
        assert answer["sentence_fr"] and answer["sentence_en"] and answer["sentence_fr"] != answer["sentence_en"]
        assert made.code not in json.dumps(answer)
    fleet.now = NOW
    assert served.redeem(pending.code) == (
        425,
        {
            "status": "pending",
            "sentence_fr": "Ce code est connu, mais la photo n'est pas encore entièrement arrivée. "
            "Réessayez plus tard.",
            "sentence_en": "This code is known, but the photo has not wholly arrived yet. Try again later.",
            "since": "2026-11-23T14:30:00Z",
        },
    )


def test_a_mistyped_code_is_told_with_the_character_that_looks_wrong(served: Served, booth: Booth) -> None:
    code = served.fleet.live(booth).code
    wrong = code[:6] + ("A" if code[6] != "A" else "B") + code[7:]
    status, answer = served.redeem(wrong)
    assert (status, answer["status"], answer["position"]) == (422, "mistyped", 7)
    assert "7" in answer["sentence_fr"] and "7" in answer["sentence_en"]
    assert "position" not in served.redeem("E12")[1]


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff", b"[]", {}, {"code": "x"}, {"code": "x", "request_id": "E" * 21}, {"code": 1, "request_id": "a" * 32},
     {"code": "x", "request_id": "a" * 32, "more": 1}, {"code": "x" * 101, "request_id": "a" * 32}, b"x" * 5000],
)  # fmt: skip
def test_a_call_that_cannot_be_read_changes_nothing(served: Served, booth: Booth, body: object) -> None:
    made = served.fleet.live(booth)
    assert served.post("/v1/redemptions", body)[:2][0] == 400
    assert served.fleet.state(made) == "live"


def test_a_reason_without_a_rejection_is_malformed(served: Served) -> None:
    assert served.confirm(outcome="accepted", reason="portrait")[0] == 400


def test_only_callers_named_in_the_configuration_may_redeem(served: Served, booth: Booth) -> None:
    made = served.fleet.live(booth)
    for who in ("observer", "booths/lyon-03"):
        status, answer, _ = served.post("/v1/redemptions", {"code": made.code, "request_id": REQUEST}, who)
        assert (status, answer["status"]) == (403, "not_allowed")
    assert served.fleet.state(made) == "live"


def answer_to(context: ssl.SSLContext, port: int) -> bytes:
    """What a client with this context gets for a request: nothing, where its certificate is not taken."""
    try:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=10) as raw,
            context.wrap_socket(raw, server_hostname="127.0.0.1") as tls,
        ):
            tls.sendall(b"GET /v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n")
            return tls.recv(12)
    except (ssl.SSLError, ConnectionError):
        return b""


def test_nobody_gets_in_without_a_certificate_of_the_installation(served: Served, tmp_path: Path) -> None:
    keys.make(tmp_path / "other", ["lyon-03"], [], NOW)
    stranger = served.context(None)
    stranger.load_cert_chain(tmp_path / "other/administration/cert.pem", tmp_path / "other/administration/key.pem")
    assert answer_to(served.context(None), served.port) == b""
    assert answer_to(stranger, served.port) == b""
    assert answer_to(served.context("administration"), served.port) == b"HTTP/1.1 200"


def test_wrong_codes_cost_ten_times_as_much_and_a_refused_call_changes_nothing(served: Served, booth: Booth) -> None:
    made = served.fleet.live(booth)
    for n in range(10):
        assert served.redeem("E" * 21 if n % 2 else booth.deposit().code)[0] in (404, 422)
    body = {"code": made.code, "request_id": REQUEST}
    status, answer, headers = served.post("/v1/redemptions", body)
    assert (status, answer["status"], headers["Retry-After"]) == (429, "too_many", "1")
    assert served.fleet.state(made) == "live"
    served.monotonic_s += answer["retry_after_s"]
    assert served.redeem(made.code)[0] == 200


def test_no_code_is_ever_logged(served: Served, booth: Booth, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        made, unseen = served.fleet.live(booth), booth.deposit()
        wrong = made.code[:6] + ("A" if made.code[6] != "A" else "B") + made.code[7:]
        for code in (made.code, made.code, wrong, unseen.code):
            served.redeem(code)
        served.redeem(made.code, "b" * 32)
        served.post("/v1/redemptions", {"code": made.code, "request_id": made.code})
        served.confirm()
    for answer in ("redeemed", "mistyped", "not_seen", "used"):
        assert f"answer={answer}" in caplog.text
    for secret in (made.code, wrong, unseen.code, codes.shown(made.code)):
        assert secret not in caplog.text
