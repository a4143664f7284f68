"""The commands `redeem`, `explain`, `booths` and `refund`: what they print and their exit statuses.

A code is read from standard input, never from an argument, and is never printed.
"""

import argparse
import json
import secrets
import sqlite3
import ssl
import sys
from datetime import UTC, datetime
from pathlib import Path

from edge import code as codes
from edge.seal import SealError, load_unsealing

from . import claims, redeem, story
from .claims import NoRefund
from .config import Config
from .keyring import Booths
from .life import PARIS
from .pepper import Pepper, PepperError, Peppers
from .presence import presences
from .redeem import NoAnswer, NotOurs
from .store import StoreError, open_store
from .wire import Refusal

_NO_REFUND = {
    "unknown": "no claim has this number",
    "refunded": "it is refunded already",
    "code_used": "its ticket's code was used: the customer has what was paid for",
    "amount_unknown": "its amount is not known: name it with --cents",
    "other_amount": "its amount is another one: leave --cents out",
}


def redeem_code(args: argparse.Namespace) -> int:
    """`fleet redeem`: 0 redeemed, 1 no answer or an unusable file, 3 refused, 4 not ours."""
    request_id = args.request_id or secrets.token_hex(16)
    again = f"Nothing is lost: run it again with --request-id {request_id} within 72 h."
    try:
        key = load_unsealing(args.vault_key)
        booth = redeem.booth_key(args.booth_cert) if args.booth_cert else None
        client = redeem.Client(args.url, args.ca, args.cert, args.key)
    except (SealError, ssl.SSLError, OSError, ValueError) as error:
        return _fail("redeem", str(error))
    code = sys.stdin.readline().strip()
    try:
        answer = client.redeem(code, request_id)
        if isinstance(answer, Refusal):
            return _refused(answer, as_json=args.json)
        deposit = redeem.opened(answer, code, key, booth)
    except NoAnswer as error:
        return _fail("redeem", f"{error}. {again}")
    except NotOurs as error:
        print(f"fleet redeem: {error}. Nothing was written nor confirmed. {again}", file=sys.stderr)
        return 4
    try:
        files = redeem.write(deposit.content, args.out or Path(deposit.content.visit))
    except OSError as error:
        return _fail("redeem", f"{error}. {again}")
    confirmed = False
    if not args.no_confirm:
        try:
            refusal = client.confirm(request_id)
        except NoAnswer as error:
            # both pictures are safe here, and the fleet erases by itself after 72 h
            print(f"fleet redeem: not confirmed: {error}", file=sys.stderr)
        else:
            confirmed = not isinstance(refusal, Refusal)
            if isinstance(refusal, Refusal):
                print(f"fleet redeem: not confirmed: {refusal.sentence_en}", file=sys.stderr)
    told = redeem.summary(deposit, files, confirmed=confirmed)
    if args.json:
        print(json.dumps(told))
        return 0
    content = deposit.content
    print(f"Redeemed: visit {content.visit}, booth {content.booth}, for {content.service}.")
    print(f"Made {_at(content.committed_at)}, redeemed {_at(answer.redeemed_at)}.")
    if content.overrides:
        print(f"Findings that the customer overrode: {', '.join(content.overrides)}.")
    print(f"Portrait:  {files['portrait']}\nSignature: {files['signature']}")
    print("Confirmed: the fleet has erased its copy." if confirmed else "Not confirmed.")
    return 0


def explain(args: argparse.Namespace, config: Config) -> int:
    """`fleet explain VISIT|-`: 0 told, 3 nothing is known of it."""
    now = datetime.now(UTC)
    if isinstance(codes.read(args.visit), str):
        print("fleet explain: a code is read on standard input only: fleet explain -", file=sys.stderr)
        return 2
    try:
        db = _vault(config)
        if args.visit == "-":
            code = codes.read(sys.stdin.readline())
            if isinstance(code, codes.Mistyped):
                at = "" if code.position is None else f"; character {code.position} looks wrong"
                print(f"This code is mistyped{at}.")
                return 3
            peppers = Peppers(tuple(map(Pepper.from_file, config.paths(config.tables.keys.peppers))))
            told = story.of_code(db, peppers.marks(code), now)
        else:
            told = story.of_visit(db, args.visit.upper(), now)
    except (StoreError, PepperError, sqlite3.Error) as error:
        return _fail("explain", str(error))
    if told is None:
        print("Not arrived yet or never issued: nothing of it is known here.")
        return 3
    print("\n".join(story.sentences(told, now)))
    return 0


def booths(args: argparse.Namespace, config: Config) -> int:
    """`fleet booths [--claims]`: a table."""
    now = datetime.now(UTC)
    try:
        db = _vault(config)
        if args.claims:
            rows = [["CLAIM", "BOOTH", "VISIT", "AMOUNT", "REASON", "OPENED"]]
            rows += [
                [c.number, c.booth, c.visit, _euros(c.cents), c.reason, _at(c.opened_at)]
                for c in claims.open_claims(db)
            ]
        else:
            registered = Booths(config.path(config.tables.keys.booths)).ids()
            owed = [claim.booth for claim in claims.open_claims(db)]
            rows = [["BOOTH", "STATE", "SINCE", "LAST SEEN", "CLOSED", "CLAIMS", "WARNINGS"]]
            rows += [
                [
                    p.booth,
                    p.state,
                    _at(p.since),
                    _at(p.last_seen),
                    ", ".join(gate.name for gate in p.closed) or ("-" if p.gate_known else "?"),
                    str(owed.count(p.booth)),
                    p.warnings,
                ]
                for p in presences(db, registered, now)
            ]
    except (StoreError, sqlite3.Error) as error:
        return _fail("booths", str(error))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0


def refund(args: argparse.Namespace, config: Config) -> int:
    """`fleet refund CLAIM`: 0 refunded, 3 refused."""
    try:
        db = _vault(config)
        done = claims.refund(db, args.claim.upper(), args.cents, datetime.now(UTC))
    except (StoreError, sqlite3.Error) as error:
        return _fail("refund", str(error))
    if isinstance(done, NoRefund):
        print(f"Claim {args.claim.upper()} is not refunded: {_NO_REFUND[done.why]}.")
        return 3
    withdrawn = " Its code is revoked." if done.reason in claims.TICKET_REASONS else ""
    print(f"Claim {done.number} is refunded: {_euros(done.cents)}.{withdrawn}")
    return 0


def _vault(config: Config) -> sqlite3.Connection:
    path = config.path(config.tables.vault.database)
    if not path.is_file():
        raise StoreError(f"{path}: there is no database yet; `fleet serve` makes it")
    return open_store(path)


def _refused(refusal: Refusal, *, as_json: bool) -> int:
    if as_json:
        told = {"status": refusal.status, "sentence_fr": refusal.sentence_fr, "sentence_en": refusal.sentence_en}
        print(json.dumps(told, ensure_ascii=False))
    else:
        print(f"Refused ({refusal.status}): {refusal.sentence_en}\n{refusal.sentence_fr}")
    return 3


def _fail(command: str, why: str) -> int:
    print(f"fleet {command}: {why}", file=sys.stderr)
    return 1


def _euros(cents: int | None) -> str:
    return "to be set" if cents is None else f"{cents / 100:.2f} €"


def _at(time: datetime | None) -> str:
    return "-" if time is None else time.astimezone(PARIS).strftime("%Y-%m-%d %H:%M:%S")
