"""What must hold on the booth after any visit, however it went: the checks that the tests share."""

import msgspec

from edge import messages as m
from tests.world import World

TICKET_ROWS = 1200  # slips are shorter, tickets longer


async def check(w: World, story: str, *, lost_at_most_cents: int = 0) -> None:
    """Promises 1 to 5 as far as the booth can show them, and the paper in the tray. For coins of 2 € at most, after
    everybody left. `lost_at_most_cents`: coins of whose signal no first edge was durable."""
    totals = w.ledger.counters()
    assert totals.coins_cents == totals.spent_cents + totals.claimed_credit_cents + totals.credit_cents, story
    assert totals.credit_cents == 0, story  # nobody is here any more

    coins = await w.sim.coins.record()
    listened = sum(coin.cents for coin in coins.coins if coin.swallowed and coin.heard != "none")
    lost = listened - totals.coins_cents - 200 * totals.unclear_coins
    assert lost <= lost_at_most_cents, (story, lost, coins)
    clear = [c.cents for c in coins.coins if c.swallowed and c.fault in (None, "line held low")]
    assert totals.coins_cents <= sum(clear), (story, coins)  # a signal that was spoilt is never money
    assert sum(coin.cents for coin in w.data(m.CoinTaken)) == totals.coins_cents, story

    claims = w.data(m.ClaimOpened)
    tickets_claimed = [c.cents for c in claims if c.deposit is not None]
    assert len({c.claim for c in claims}) == len(claims), story
    assert sum(c.cents or 0 for c in claims if c.deposit is None) == totals.claimed_credit_cents, story
    assert sum(tickets_claimed) == totals.claimed_ticket_cents, story
    assert sum(c.reason == "unclear_coin" for c in claims) == totals.unclear_coins, story

    papers = [p for p in await w.sim.printer.papers() if len(p.rows) > TICKET_ROWS and p.whole]
    words = {t.deposit: t.word for t in w.data(m.TicketSettled)}
    deposits = {d.deposit: d for d in w.deposits()}
    commits = w.data(m.Committed)
    assert words.keys() == {c.deposit for c in commits}, story
    assert len(words) == len(w.data(m.TicketSettled)), story  # settled once
    assert sum(c.price_cents for c in commits) == totals.spent_cents, story
    assert len({d.code for d in deposits.values()}) == len(deposits), story
    proven = sum(word == "printed" for word in words.values())
    unproven = sum(word == "unknown" for word in words.values())
    assert proven <= len(papers) <= proven + unproven, (story, words, len(papers))  # no code is printed twice
    for commit in commits:
        held = deposits.get(commit.deposit)
        if words[commit.deposit] == "failed":
            assert held is None, story
            assert not commit.price_cents or commit.price_cents in tickets_claimed, story
        else:
            assert held is not None, story
            _no_trace_of(held, w, story)
    failed = sum(words[commit.deposit] == "failed" and commit.price_cents > 0 for commit in commits)
    assert len(tickets_claimed) >= failed, story
    _nothing_personal_in_events(w, list(deposits.values()), story)


def _no_trace_of(deposit: m.VaultContent, w: World, story: str) -> None:
    for name in ("ledger.db", "ledger.db-wal"):
        file = w.folder / name
        held = file.read_bytes() if file.exists() else b""
        assert deposit.code.encode() not in held, (story, name)
        assert deposit.portrait[1000:1064] not in held, (story, name)
        assert deposit.signature[20:60] not in held, (story, name)


def _nothing_personal_in_events(w: World, deposits: list[m.VaultContent], story: str) -> None:
    for event in w.events():
        text = msgspec.json.encode(event).decode()
        assert not any(deposit.code in text for deposit in deposits), (story, text)
        if not isinstance(event.data, m.DailyCounts):
            services = [service.id for service in w.config.services]
            assert not any(word in text for word in (*services, "eyes_open", "gaze", "exposure")), (story, text)
