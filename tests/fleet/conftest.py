"""One installation's keys for all, and a vault of its own for each test."""

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest

from edge.messages import Receipt
from fleet import alerts, keyring, keys
from fleet.erasure import Erased, erase_due
from fleet.intake import Intake
from fleet.keyring import Keyring
from fleet.life import State
from fleet.redemption import Confirmed, Handed, Refused, confirm, redeem
from fleet.store import open_store, writing

from .booth import NOW, Booth, Made

CALLER = "prefecture"
REQUEST = "a" * 32


@dataclass
class Fleet:
    """The fleet's insides without broker and HTTP: what goes in, what is answered."""

    path: Path
    keys: Keyring
    db: sqlite3.Connection
    intake: Intake
    now: datetime = NOW
    replies: list[bytes] = field(default_factory=list)

    def take(self, topic: str, payload: bytes, *, retained: bool = False) -> bytes | None:
        with writing(self.db):
            reply = self.intake.take(topic, payload, retained=retained, now=self.now)
        if reply is not None:
            assert reply.topic == topic.replace(topic.split("/", 3)[3], "down/receipt")
            self.replies.append(reply.body)
        return None if reply is None else reply.body

    def receipt(self, booth: Booth, topic: str, payload: bytes) -> Receipt:
        body = self.take(topic, payload)
        assert body is not None
        return booth.receipt(body)

    def live(self, booth: Booth, **how: object) -> Made:
        """A deposit whose code is live."""
        made = booth.deposit(**how)  # type: ignore[arg-type]
        for topic, payload in made.messages:
            self.take(topic, payload)
        self.take(booth.topics.event, booth.word(made))
        assert self.state(made) == State.LIVE
        return made

    def state(self, made: Made) -> State | None:
        row = self.db.execute("SELECT state FROM deposit WHERE booth = ? AND id = ?", (made.booth, made.id)).fetchone()
        return None if row is None else State(row["state"])

    def held(self, made: Made) -> bool:
        return self.db.execute("SELECT 1 FROM sealed WHERE deposit = ?", (made.id,)).fetchone() is not None

    def redeem(self, made: Made, caller: str = CALLER, request: str = REQUEST) -> Handed | Refused:
        return redeem(self.db, self.keys.peppers.marks(made.code), caller, request, self.now)

    def confirm(self, outcome: str = "received", reason: str | None = None) -> Confirmed | str:
        return confirm(self.db, CALLER, REQUEST, outcome, reason, self.now)  # type: ignore[arg-type]

    def sweep(self) -> Erased:
        return erase_due(self.db, self.now)

    def alerts(self) -> dict[str, str]:
        rows = self.db.execute("SELECT name, what FROM alert WHERE cleared_ms IS NULL")
        return {row["name"]: row["what"] for row in rows}

    def shown_alerts(self) -> set[str]:
        """The names of those that the page shows."""
        return {row["name"] for row in alerts.open_alerts(self.db, self.now)}


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fleet") / "keys"
    keys.make(folder, ["lyon-03", "nice-01"], [], NOW)
    return folder


@pytest.fixture
def booth(installation: Path) -> Booth:
    return Booth(installation)


def ring(installation: Path) -> Keyring:
    here = installation / "fleet"
    return keyring.load(here / "signing.pem", [here / "index.pem"], [here / "pepper"], here / "booths")


@pytest.fixture
def make_fleet(installation: Path, tmp_path: Path) -> Iterator[Callable[..., Fleet]]:
    opened: list[sqlite3.Connection] = []

    def make(unfinished_bytes: int = 16_000_000) -> Fleet:
        keys_ = ring(installation)
        db = open_store(tmp_path / "fleet.db")
        opened.append(db)
        return Fleet(tmp_path / "fleet.db", keys_, db, Intake(db, keys_, unfinished_bytes=unfinished_bytes))

    yield make
    for db in opened:
        db.close()


@pytest.fixture
def fleet(make_fleet: Callable[..., Fleet]) -> Fleet:
    return make_fleet()
