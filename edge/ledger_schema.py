"""The ledger's tables and how an older ledger becomes a newer one. A migration is never edited, only added to.

A newer schema must stay readable by the release before it: columns are added, not renamed.
"""

import sqlite3

MIGRATIONS = (
    """
    CREATE TABLE totals (                  -- one row: the lifelong sums, and numbers that never repeat
        only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
        epoch INTEGER NOT NULL DEFAULT 0,
        seq INTEGER NOT NULL DEFAULT 0,
        coins_cents INTEGER NOT NULL DEFAULT 0,
        spent_cents INTEGER NOT NULL DEFAULT 0,
        claimed_credit_cents INTEGER NOT NULL DEFAULT 0,
        claimed_ticket_cents INTEGER NOT NULL DEFAULT 0,
        credit_cents INTEGER NOT NULL DEFAULT 0 CHECK (credit_cents >= 0),
        unclear_coins INTEGER NOT NULL DEFAULT 0,
        CHECK (coins_cents = spent_cents + claimed_credit_cents + credit_cents)
    );
    INSERT INTO totals (only_one) VALUES (1);

    CREATE TABLE visits (
        number TEXT PRIMARY KEY,
        started_at TEXT NOT NULL,
        language TEXT,
        service TEXT,                      -- erased when the visit ends: it says something of a person
        paid INTEGER NOT NULL DEFAULT 0,   -- the customer reached the shots
        ended_at TEXT,
        outcome TEXT
    );
    CREATE UNIQUE INDEX one_open_visit ON visits ((ended_at IS NULL)) WHERE ended_at IS NULL;

    CREATE TABLE trains (                  -- pulse trains begun and not yet ended: each may hold a coin
        train TEXT PRIMARY KEY,
        visit TEXT NOT NULL REFERENCES visits,
        opened_at TEXT NOT NULL
    );

    CREATE TABLE money (                   -- every movement, never changed
        id INTEGER PRIMARY KEY,
        visit TEXT NOT NULL REFERENCES visits,
        kind TEXT NOT NULL CHECK (kind IN ('coin', 'spent', 'claimed')),
        cents INTEGER NOT NULL CHECK (cents > 0),
        at TEXT NOT NULL
    );

    CREATE TABLE claims (
        number TEXT PRIMARY KEY,
        visit TEXT NOT NULL REFERENCES visits,
        reason TEXT NOT NULL,
        cents INTEGER,                     -- NULL: unknown until the operator sets it
        at TEXT NOT NULL
    );

    CREATE TABLE tickets (                 -- one for each committed visit
        visit TEXT PRIMARY KEY REFERENCES visits,
        deposit TEXT NOT NULL UNIQUE,
        code TEXT,                         -- only while the ticket is owed
        service TEXT,                      -- likewise
        language TEXT NOT NULL,
        overridden INTEGER NOT NULL,
        price_cents INTEGER NOT NULL,
        change_claim TEXT REFERENCES claims,
        committed_at TEXT NOT NULL,
        expires_at TEXT NOT NULL,
        boot_id TEXT NOT NULL,
        boottime_s REAL NOT NULL,
        word TEXT NOT NULL CHECK (word IN ('owed', 'printing', 'printed', 'unknown', 'failed'))
    );
    CREATE INDEX unsettled_tickets ON tickets (visit) WHERE word IN ('owed', 'printing');

    CREATE TABLE outbox (                  -- no receipt yet
        seq INTEGER PRIMARY KEY,
        kind TEXT NOT NULL CHECK (kind IN ('event', 'deposit')),
        id TEXT NOT NULL UNIQUE,
        sha256 TEXT NOT NULL,
        made_at TEXT NOT NULL,
        signed BLOB NOT NULL,
        body BLOB,                         -- enc ‖ ct of a deposit
        quarantined TEXT                   -- why, where the fleet rejected it
    );

    CREATE TABLE counts (                  -- services chosen and findings refused: daily sums, nobody's
        day TEXT NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('service', 'finding')),
        name TEXT NOT NULL,
        n INTEGER NOT NULL,
        PRIMARY KEY (day, kind, name)
    );
    """,
)


def migrate(db: sqlite3.Connection) -> None:
    """Brings the ledger to this release's schema, a migration a transaction. LedgerTooNew where a later one made it."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        raise LedgerTooNew(
            f"the ledger has schema {version}, this release knows up to {len(MIGRATIONS)}: install the newer release"
        )
    for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
        db.executescript(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number}; COMMIT;")


class LedgerTooNew(Exception):
    """A later release wrote this ledger."""
