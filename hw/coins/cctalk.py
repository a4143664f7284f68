"""ccTalk, its pure part: frames, the answer behind our own echo, the event counter, coin ids. Bytes in, values out.

It must never take a garbled answer for one, never guess a coin's value, and never count an event twice.
Figures: Azkoyen X6 and Alberici AL55/66 manuals; ccTalk generic specification, part 3, for ids and error codes.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

HOST = 1
BROADCAST = 0
CHANNELS = range(1, 17)
BUFFERED = 5
"""Events that an acceptor remembers, newest first."""


class Header(IntEnum):
    """What a frame asks; the answer's header is 0."""

    SIMPLE_POLL = 254
    MANUFACTURER = 246
    CATEGORY = 245
    PRODUCT = 244
    MASK = 231
    EVENTS = 229
    MASTER_INHIBIT = 228
    COIN_ID = 184


ANSWER, REFUSED = 0, 5


class Garbled(Exception):
    """What came is no answer to what was asked: ask again."""


class Refused(Exception):
    """The device says that it does not do this (NAK)."""


def frame(destination: int, header: int, data: bytes = b"", source: int = HOST) -> bytes:
    """destination, length, source, header, data, checksum: all bytes sum to 0 modulo 256."""
    body = bytes((destination, len(data), source, header)) + data
    return body + bytes((-sum(body) % 256,))


def read_answer(sent: bytes, received: bytes) -> tuple[int, bytes] | None:
    """(source, data) of the answer to `sent`, once it is whole; None while bytes are missing. Garbled, Refused.

    On the one wire our own frame may come back first, as the adapter has it; to BROADCAST anybody may answer.
    """
    if received and received[0] != HOST:  # nobody but us sends to another than the host
        if received[: len(sent)] != sent[: len(received)]:
            raise Garbled("neither our own echo nor an answer")
        received = received[len(sent) :]
    if received and received[0] != HOST:
        raise Garbled("an answer that is not for the host")
    if len(received) < 5 or len(received) < 5 + received[1]:
        return None
    if len(received) > 5 + received[1]:
        raise Garbled("more than one answer")
    if sum(received) % 256:
        raise Garbled("a wrong checksum")
    source, header = received[2:4]
    if sent[0] not in (BROADCAST, source):
        raise Garbled(f"an answer of address {source}")
    if header == REFUSED:
        raise Refused
    if header != ANSWER:
        raise Garbled(f"an answer with header {header}")
    return source, received[4:-1]


@dataclass(frozen=True)
class Event:
    """One counted event: `coin` (1 to 16) fell on the sorter's path `code`, or, with `coin` 0, error `code`."""

    coin: int
    code: int


@dataclass(frozen=True)
class EventBuffer:
    """The answer to EVENTS. `counter` is 0 only after a power-up or reset, and goes from 255 to 1."""

    counter: int
    newest_first: tuple[Event, ...]


def read_events(data: bytes) -> EventBuffer:
    """Garbled unless there are a counter and five pairs."""
    if len(data) != 1 + 2 * BUFFERED:
        raise Garbled(f"{len(data)} bytes of events, {1 + 2 * BUFFERED} expected")
    pairs = zip(data[1::2], data[2::2], strict=True)
    return EventBuffer(data[0], tuple(Event(coin, code) for coin, code in pairs))


def next_counter(counter: int) -> int:
    """The counter after one more event."""
    return 1 if counter == 255 else counter + 1


@dataclass(frozen=True)
class News:
    """What was counted since a counter. `reset`: the acceptor began anew, what it knew before is gone.

    `lost`: events, older than `oldest_first`, that the acceptor counted and no longer remembers.
    """

    reset: bool
    lost: int
    oldest_first: tuple[Event, ...]


def news(before: int, now: EventBuffer) -> News:
    """What happened since the counter stood at `before`.

    A counter that ran backwards has wrapped, or began anew. It began anew where it is 0, where the buffer still has
    unused places (they fill once and for all), and where a wrap would need more than half a round.
    """
    counted = now.counter - before
    reset = counted < 0 and (
        now.counter == 0
        or all(event == Event(0, 0) for event in now.newest_first[now.counter :] or (None,))
        or counted + 255 > 127
    )
    if reset:
        counted = now.counter
    elif counted < 0:
        counted += 255
    remembered = min(counted, BUFFERED)
    return News(reset, counted - remembered, tuple(reversed(now.newest_first[:remembered])))


_EURO = re.compile(r"EU(\d{3})[0-9A-Z]")
_EURO_CENTS = frozenset((1, 2, 5, 10, 20, 50, 100, 200))


def coin_cents(coin_id: str, own: Mapping[str, int]) -> int | None:
    """Value of a coin id: `EU100A` is one euro of the device's data set A; `own` names what is not a euro coin."""
    euro = _EURO.fullmatch(coin_id)
    if euro and int(euro[1]) in _EURO_CENTS:
        return int(euro[1])
    return own.get(coin_id)


def mask(channels: Iterable[int]) -> bytes:
    """The 16 inhibits of MASK: channel 1 is the lowest bit of the first byte, a set bit accepts."""
    return sum(1 << (channel - 1) for channel in channels).to_bytes(2, "little")


ERRORS = {
    1: "coin rejected",
    2: "inhibited coin",
    3: "multiple window",
    4: "wake-up time-out",
    5: "validation time-out",
    6: "credit sensor time-out",
    7: "sorter time-out",
    8: "second coin too close",
    9: "accept gate not ready",
    10: "credit sensor not ready",
    11: "sorter not ready",
    12: "rejected coin not cleared",
    13: "validation sensor not ready",
    14: "credit sensor blocked",
    15: "sorter blocked",
    16: "credit sequence error",
    17: "coin going backwards",
    18: "coin too fast",
    19: "coin too slow",
    20: "coin on a string",
    254: "coin return pressed",
    255: "unspecified alarm",
}
"""Error events that are worth a word to a technician; none of them is a coin."""
