"""The fleet's database file: how it is opened, its versioned tables, and times as integers. Holds no rule.

SQLite in WAL mode with synchronous FULL: what is committed outlives a power cut. `secure_delete` and a truncated WAL
make an erasure an erasure. No table holds a code, a name or an opened picture.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

MIGRATIONS = (
    """
    CREATE TABLE booth (
        id TEXT PRIMARY KEY, online INTEGER, online_since_ms INTEGER, version TEXT NOT NULL DEFAULT '',
        last_seen_ms INTEGER, health TEXT, health_ms INTEGER
    );
    CREATE TABLE deposit (
        booth TEXT NOT NULL, id TEXT NOT NULL, visit TEXT NOT NULL, header TEXT NOT NULL, sha256 TEXT NOT NULL,
        size INTEGER NOT NULL, chunks INTEGER NOT NULL, manifest_sha256 TEXT NOT NULL,
        epoch INTEGER NOT NULL, seq INTEGER NOT NULL, code_hmac BLOB NOT NULL UNIQUE, pepper_id TEXT NOT NULL,
        price_cents INTEGER NOT NULL, committed_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL,
        received_ms INTEGER NOT NULL, state TEXT NOT NULL, state_since_ms INTEGER NOT NULL,
        stored_ms INTEGER, erased_ms INTEGER, used_ms INTEGER, used_by TEXT, request_id TEXT, confirmed_ms INTEGER,
        outcome TEXT, outcome_reason TEXT,
        PRIMARY KEY (booth, id)
    );
    CREATE INDEX deposit_visit ON deposit (visit);
    CREATE INDEX deposit_state ON deposit (state, erased_ms);
    CREATE UNIQUE INDEX deposit_request ON deposit (used_by, request_id) WHERE request_id IS NOT NULL;
    CREATE TABLE sealed (
        booth TEXT NOT NULL, deposit TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (booth, deposit)
    );
    CREATE TABLE chunk (
        booth TEXT NOT NULL, deposit TEXT NOT NULL, n INTEGER NOT NULL, received_ms INTEGER NOT NULL,
        size INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (booth, deposit, n)
    );
    CREATE INDEX chunk_size ON chunk (booth, size);
    CREATE TABLE ticket (
        booth TEXT NOT NULL, deposit TEXT NOT NULL, visit TEXT NOT NULL, word TEXT, word_ms INTEGER,
        refunded_ms INTEGER, PRIMARY KEY (booth, deposit)
    );
    CREATE TABLE event (
        booth TEXT NOT NULL, id TEXT NOT NULL, sha256 TEXT NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL,
        kind TEXT NOT NULL, ts_ms INTEGER NOT NULL, received_ms INTEGER NOT NULL, visit TEXT, body TEXT NOT NULL,
        PRIMARY KEY (booth, id)
    );
    CREATE UNIQUE INDEX event_seq ON event (booth, epoch, seq);
    CREATE UNIQUE INDEX deposit_seq ON deposit (booth, epoch, seq);
    CREATE INDEX event_visit ON event (visit);
    CREATE TABLE tally (
        booth TEXT NOT NULL, epoch INTEGER NOT NULL, sums TEXT NOT NULL, PRIMARY KEY (booth, epoch)
    );
    CREATE TABLE claim (
        number TEXT PRIMARY KEY, booth TEXT NOT NULL, visit TEXT NOT NULL, deposit TEXT, reason TEXT NOT NULL,
        cents INTEGER, opened_ms INTEGER NOT NULL, refunded_ms INTEGER, refunded_cents INTEGER
    );
    CREATE TABLE alert (
        booth TEXT NOT NULL, name TEXT NOT NULL, what TEXT NOT NULL, count INTEGER NOT NULL,
        first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, cleared_ms INTEGER, PRIMARY KEY (booth, name)
    );
    """,
)


class StoreError(Exception):
    """The database cannot be used as it is. The text says why."""


def open_store(path: Path) -> sqlite3.Connection:
    """A connection for one thread, its tables brought up to date. StoreError where a newer program wrote the file."""
    db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
    db.row_factory = sqlite3.Row
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON", "foreign_keys = ON"):
        db.execute(f"PRAGMA {pragma}")
    with writing(db):
        version = int(db.execute("PRAGMA user_version").fetchone()[0])
        if version > len(MIGRATIONS):
            raise StoreError(f"{path}: tables of version {version}, this program knows {len(MIGRATIONS)}: update it")
        for number in range(version, len(MIGRATIONS)):
            for statement in MIGRATIONS[number].split(";"):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {number + 1}")
    path.chmod(0o600)
    return db


@contextmanager
def writing(db: sqlite3.Connection) -> Iterator[None]:
    """One transaction that holds the write lock from its start, so that what it read stays true until its commit."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def truncate_wal(db: sqlite3.Connection) -> None:
    """Takes erased bytes out of the WAL too. A reader at work may delay it to the next call."""
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def ms(at: datetime) -> int:
    """Milliseconds since 1970 UTC. Whole milliseconds, rounded down."""
    return (at - _EPOCH) // timedelta(milliseconds=1)


def when(at_ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=at_ms)


def maybe_when(at_ms: int | None) -> datetime | None:
    return None if at_ms is None else when(at_ms)


T = TypeVar("T")


class StoreThread:
    """One connection in a thread of its own, so that the loop never waits for the disk."""

    def __init__(self, path: Path) -> None:
        """StoreError or sqlite3.Error where the file cannot be used."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._db = self._thread.submit(open_store, path).result()

    async def ask(self, question: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, question, self._db)

    def close(self) -> None:
        self._thread.submit(self._db.close).result()
        self._thread.shutdown()
