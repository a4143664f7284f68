"""The ledger's outbox: events and sealed deposits that have no receipt yet. The uplink reads it and settles it.

An item leaves only by the fleet's `stored` with the item's own hash, or a deposit by its ticket's failing.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Literal

from .messages import CHUNK_BYTES
from .uplink.outbox import Item


class LedgerOutbox:
    """`uplink.outbox.Outbox` in the ledger's database; shares its connection and its transactions."""

    def __init__(self, db: sqlite3.Connection, write: Callable[[], AbstractContextManager[None]]) -> None:
        self._db = db
        self._write = write
        self._added = asyncio.Event()
        self._fresh = False

    def add(
        self, seq: int, kind: Literal["event", "deposit"], id: str, sha256: str, at: datetime, signed: bytes,
        body: bytes | None,
    ) -> None:  # fmt: skip
        """Inside a transaction of the ledger."""
        self._db.execute(
            "INSERT INTO outbox (seq, kind, id, sha256, made_at, signed, body) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (seq, kind, id, sha256, at.isoformat(), signed, body),
        )
        self._fresh = True

    def erase(self, deposit: str) -> None:
        """Inside a transaction of the ledger: a deposit whose ticket failed is never sent."""
        self._db.execute("DELETE FROM outbox WHERE id = ? AND kind = 'deposit'", (deposit,))

    def committed(self) -> None:
        """Called by the ledger after each commit: wakes the uplink if something was added."""
        if self._fresh:
            self._fresh = False
            self._added.set()

    def waiting(self, *, limit: int, after_seq: int = 0) -> list[Item]:
        """Oldest first; quarantined items are left out."""
        rows = self._db.execute(
            "SELECT kind, seq, id, sha256, made_at, signed, coalesce(length(body), 0) FROM outbox "
            "WHERE seq > ? AND quarantined IS NULL ORDER BY seq LIMIT ?",
            (after_seq, limit),
        ).fetchall()
        return [
            Item(
                row[0],
                row[1],
                row[2],
                row[3],
                datetime.fromisoformat(row[4]),
                row[5],
                row[6],
                -(-row[6] // CHUNK_BYTES),
            )
            for row in rows
        ]

    def sealed(self, deposit_id: str) -> bytes:
        """enc ‖ ct. KeyError where the deposit is gone."""
        row = self._db.execute("SELECT body FROM outbox WHERE id = ? AND kind = 'deposit'", (deposit_id,)).fetchone()
        if row is None:
            raise KeyError(deposit_id)
        return bytes(row[0])

    def stored(self, item_id: str, sha256: str) -> bool:
        """The receipt came: nothing of the item stays on the disk. False where no item has this id and hash."""
        with self._write():
            row = self._db.execute(
                "DELETE FROM outbox WHERE id = ? AND sha256 = ? RETURNING kind", (item_id, sha256)
            ).fetchone()
        if row is not None and row[0] == "deposit":
            self.wipe()
        return row is not None

    def quarantine(self, item_id: str, sha256: str, why: str) -> bool:
        """Rejected: kept sealed, not sent again until the operator orders it."""
        with self._write():
            return (
                self._db.execute(
                    "UPDATE outbox SET quarantined = ? WHERE id = ? AND sha256 = ?", (why[:200], item_id, sha256)
                ).rowcount
                == 1
            )

    async def changed(self) -> None:
        """Returns when something was added since the last return."""
        await self._added.wait()
        self._added.clear()

    def stats(self) -> dict[str, int]:
        """Items and bytes that wait, items in quarantine: for the gate and the health report."""
        row = self._db.execute(
            "SELECT count(*) FILTER (WHERE quarantined IS NULL), count(*) FILTER (WHERE quarantined IS NOT NULL), "
            "coalesce(sum(length(signed) + coalesce(length(body), 0)), 0) FROM outbox"
        ).fetchone()
        return {"items": row[0], "quarantined": row[1], "bytes": row[2]}

    def wipe(self) -> None:
        """Truncates the write-ahead log, so that what was erased (secure_delete) is not found there either."""
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
