"""Frames: what the manuals print is what goes out, and nothing that is not the whole answer is taken for one."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.coins.cctalk import Garbled, Header, Refused, coin_cents, frame, mask, read_answer

QUESTION = frame(2, Header.EVENTS)
DATA = bytes((7, 5, 1, *[0] * 8))
ANSWER = frame(1, 0, DATA, source=2)


@pytest.mark.parametrize(
    ("made", "printed"),
    [
        (frame(2, Header.SIMPLE_POLL), "02 00 01 FE FF"),
        (frame(2, Header.EVENTS), "02 00 01 E5 18"),
        (frame(2, Header.MASK, mask(range(1, 17))), "02 02 01 E7 FF FF 16"),
        (frame(2, Header.MASTER_INHIBIT, b"\1"), "02 01 01 E4 01 17"),
        (frame(2, Header.MASTER_INHIBIT, b"\0"), "02 01 01 E4 00 18"),
    ],
)
def test_our_frames_are_those_that_the_manuals_print(made: bytes, printed: str) -> None:
    assert made == bytes.fromhex(printed)


@pytest.mark.parametrize("echo", [b"", QUESTION])
def test_an_answer_is_read_once_it_is_whole_with_or_without_an_echo(echo: bytes) -> None:
    whole = echo + ANSWER
    assert [read_answer(QUESTION, whole[:count]) for count in range(len(whole))] == [None] * len(whole)
    assert read_answer(QUESTION, whole) == (2, DATA)


@given(st.integers(0, len(ANSWER) - 1), st.integers(1, 255), st.booleans())
def test_no_answer_with_a_wrong_byte_is_taken(at: int, change: int, echo: bool) -> None:
    wrong = bytearray(ANSWER)
    wrong[at] ^= change
    with suppress(Garbled, Refused):
        assert read_answer(QUESTION, (QUESTION if echo else b"") + wrong) is None


@given(st.binary(max_size=40))
def test_noise_is_never_an_answer(noise: bytes) -> None:
    if noise not in (ANSWER, QUESTION + ANSWER):
        try:
            answer = read_answer(QUESTION, noise)
        except (Garbled, Refused):
            return
        assert answer is None or sum(noise) % 256 == 0


@pytest.mark.parametrize("more", [b"\0", ANSWER])
def test_more_than_one_answer_is_none(more: bytes) -> None:
    with pytest.raises(Garbled):
        read_answer(QUESTION, ANSWER + more)


def test_an_answer_of_another_address_is_none_unless_all_were_asked() -> None:
    other = frame(1, 0, b"", source=3)
    with pytest.raises(Garbled, match="address 3"):
        read_answer(frame(2, Header.SIMPLE_POLL), other)
    assert read_answer(frame(0, Header.SIMPLE_POLL), other) == (3, b"")


def test_a_refusal_is_told_from_an_answer() -> None:
    with pytest.raises(Refused):
        read_answer(QUESTION, frame(1, 5, b"", source=2))


@pytest.mark.parametrize(
    ("coin_id", "cents"),
    [("EU005A", 5), ("EU100A", 100), ("EU200B", 200), ("EU300A", None), ("GB100A", None), ("TK001A", 50), ("", None)],
)  # fmt: skip
def test_a_coin_is_worth_what_its_id_says_or_the_configuration_adds(coin_id: str, cents: int | None) -> None:
    assert coin_cents(coin_id, {"TK001A": 50, "EU100A": 1}) == cents
