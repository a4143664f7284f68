"""The event counter: every event between two readings is known, told as lost, or hidden by a reset that is told."""

from hypothesis import given
from hypothesis import strategies as st

from hw.coins.cctalk import Event, EventBuffer, news, next_counter

EVENTS = st.lists(st.builds(Event, st.integers(1, 16), st.integers(1, 4)), max_size=120)


class Acceptor:
    """As the manuals tell it: five places, a counter that is 0 only after a power-up and goes from 255 to 1."""

    def __init__(self, lived: int = 0) -> None:
        self.counter, self.newest = 0, [Event(0, 0)] * 5
        for _ in range(lived):
            self.count(Event(0, 1))

    def count(self, event: Event) -> None:
        self.counter = 1 if self.counter == 255 else self.counter + 1
        self.newest = [event, *self.newest[:4]]

    def buffer(self) -> EventBuffer:
        return EventBuffer(self.counter, tuple(self.newest))


@given(st.integers(0, 600), EVENTS)
def test_every_event_since_is_known_or_counted_as_lost(lived: int, events: list[Event]) -> None:
    acceptor = Acceptor(lived)
    before = acceptor.counter
    for event in events:
        acceptor.count(event)
    found = news(before, acceptor.buffer())
    assert not found.reset
    assert list(found.oldest_first) == events[-5:]
    assert found.lost == max(0, len(events) - 5)
    counter = before
    for _ in range(found.lost + len(found.oldest_first)):
        counter = next_counter(counter)
    assert counter == acceptor.counter


@given(st.integers(1, 600), st.lists(st.builds(Event, st.integers(1, 16), st.integers(1, 4)), max_size=4))
def test_a_reset_is_told_and_no_older_event_is_told_again(lived: int, since: list[Event]) -> None:
    before = Acceptor(lived).counter
    acceptor = Acceptor()
    for event in since:
        acceptor.count(event)
    found = news(before, acceptor.buffer())
    if len(since) < before:
        assert found.reset
        assert list(found.oldest_first) == since
    else:  # it has counted past where it stood: nobody can tell, and what it did not forget is told
        assert set(found.oldest_first) <= set(since)
    assert found.lost == 0


@given(st.integers(140, 255), st.integers(5, 12))
def test_a_long_way_back_is_a_reset_and_not_a_round(before: int, coins: int) -> None:
    """An AL55/66 takes coins from its power-up on, before anybody asks."""
    acceptor = Acceptor(0)
    for _ in range(coins):
        acceptor.count(Event(5, 1))
    found = news(before, acceptor.buffer())
    wrapped = coins - before + 255
    if wrapped > 127:
        assert found.reset and found.lost == coins - 5
    else:
        assert not found.reset and found.lost == wrapped - 5


def test_the_counter_goes_from_255_to_1() -> None:
    assert next_counter(255) == 1
    assert news(255, EventBuffer(1, (Event(5, 1),) * 5)).oldest_first == (Event(5, 1),)
