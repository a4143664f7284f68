"""The pulse decoder by itself: whatever the lines do, it stays up, ends what it opened and makes no money."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.cabin import Coin, CoinEvent, Edge, Glitch, TrainOpened, UnclearCoin
from hw.coins import DG600F, MODELS, MS, PulseDecoder, PulseTable

COUNTS = {cents: count for count, cents in DG600F.coins["coin"].items()}
LINE_PER_COIN = PulseTable(
    name="one line per coin",
    pulse_ms=(80, 120),
    gap_ms=(20, 30),
    closing_ms=40,
    bounce_ms=8,
    coins={"1": {1: 100}, "2": {1: 200}},
)


def decode(edges: Iterable[Edge], table: PulseTable = DG600F) -> list[CoinEvent]:
    decoder = PulseDecoder(table, run="t", since_ns=-10_000 * MS)
    events: list[CoinEvent] = []
    last_ns = 0
    for edge in edges:
        events += decoder.feed(edge)
        last_ns = max(last_ns, edge.at_ns)
    events += decoder.close(last_ns + 10_000 * MS)
    assert decoder.next_close_ns is None
    return events


def pulses(levels: Iterable[tuple[bool, float]], line: str = "coin", start_ms: float = 0, seq: int = 0) -> list[Edge]:
    """Edges from (rising, ms until the next edge)."""
    edges, at_ms = [], start_ms
    for rising, lasts_ms in levels:
        seq += 1
        edges.append(Edge(line, rising, int(at_ms * MS), seq))
        at_ms += lasts_ms
    return edges


def train(cents: int, start_ms: float = 0, seq: int = 0) -> list[Edge]:
    return pulses([(rising, lasts) for _ in range(COUNTS[cents]) for rising, lasts in ((False, 45), (True, 50))],
                  start_ms=start_ms, seq=seq)  # fmt: skip


def ended_once(events: list[CoinEvent]) -> None:
    opened = [event.train for event in events if isinstance(event, TrainOpened)]
    ended = [event.train for event in events if not isinstance(event, TrainOpened)]
    assert len(set(opened)) == len(opened)
    assert sorted(opened) == sorted(ended)
    for name in opened:
        order = [isinstance(event, TrainOpened) for event in events if event.train == name]
        assert order == [True, False]


any_edges = st.lists(
    st.builds(
        Edge,
        line=st.sampled_from(["coin", "other"]),
        rising=st.booleans(),
        at_ns=st.integers(0, 3_000).map(lambda ms: ms * MS),
        seq=st.integers(0, 60),
    ),
    max_size=60,
)


@given(any_edges)
def test_no_sequence_of_edges_breaks_it_and_every_train_ends_once(edges: list[Edge]) -> None:
    ended_once(decode(edges))


@given(any_edges, any_edges, st.integers(0, 3_000))
def test_lines_that_go_away_end_every_open_train_as_unclear(one: list[Edge], other: list[Edge], ms: int) -> None:
    decoder = PulseDecoder(DG600F, run="t", since_ns=0)
    events = [event for edge in one for event in decoder.feed(edge)] + decoder.close(ms * MS)
    cut = decoder.abandon("unplugged")
    assert all(isinstance(event, UnclearCoin) for event in cut)
    events += cut
    ended_once(events)


@st.composite
def spoilt_trains(draw: st.DrawFn) -> tuple[int, list[Edge]]:
    """(cents that went in, edges that came out): coins one after the other, with edges lost or merged."""
    inserted, edges, at_ms, seq = 0, list[Edge](), 0.0, 0
    for cents in draw(st.lists(st.sampled_from(sorted(COUNTS)), max_size=4)):
        inserted += cents
        new = train(cents, at_ms, seq)
        seq += len(new)
        at_ms = new[-1].at_ns / MS + draw(st.floats(260, 900))
        edges += new
    lost = draw(st.sets(st.integers(0, max(0, len(edges) - 1)), max_size=6))
    kept = [edge for number, edge in enumerate(edges) if number not in lost]
    if draw(st.booleans()):  # merged before they were numbered: no hole shows
        kept = [Edge(edge.line, edge.rising, edge.at_ns, number) for number, edge in enumerate(kept, 1)]
    return inserted, kept


@given(spoilt_trains())
def test_lost_edges_never_make_more_money_than_went_in(spoilt: tuple[int, list[Edge]]) -> None:
    inserted, edges = spoilt
    events = decode(edges)
    ended_once(events)
    assert sum(event.cents for event in events if isinstance(event, Coin)) <= inserted


@given(
    st.sampled_from(sorted(COUNTS)),
    st.lists(st.tuples(st.floats(0.05, 1.2), st.floats(0.05, 1.2)), max_size=3),
    st.floats(36.5, 46),  # a rising edge that bounces makes the low up to 7.2 ms longer
    st.floats(44, 80),
)
def test_a_bouncing_coin_is_worth_its_coin(
    cents: int, bounces: list[tuple[float, float]], width: float, gap: float
) -> None:
    levels = []
    for _ in range(COUNTS[cents]):
        for rising, lasts in ((False, width), (True, gap)):
            for back, again in bounces:
                levels += [(rising, back), (not rising, again)]
            levels.append((rising, lasts))
    events = decode(pulses(levels))
    assert [event.cents for event in events if isinstance(event, Coin)] == [cents]
    ended_once(events)


@pytest.mark.parametrize(
    ("levels", "why"),
    [
        ([(False, 45), (True, 50), (False, 45), (True, 0)], "2 pulses are no coin"),
        ([(False, 45), (True, 50), (False, 45), (True, 50)] * 6, "12 pulses are no coin"),
        ([(False, 70), (True, 0)], "a pulse of 70.0 ms"),
        ([(False, 45), (True, 50), (False, 30), (True, 50), (False, 45), (True, 0)], "a pulse of 30.0 ms"),
        ([(False, 45), (True, 120), (False, 45), (True, 50), (False, 45), (True, 0)], "a gap of 120.0 ms"),
        ([(False, 45), (False, 45), (True, 0)], "two falling edges"),
        ([(True, 45)], "two rising edges"),
        ([(False, 45)], "held low"),
    ],
)
def test_what_is_not_clearly_a_coin_is_unclear_with_its_edges(levels: list[tuple[bool, float]], why: str) -> None:
    edges = pulses(levels)
    _, end = decode(edges)
    assert isinstance(end, UnclearCoin) and end.why.startswith(why)
    assert end.edges == tuple(edges)


def test_a_hole_in_the_numbers_makes_the_train_unclear() -> None:
    first, *rest = train(20)
    _, end = decode([first, *(Edge(edge.line, edge.rising, edge.at_ns, edge.seq + 1) for edge in rest)])
    assert isinstance(end, UnclearCoin) and "edges lost" in end.why


def test_a_hole_before_a_train_makes_that_train_unclear() -> None:
    edges = train(20, seq=2)
    _, end = decode(edges)
    assert isinstance(end, UnclearCoin) and "edges lost" in end.why


def test_a_train_is_opened_with_its_first_edge() -> None:
    decoder = PulseDecoder(DG600F, run="t", since_ns=-1000 * MS)
    assert decoder.feed(train(200)[0]) == [TrainOpened("t.1", 0)]


def test_what_began_while_nobody_listened_is_not_credited() -> None:
    decoder = PulseDecoder(DG600F, run="t", since_ns=0)
    events = [event for edge in train(10, start_ms=100) for event in decoder.feed(edge)] + decoder.close(10_000 * MS)
    assert isinstance(events[-1], UnclearCoin) and "before anybody listened" in events[-1].why


def test_too_short_for_any_coin_is_a_glitch() -> None:
    _, end = decode(pulses([(False, 3), (True, 2), (False, 15), (True, 0)]))
    assert isinstance(end, Glitch)


def test_a_line_per_coin_tells_coins_apart() -> None:
    one, two = pulses([(False, 100), (True, 0)], "1"), pulses([(False, 100), (True, 0)], "2", start_ms=300)
    coins = [event.cents for event in decode(one + two, LINE_PER_COIN) if isinstance(event, Coin)]
    assert coins == [100, 200]


def test_two_lines_low_at_once_are_one_unclear_coin() -> None:
    one = pulses([(False, 100), (True, 0)], "1")
    two = pulses([(False, 100), (True, 0)], "2", start_ms=50)
    opened, end = decode(sorted(one + two, key=lambda edge: edge.at_ns), LINE_PER_COIN)
    assert isinstance(opened, TrainOpened)
    assert isinstance(end, UnclearCoin) and end.why == "two lines low at once" and len(end.edges) == 4


def test_noise_without_end_keeps_little_and_is_called_trouble() -> None:
    decoder = PulseDecoder(DG600F, run="t", since_ns=-1000 * MS)

    def noise() -> Iterator[Edge]:
        for number in range(5_000):
            yield Edge("coin", number % 2 == 1, number * 10 * MS, number + 1)

    events = [event for edge in noise() for event in decoder.feed(edge)]
    assert [type(event) for event in events] == [TrainOpened]
    assert "never quiet" in decoder.trouble
    (end,) = decoder.close(10**12)
    assert isinstance(end, UnclearCoin) and len(end.edges) <= 600
    assert not decoder.trouble


@pytest.mark.parametrize(
    "wrong",
    [
        {"pulse_ms": (5, 54)},
        {"gap_ms": (36, 300)},
        {"pulse_ms": (60, 54)},
        {"closing_ms": 50},
        {"gap_ms": (36, 150), "coins": {"coin": {3: 20}}},  # as long as a gap, a lost pulse and a gap
        {"pulse_ms": (36, 150), "coins": {"coin": {3: 20}}},
    ],
)
def test_a_table_that_contradicts_itself_is_refused(wrong: dict[str, object]) -> None:
    plain = {"name": "x", "pulse_ms": (36, 54), "gap_ms": (36, 90), "closing_ms": 200, "bounce_ms": 8, "coins": {}}
    with pytest.raises(ValueError, match="x: "):
        PulseTable(**(plain | wrong))


# --- the known models


@pytest.mark.parametrize("name", sorted(MODELS))
@given(data=st.data())
def test_every_model_tells_its_coins_and_one_pulse_lost_or_too_many_is_never_another(
    name: str, data: st.DataObject
) -> None:
    table = MODELS[name]
    if not table.coins:
        taught = {"coin": {1: 10, 3: 20, 5: 50}} if "totalizer" in name else {str(n): {1: n * 10} for n in range(1, 7)}
        table = replace(table, coins=taught)
    line = data.draw(st.sampled_from(sorted(table.coins)))
    count = data.draw(st.sampled_from(sorted(table.coins[line])))
    lows = st.floats(*table.width_ms(line))
    gaps = st.floats(*table.gap_ms)

    def played(pulses_: int) -> list[CoinEvent]:
        levels = [pair for _ in range(pulses_) for pair in ((False, data.draw(lows)), (True, data.draw(gaps)))]
        return decode(pulses(levels, line), table)

    _, end = played(count)
    assert isinstance(end, Coin) and end.cents == table.coins[line][count]
    for wrong in (count - 1, count + 1):
        assert not any(isinstance(event, Coin) for event in played(wrong))


def test_swapped_wires_of_an_acceptor_whose_channels_differ_in_width_are_no_other_coin() -> None:
    table = replace(MODELS["RM5 AT"], coins={str(line): {1: line * 10} for line in range(1, 7)})
    for line in table.coins:
        for other in table.coins:
            low_ms = sum(table.width_ms(other)) / 2
            coins = [
                event for event in decode(pulses([(False, low_ms), (True, 0)], line), table) if isinstance(event, Coin)
            ]
            assert len(coins) == (line == other)


def test_pulses_of_a_wrongly_set_switch_are_unclear_and_no_glitch() -> None:
    _, end = decode(pulses([(False, 25), (True, 50), (False, 25), (True, 50), (False, 25), (True, 0)]))
    assert isinstance(end, UnclearCoin) and end.why.startswith("a pulse of 25.0 ms")


def test_all_lines_low_are_the_acceptors_alarm_until_they_rise() -> None:
    table = replace(MODELS["SR3 type 2"], coins={"1": {1: 100}, "2": {1: 200}})
    decoder = PulseDecoder(table, run="t", since_ns=-1000 * MS)
    events = [event for line in ("1", "2") for event in decoder.feed(Edge(line, False, 0, 1))]
    assert "alarm" in decoder.trouble
    events += decoder.close(10_000 * MS)
    _, end = events
    assert isinstance(end, UnclearCoin) and "alarm" in end.why
    assert "alarm" in decoder.trouble
    for line in ("1", "2"):
        events += decoder.feed(Edge(line, True, 11_000 * MS, 2))
    assert not decoder.trouble and len(events) == 2


def test_the_string_line_is_no_coin_spoils_the_one_in_flight_and_is_told_for_its_time() -> None:
    table = replace(MODELS["NRI G-13"], coins={"1": {1: 100}})
    decoder = PulseDecoder(table, run="t", since_ns=-1000 * MS)
    events = decoder.feed(Edge("1", False, 0, 1))
    events += decoder.feed(Edge("string", False, 20 * MS, 1)) + decoder.feed(Edge("string", True, 90 * MS, 2))
    events += decoder.feed(Edge("1", True, 100 * MS, 2)) + decoder.close(29_000 * MS)
    _, end = events
    assert isinstance(end, UnclearCoin) and "fraud" in end.why
    assert "string" in decoder.trouble and decoder.next_close_ns is not None
    assert not decoder.close(decoder.next_close_ns) and not decoder.trouble


def test_edges_lost_over_two_coins_leave_no_smaller_coin_of_the_first() -> None:
    first = train(200)[:10]  # five whole pulses, 50 cents if nobody noticed
    second = train(20, start_ms=3_000, seq=30)
    events = decode(first + second)
    ended_once(events)
    assert [type(event) for event in events if not isinstance(event, TrainOpened)] == [UnclearCoin, UnclearCoin]


def test_a_line_that_is_low_when_we_begin_to_listen_is_trouble_until_it_rises() -> None:
    decoder = PulseDecoder(DG600F, run="t", since_ns=0, low=["coin"])
    assert decoder.trouble == "line coin is held low"
    assert decoder.feed(Edge("coin", True, 50 * MS, 1)) == []
    assert not decoder.trouble
