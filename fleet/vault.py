"""The vault: sealed deposits and the states of their codes, as rows.

Every rule about states and dates is life.py's. Every function here runs in its caller's transaction. Knows codes only
as HMAC marks; never opens a deposit and never hands one out (redemption.py does).
"""

import sqlite3
from datetime import datetime
from typing import NamedTuple

from edge.messages import IndexContent, Manifest

from . import life
from .life import State, Word
from .store import ms, when


class Key(NamedTuple):
    """A deposit's name: ids are the booths' own, so that no booth can touch another's."""

    booth: str
    id: str


def register(
    db: sqlite3.Connection,
    manifest: Manifest,
    deposit: str,
    content: IndexContent,
    *,
    manifest_sha256: str,
    mark: bytes,
    pepper_id: str,
    expires_at: datetime,
    now: datetime,
) -> None:
    """A code becomes pending. The index seal's ciphertext is not among what is kept: it is never written at all."""
    db.execute(
        "INSERT INTO deposit (booth, id, visit, header, sha256, size, chunks, manifest_sha256, epoch, seq, code_hmac,"
        " pepper_id, price_cents, committed_ms, expires_ms, received_ms, state, state_since_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (manifest.booth, deposit, manifest.visit, manifest.header, manifest.sha256, manifest.size, manifest.chunks,
         manifest_sha256, manifest.epoch, manifest.seq, mark, pepper_id, content.price_cents, ms(content.committed_at),
         ms(expires_at), ms(now), State.PENDING, ms(now)),
    )  # fmt: skip
    settle(db, Key(manifest.booth, deposit), now)


def hold(db: sqlite3.Connection, key: Key, body: bytes, now: datetime) -> None:
    """The deposit is whole and verified: keeps it; its code lives if the ticket's word is there."""
    db.execute("INSERT INTO sealed (booth, deposit, body) VALUES (?, ?, ?)", (*key, body))
    db.execute("DELETE FROM chunk WHERE booth = ? AND deposit = ?", key)
    db.execute("UPDATE deposit SET stored_ms = ? WHERE booth = ? AND id = ?", (ms(now), *key))
    settle(db, key, now)


def tell_word(db: sqlite3.Connection, key: Key, visit: str, word: Word, now: datetime) -> bool:
    """The ticket's word, which may come before the manifest. False where another stands already: the first holds."""
    db.execute("INSERT OR IGNORE INTO ticket (booth, deposit, visit) VALUES (?, ?, ?)", (*key, visit))
    db.execute(
        "UPDATE ticket SET word = ?, word_ms = ? WHERE booth = ? AND deposit = ? AND word IS NULL",
        (word, ms(now), *key),
    )
    settle(db, key, now)
    row = db.execute("SELECT word FROM ticket WHERE booth = ? AND deposit = ?", key).fetchone()
    return bool(row["word"] == word)


def withdraw(db: sqlite3.Connection, key: Key, visit: str, now: datetime) -> State | None:
    """Its ticket claim is refunded: revokes the code, also one whose manifest is still to come. The state afterwards;
    None where the manifest is not there yet. A used code stays used: the caller refuses the refund then."""
    db.execute("INSERT OR IGNORE INTO ticket (booth, deposit, visit) VALUES (?, ?, ?)", (*key, visit))
    db.execute("UPDATE ticket SET refunded_ms = ? WHERE booth = ? AND deposit = ?", (ms(now), *key))
    return settle(db, key, now)


def settle(db: sqlite3.Connection, key: Key, now: datetime) -> State | None:
    """Brings one code's state up to its facts; a revoked one's deposit is erased in the same transaction."""
    row = db.execute(
        "SELECT d.state, d.expires_ms, t.word, t.refunded_ms, EXISTS"
        " (SELECT 1 FROM sealed s WHERE s.booth = d.booth AND s.deposit = d.id) AS held"
        " FROM deposit d LEFT JOIN ticket t ON t.booth = d.booth AND t.deposit = d.id WHERE d.booth = ? AND d.id = ?",
        key,
    ).fetchone()
    if row is None:
        return None
    before, expires_at = State(row["state"]), when(row["expires_ms"])
    facts = life.Facts(before, bool(row["held"]), row["word"], row["refunded_ms"] is not None, expires_at)
    after = life.settled(facts, now)
    if after != before:
        since = expires_at if after == State.EXPIRED else now
        db.execute(
            "UPDATE deposit SET state = ?, state_since_ms = ? WHERE booth = ? AND id = ?", (after, ms(since), *key)
        )
    if after == State.REVOKED:
        erase(db, key, now)
    return after


def erase(db: sqlite3.Connection, key: Key, now: datetime) -> None:
    """The picture goes, whole or in chunks; its row stays."""
    db.execute("DELETE FROM sealed WHERE booth = ? AND deposit = ?", key)
    db.execute("DELETE FROM chunk WHERE booth = ? AND deposit = ?", key)
    db.execute("UPDATE deposit SET erased_ms = ? WHERE booth = ? AND id = ? AND erased_ms IS NULL", (ms(now), *key))
