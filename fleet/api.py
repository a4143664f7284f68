"""The redemption API over mutual TLS. A code is read from a request's body only; no log line ever holds one.

Who calls is told by the client certificate's common name; only the callers named in the configuration may redeem.
"""

import base64
import logging
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import msgspec
from aiohttp import web

from edge import code as codes

from . import life, redemption
from .buckets import Buckets
from .keyring import Keyring
from .openapi import document
from .redemption import Confirmed, Handed, Refused
from .store import StoreThread
from .texts import Texts
from .wire import HTTP, Confirmation, ConfirmationRequest, Redeemed, RedemptionRequest, Refusal, Status

log = logging.getLogger(__name__)

MAX_REQUEST_BYTES = 4096
WRONG_CODE_COSTS = 10
"""Tokens of a code that is mistyped or was not seen; any other request costs one."""
FR, EN = Texts("fr"), Texts("en")

T = TypeVar("T")


class _Answered(Exception):
    """Ends a request with a refusal."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal


@dataclass(frozen=True)
class Api:
    """`monotonic_s`: seconds that never jump, for the callers' rates."""

    store: StoreThread
    keyring: Keyring
    callers: tuple[str, ...]
    buckets: Buckets
    clock: Callable[[], datetime]
    monotonic_s: Callable[[], float]

    def app(self) -> web.Application:
        app = web.Application(client_max_size=MAX_REQUEST_BYTES, middlewares=[_refusals])
        app.router.add_post("/v1/redemptions", self._redeem)
        app.router.add_post("/v1/redemptions/{request_id:[0-9a-f]{32}}/confirmation", self._confirm)
        app.router.add_get("/v1/openapi.json", self._document)
        return app

    async def _redeem(self, request: web.Request) -> web.Response:
        caller = self._caller(request)
        asked = await _body(request, RedemptionRequest)
        now = self.clock()
        code = codes.read(asked.code)
        if isinstance(code, codes.Mistyped):
            self._charge(caller, WRONG_CODE_COSTS)
            log.info("redemption caller=%s answer=mistyped", caller)
            key = "mistyped" if code.position is None else "mistyped_at"
            raise _Answered(_refusal("mistyped", key, position=code.position))
        marks = self.keyring.peppers.marks(code)
        answer = await self.store.ask(lambda db: redemption.redeem(db, marks, caller, asked.request_id, now))
        if isinstance(answer, Refused):
            self._charge(caller, WRONG_CODE_COSTS if answer.why == "not_seen" else 1)
            log.info("redemption caller=%s answer=%s", caller, answer.why)
            raise _Answered(_refusal(answer.why, since=answer.since))
        self._charge(caller, 1)
        log.info("redemption caller=%s answer=redeemed visit=%s", caller, answer.visit)
        return _json(_redeemed(answer, asked.request_id))

    async def _confirm(self, request: web.Request) -> web.Response:
        caller = self._caller(request)
        request_id = request.match_info["request_id"]
        asked = await _body(request, ConfirmationRequest)
        if asked.reason is not None and asked.outcome != "rejected":
            raise _Answered(_refusal("malformed", why="reason goes with outcome = rejected only"))
        self._charge(caller, 1)
        now = self.clock()
        answer = await self.store.ask(
            lambda db: redemption.confirm(db, caller, request_id, asked.outcome, asked.reason, now)
        )
        if not isinstance(answer, Confirmed):
            log.info("confirmation caller=%s answer=%s", caller, answer)
            raise _Answered(_refusal(answer))
        log.info("confirmation caller=%s outcome=%s booth=%s", caller, answer.outcome, answer.key.booth)
        return _json(Confirmation("confirmed", request_id, answer.outcome))

    async def _document(self, request: web.Request) -> web.Response:
        self._caller(request)
        return web.json_response(document())

    def _caller(self, request: web.Request) -> str:
        """The caller's name, allowed to call now."""
        certificate = request.get_extra_info("peercert") or {}
        names = [value for part in certificate.get("subject", ()) for key, value in part if key == "commonName"]
        if len(names) != 1 or names[0] not in self.callers:
            log.warning("redemption refused: a certificate that may not redeem")
            raise _Answered(_refusal("not_allowed"))
        caller = str(names[0])
        wait_s = self.buckets.wait_s(caller, self.monotonic_s())
        if wait_s:
            log.warning("redemption caller=%s answer=too_many", caller)
            raise _Answered(_refusal("too_many", seconds=wait_s, retry_after_s=wait_s))
        return caller

    def _charge(self, caller: str, tokens: int) -> None:
        self.buckets.take(caller, tokens, self.monotonic_s())


def server_context(ca: Path, certificate: Path, key: Path) -> ssl.SSLContext:
    """TLS that takes only clients with a certificate of the own CA. OSError, ssl.SSLError as they come."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(certificate, key)
    return context


def _redeemed(handed: Handed, request_id: str) -> Redeemed:
    return Redeemed(
        status="redeemed",
        request_id=request_id,
        booth=handed.key.booth,
        deposit=handed.key.id,
        visit=handed.visit,
        header=handed.header,
        sealed=base64.b64encode(handed.body).decode(),
        sha256=handed.sha256,
        committed_at=handed.committed_at,
        expires_at=handed.expires_at,
        redeemed_at=handed.used_at,
        answer_until=handed.used_at + life.ANSWER_KEPT,
    )


def _refusal(
    status: Status,
    key: str | None = None,
    *,
    since: datetime | None = None,
    position: int | None = None,
    retry_after_s: int | None = None,
    **params: object,
) -> Refusal:
    def sentence(texts: Texts) -> str:
        at = {} if since is None else {"at": texts.at(since)}
        return texts(f"answer.{key or status}", position=position, **at, **params)

    return Refusal(status, sentence(FR), sentence(EN), since, position, retry_after_s)


async def _body(request: web.Request, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(await request.read(), type=kind)
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError) as error:
        # the codec's words name fields and types, never values of strings
        raise _Answered(_refusal("malformed", why=str(error))) from None


@web.middleware
async def _refusals(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except _Answered as answered:
        refusal = answered.refusal
        headers = {} if refusal.retry_after_s is None else {"Retry-After": str(refusal.retry_after_s)}
        return _json(refusal, HTTP[refusal.status], headers)
    except web.HTTPRequestEntityTooLarge:
        why = f"at most {MAX_REQUEST_BYTES} bytes are read"
        return _json(_refusal("malformed", why=why), HTTP["malformed"])


def _json(body: msgspec.Struct, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(body),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store", **(headers or {})},
    )
