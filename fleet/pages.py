"""The pages: the operator's list of booths, and a visit's status for the ticket's QR. Both only read.

They are two applications for two listeners: the visit page may be made public, the operator's never. Every value is
escaped; nothing is loaded from elsewhere.
"""

import re
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from . import alerts, story
from .claims import Claim, open_claims
from .keyring import Booths
from .life import State
from .presence import Presence, presences
from .store import StoreThread, when
from .story import Story
from .texts import Language, Texts

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_VISIT = re.compile(r"[0-9A-HJKMNP-TV-Z]{10}")


@dataclass(frozen=True)
class AlertLine:
    booth: str
    name: str
    what: str
    count: int
    last: datetime


def operator_app(store: StoreThread, booths: Booths, clock: Callable[[], datetime]) -> web.Application:
    """`GET /`: every booth with state, since when and why."""

    async def page(request: web.Request) -> web.Response:
        now = clock()
        shown, claims, lines = await store.ask(lambda db: _read(db, booths, now))
        by_booth: dict[str, list[Claim]] = {}
        for claim in claims:
            by_booth.setdefault(claim.booth, []).append(claim)
        return _html("page.html", t=_language(request), now=now, booths=shown, claims=by_booth, alerts=lines)

    app = web.Application()
    app.router.add_get("/", page)
    return app


def visits_app(store: StoreThread, contact: str, clock: Callable[[], datetime]) -> web.Application:
    """`GET /visit/<visit number>`: what the ticket's QR leads to, French first."""

    async def page(request: web.Request) -> web.Response:
        visit, now = request.match_info["visit"].upper(), clock()
        if not _VISIT.fullmatch(visit):
            raise web.HTTPNotFound
        told = await store.ask(lambda db: story.of_visit(db, visit, now))
        state = _visit_state(told)
        parts = [(texts, _visit_lines(texts, told, state)) for texts in (Texts("fr"), Texts("en"))]
        return _html("visit.html", parts=parts, state=state, visit=visit, contact=contact)

    app = web.Application()
    app.router.add_get("/visit/{visit}", page)
    return app


def _read(db: sqlite3.Connection, booths: Booths, now: datetime) -> tuple[list[Presence], list[Claim], list[AlertLine]]:
    lines = [
        AlertLine(row["booth"], row["name"], row["what"], row["count"], when(row["last_ms"]))
        for row in alerts.open_alerts(db, now)
    ]
    return presences(db, booths.ids(), now), open_claims(db), lines


def _visit_state(told: Story | None) -> str:
    if told is None:
        return "unseen"
    if told.code is None:
        return "none" if told.claims else "pending"
    if told.code.dates.state == State.USED and told.code.outcome == "rejected":
        return "rejected"
    return told.code.dates.state.value


def _visit_lines(texts: Texts, told: Story | None, state: str) -> list[str]:
    lines = []
    if told is not None and told.code is not None:
        dates = told.code.dates
        lines.append(texts(f"visit.{state}", at=texts.at(dates.state_since), until=texts.day(dates.expires_at)))
    elif state != "none":
        lines.append(texts(f"visit.{state}"))
    for claim in told.claims if told is not None else []:
        if claim.cents is None:
            lines.append(texts("visit.claim_unknown", number=claim.number))
        elif claim.refunded_at is None:
            lines.append(texts("visit.claim", number=claim.number, euros=texts.euros(claim.cents)))
        else:
            at = texts.at(claim.refunded_at)
            lines.append(texts("visit.refunded", number=claim.number, euros=texts.euros(claim.cents), at=at))
    return lines


def _language(request: web.Request) -> Texts:
    wanted = request.headers.get("Accept-Language", "").lower()
    language: Language = "en" if wanted.startswith("en") else "fr"
    return Texts(language)


def _html(template: str, **values: object) -> web.Response:
    text = _templates().get_template(template).render(style=_style(), **values)
    return web.Response(text=text, content_type="text/html", headers=HEADERS)


@cache
def _templates() -> Environment:
    return Environment(loader=PackageLoader("fleet"), autoescape=True, undefined=StrictUndefined)


@cache
def _style() -> str:
    return files("fleet").joinpath("templates/style.css").read_text("utf-8")
