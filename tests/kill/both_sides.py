"""What booth and fleet say after a visit, held against what happened in the cabin: every coin, paper and code."""

import asyncio
import io
import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zxingcpp
from PIL import Image

from demo.installation import BOOTH, Installation
from edge.code import read
from hw.sim.bench import Bench
from tests.kill.customer import COIN

TICKET_ROWS = 1200  # slips are shorter
TOTALS = "SELECT coins_cents, spent_cents, claimed_credit_cents, credit_cents, unclear_coins FROM totals"


@dataclass(frozen=True)
class Totals:
    """The ledger's lifelong sums, in TOTALS' order."""

    coins_cents: int
    spent_cents: int
    claimed_cents: int
    credit_cents: int
    unclear_coins: int


def rows(database: Path, sql: str) -> list[Any]:
    db = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        return db.execute(sql).fetchall()
    finally:
        db.close()


class BothSides:
    """Asked after each visit of one installation, when nobody is in the cabin and the outbox is empty.

    `slow_link`: items may overtake each other; the fleet's alert of a missing one is then no fault, if it took it back.
    """

    def __init__(self, installation: Installation, sim: Bench, api: str, *, slow_link: bool = False) -> None:
        self._no_fault = "name = 'items_missing' AND cleared_ms IS NOT NULL" if slow_link else "0"
        self._installation = installation
        self._sim = sim
        self._api = api
        self._seen_papers = 0

    def fleet(self, sql: str) -> list[Any]:
        return rows(self._installation.folder / "vault.db", sql)

    async def check(self, totals: Totals, story: str) -> tuple[int, int]:
        """Everything but the bound on lost coins. Answers (cents swallowed, cents whose whole signal was heard), each
        less what the booth credited or reported as unclear."""
        assert totals.credit_cents == 0 and totals.coins_cents == totals.spent_cents + totals.claimed_cents, story
        self._fleet_agrees(totals, story)
        await self._papers_are_true(story)
        self._codes_are_right(totals, story)
        record = await self._sim.coins.record()
        known_cents = totals.coins_cents + COIN * totals.unclear_coins
        assert record.swallowed_cents >= known_cents, f"{story}: a coin was counted twice"
        return record.swallowed_cents - known_cents, record.heard_cents - known_cents

    def _fleet_agrees(self, totals: Totals, story: str) -> None:
        told = self.fleet("SELECT body FROM event ORDER BY seq")
        sums = json.loads(told[-1][0])["counters"]
        assert (sums["coins_cents"], sums["spent_cents"]) == (totals.coins_cents, totals.spent_cents), story
        alerts = self.fleet(f"SELECT name, what FROM alert WHERE NOT ({self._no_fault})")
        assert not alerts, (story, alerts)

    async def _papers_are_true(self, story: str) -> None:
        """Every whole ticket's code works, once."""
        for paper in await self._sim.printer.papers(self._seen_papers):
            self._seen_papers += 1
            if paper.rows.shape[0] <= TICKET_ROWS:
                continue
            codes = [c for f in zxingcpp.read_barcodes(Image.open(io.BytesIO(paper.png)).convert("L"))
                     if isinstance(c := read(f.text), str)]  # fmt: skip
            if not paper.whole:
                continue
            assert len(codes) == 1, story
            answer = await self._redeem(codes[0], f"redeemed-{self._seen_papers}")
            assert answer.returncode == 0, (story, answer.stderr)
            again = await self._redeem(codes[0], "redeemed-again")
            assert again.returncode == 3, story

    async def _redeem(self, code: str, out: str) -> Any:
        return await asyncio.to_thread(self._installation.redeem, code, self._api, out)

    def _codes_are_right(self, totals: Totals, story: str) -> None:
        states = dict(self.fleet("SELECT state, count(*) FROM deposit GROUP BY state"))
        words = dict(self.fleet("SELECT word, count(*) FROM ticket GROUP BY word"))
        visits = totals.spent_cents // COIN
        assert set(states) <= {"used", "live", "revoked"}, (story, states)
        assert sum(words.values()) == visits, (story, words)
        assert states.get("revoked", 0) == words.get("failed", 0), (story, states, words)
        assert self.fleet(f"SELECT count(*) FROM deposit WHERE booth = '{BOOTH}'")[0][0] == visits, story
