"""Takes in deposits: a signed manifest and its chunks, in any order, repeated or interleaved, until they are whole.

Never opens a deposit (it has no key for it) and never writes an index seal or a code: the seal is opened in memory and
leaves HMAC(pepper, code).

When a receipt is sent: on every manifest, first or again, `missing` with the chunks that are not here, or `stored`; on
the chunk that completes it, `stored`. No other chunk is answered.
"""

import re
import sqlite3
from dataclasses import dataclass
from datetime import datetime

from edge import code as codes
from edge.messages import (
    CHUNK_BYTES,
    MAX_DEPOSIT_BYTES,
    BadMessage,
    Header,
    IndexContent,
    Manifest,
    decode,
)
from edge.seal import Envelope, SealError, digest, unb64, unseal

from . import alerts, life, tally, vault
from .keyring import Keyring
from .life import State
from .receipts import Item, Receipts
from .store import ms
from .vault import Key

MAX_UNFINISHED = 512
"""Manifests of one booth whose deposits are not whole. A booth sends one at a time; more is a fault or an attack."""
_ID = re.compile(r"[0-9a-f]{32}")


class Unfit(Exception):
    """Why a manifest or event of a known sender is rejected. The text goes into the receipt and holds no content."""


@dataclass(frozen=True)
class Deposits:
    """`unfinished_bytes`: what one booth's chunks may take up while their deposits are not whole."""

    db: sqlite3.Connection
    keyring: Keyring
    receipts: Receipts
    unfinished_bytes: int

    def take_manifest(self, booth: str, deposit: str, text: str, now: datetime) -> bytes | None:
        """`text`: the exact text that the booth signed. The receipt; None where it is to be sent again later."""
        item = Item(booth, "deposit", deposit, digest(text))
        try:
            known = self._row(Key(booth, deposit))
            if known is None:
                if self._unfinished(booth) >= MAX_UNFINISHED:
                    what = f"{MAX_UNFINISHED} deposits are not whole, no further one is taken in"
                    alerts.raise_alert(self.db, booth, "too_many_unfinished", what, now)
                    return None
                self._register(booth, deposit, text, item.sha256, now)
            elif known["manifest_sha256"] != item.sha256:
                raise Unfit("this deposit's manifest was another one before")
            return self._answer(item, now)
        except Unfit as error:
            alerts.raise_alert(self.db, booth, "manifest_rejected", f"deposit {deposit}: {error}", now)
            return self.receipts.make(item, "rejected", now, why=str(error))

    def take_chunk(self, booth: str, deposit: str, number: int, body: bytes, now: datetime) -> bytes | None:
        """The receipt where this chunk makes the deposit whole (or shows that it is wrong), else None."""
        key = Key(booth, deposit)
        row = self._row(key)
        fits = 0 < len(body) <= CHUNK_BYTES and number < MAX_DEPOSIT_BYTES // CHUNK_BYTES
        if row is not None:
            fits = number < row["chunks"] and len(body) == min(CHUNK_BYTES, row["size"] - number * CHUNK_BYTES)
        if not fits or not _ID.fullmatch(deposit):
            what = f"chunk {number} with {len(body)} bytes does not fit its deposit"
            alerts.raise_alert(self.db, booth, "chunk_unfit", what, now)
            return None
        if row is not None and (row["stored_ms"] is not None or row["state"] == State.REVOKED):
            return None
        if not self._room(booth, key, len(body), now):
            return None
        self.db.execute(
            "INSERT INTO chunk (booth, deposit, n, received_ms, size, body) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET received_ms = excluded.received_ms, size = excluded.size, body = excluded.body",
            (*key, number, ms(now), len(body), body),
        )
        if row is None or self._missing(key, row["chunks"]):
            return None
        item = Item(booth, "deposit", deposit, row["manifest_sha256"])
        try:
            return self._answer(item, now)
        except Unfit as error:
            alerts.raise_alert(self.db, booth, "deposit_rejected", f"deposit {deposit}: {error}", now)
            return self.receipts.make(item, "rejected", now, why=str(error))

    def _register(self, booth: str, deposit: str, text: str, sha256: str, now: datetime) -> None:
        manifest, content = self._read(booth, deposit, text)
        latest = life.latest_expiry(content.committed_at)
        if content.expires_at > latest:
            alerts.raise_alert(self.db, booth, "expiry_too_late", f"visit {manifest.visit}: cut to six months", now)
        mark = self.keyring.peppers.current.mark(content.code)
        marks = self.keyring.peppers.marks(content.code)
        holes = ", ".join("?" * len(marks))
        if self.db.execute(f"SELECT 1 FROM deposit WHERE code_hmac IN ({holes})", marks).fetchone():  # noqa: S608
            raise Unfit("its code is another deposit's")
        if seq_taken(self.db, booth, manifest.epoch, manifest.seq):
            raise Unfit(f"seq {manifest.seq} of epoch {manifest.epoch} was another item's")
        vault.register(
            self.db,
            manifest,
            deposit,
            content,
            manifest_sha256=sha256,
            mark=mark,
            pepper_id=self.keyring.peppers.current.id,
            expires_at=min(content.expires_at, latest),
            now=now,
        )
        tally.add(self.db, booth, manifest.epoch, manifest.seq, None, now)

    def _read(self, booth: str, deposit: str, text: str) -> tuple[Manifest, IndexContent]:
        """The manifest and what its index seal holds, both checked against the topic and each other."""
        try:
            manifest = decode(Manifest, text)
            headers = [decode(Header, header) for header in (manifest.header, manifest.index_header)]
            key = self.keyring.index.get(headers[1].kid)
            if key is None:
                raise Unfit(f"the index seal is for key {headers[1].kid}, which this fleet does not hold")
            plain = unseal(Envelope(manifest.index_header, unb64(manifest.index)), key)
        except (BadMessage, SealError) as error:
            raise Unfit(str(error)) from None
        try:
            content = decode(IndexContent, plain)
        except BadMessage:
            raise Unfit("what the index seal holds cannot be read") from None
        if not _ID.fullmatch(deposit):
            raise Unfit("its topic names no deposit id")
        if any((header.booth, header.deposit) != (booth, deposit) for header in headers):
            raise Unfit("a header names another booth or deposit than the topic")
        if (content.booth, content.deposit) != (booth, deposit) or manifest.booth != booth:
            raise Unfit("the manifest or its index seal names another booth or deposit than the topic")
        if content.visit != manifest.visit:
            raise Unfit("manifest and index seal name two visits")
        if manifest.chunks != -(-manifest.size // CHUNK_BYTES):
            raise Unfit(f"{manifest.size} bytes do not make {manifest.chunks} chunks")
        if codes.read(content.code) != content.code:
            raise Unfit("what the index seal holds is no code")
        return manifest, content

    def _answer(self, item: Item, now: datetime) -> bytes:
        """The receipt for a deposit whose manifest is here; keeps it if it has just become whole."""
        key = Key(item.booth, item.id)
        row = self._row(key)
        assert row is not None
        if row["state"] == State.REVOKED:
            # the booth may erase it: a revoked code's deposit is wanted nowhere (design.md, promise 4 ends there)
            return self.receipts.make(item, "stored", now, why="revoked: nothing of it is kept")
        if row["stored_ms"] is None:
            if row["erased_ms"] is not None:
                # it was given up and its chunks erased, now its booth is back: it begins to be pending anew
                self.db.execute(
                    "UPDATE deposit SET erased_ms = NULL, received_ms = ? WHERE booth = ? AND id = ?", (ms(now), *key)
                )
            missing = self._missing(key, row["chunks"])
            if missing:
                return self.receipts.make(item, "missing", now, missing=missing)
            self._assemble(key, row["chunks"], row["sha256"], now)
        return self.receipts.make(item, "stored", now)

    def _assemble(self, key: Key, chunks: int, sha256: str, now: datetime) -> None:
        bodies = self.db.execute(
            "SELECT body FROM chunk WHERE booth = ? AND deposit = ? AND n < ? ORDER BY n", (*key, chunks)
        )
        whole = b"".join(row["body"] for row in bodies)
        if digest(whole) != sha256:
            self.db.execute("DELETE FROM chunk WHERE booth = ? AND deposit = ?", key)
            raise Unfit("its chunks are all here and do not add up to the manifest's sha256")
        vault.hold(self.db, key, whole, now)

    def _missing(self, key: Key, chunks: int) -> list[int]:
        rows = self.db.execute("SELECT n FROM chunk WHERE booth = ? AND deposit = ?", key)
        return sorted(set(range(chunks)) - {row["n"] for row in rows})

    def _room(self, booth: str, key: Key, size: int, now: datetime) -> bool:
        """Whether a chunk fits into the booth's share; chunks without a manifest make room first."""
        if self._used_bytes(booth) + size <= self.unfinished_bytes:
            return True
        self.db.execute(
            "DELETE FROM chunk WHERE booth = ? AND deposit <> ? AND NOT EXISTS"
            " (SELECT 1 FROM deposit d WHERE d.booth = chunk.booth AND d.id = chunk.deposit)",
            key,
        )
        if self._used_bytes(booth) + size <= self.unfinished_bytes:
            return True
        what = f"unfinished deposits take up {self.unfinished_bytes} bytes, no further chunk is taken in"
        alerts.raise_alert(self.db, booth, "too_many_unfinished", what, now)
        return False

    def _used_bytes(self, booth: str) -> int:
        row = self.db.execute("SELECT coalesce(sum(size), 0) FROM chunk WHERE booth = ?", (booth,)).fetchone()
        return int(row[0])

    def _unfinished(self, booth: str) -> int:
        row = self.db.execute(
            "SELECT count(*) FROM deposit WHERE booth = ? AND state = 'pending' AND stored_ms IS NULL", (booth,)
        ).fetchone()
        return int(row[0])

    def _row(self, key: Key) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self.db.execute("SELECT * FROM deposit WHERE booth = ? AND id = ?", key).fetchone()
        return row


def seq_taken(db: sqlite3.Connection, booth: str, epoch: int, seq: int) -> bool:
    """Whether an item with this number of the booth's outbox was received before."""
    return any(
        db.execute(f"SELECT 1 FROM {table} WHERE booth = ? AND epoch = ? AND seq = ?", (booth, epoch, seq)).fetchone()  # noqa: S608
        for table in ("event", "deposit")
    )
