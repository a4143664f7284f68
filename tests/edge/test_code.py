"""The 21 characters: an independent decoder agrees, every error up to three characters is seen, none is mended."""

import secrets

import pytest
import reedsolo
from hypothesis import given
from hypothesis import strategies as st

from edge import code
from edge.cli import main

ORACLE = reedsolo.RSCodec(3, nsize=31, fcr=1, prim=0x25, generator=2, c_exp=5)


@given(st.binary(min_size=11, max_size=11))
def test_an_independent_reed_solomon_gives_the_same_checks(random: bytes) -> None:
    made = code.make(lambda n: random)
    values = [code.ALPHABET.index(char) for char in made]
    assert list(ORACLE.encode(values[:18])) == values
    assert code.read(code.shown(made)) == made


@given(st.binary(min_size=11, max_size=11), st.data())
def test_up_to_three_wrong_characters_are_always_seen(random: bytes, data: st.DataObject) -> None:
    made = code.make(lambda n: random)
    places = data.draw(st.lists(st.integers(0, 20), min_size=1, max_size=3, unique=True))
    wrong = list(made)
    for place in places:
        wrong[place] = data.draw(st.sampled_from([c for c in code.ALPHABET if c != made[place]]))
    found = code.read("".join(wrong))
    assert isinstance(found, code.Mistyped)
    if len(places) == 1:
        assert found.position == places[0] + 1


@given(st.text(max_size=40))
def test_any_text_gets_an_answer(text: str) -> None:
    assert isinstance(code.read(text), str | code.Mistyped)


def test_what_people_mistake_is_forgiven() -> None:
    made = next(c for c in iter(lambda: code.make(secrets.token_bytes), "") if "0" in c and "1" in c)
    typed = made.lower().replace("0", "o").replace("1", "l")
    assert code.read(f" {typed[:5]}-{typed[5:]}\n") == made


def test_codes_do_not_repeat_and_use_all_their_bits() -> None:
    made = {code.make(secrets.token_bytes) for _ in range(20_000)}
    assert len(made) == 20_000
    for place in range(1, 18):
        assert len({c[place] for c in made}) == 32


def test_the_command_says_which_character_looks_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    made = code.make(secrets.token_bytes)
    assert main(["code", "check", made]) == 0
    wrong = made[:6] + ("2" if made[6] != "2" else "3") + made[7:]
    assert main(["code", "check", wrong]) == 1
    assert "character 7" in capsys.readouterr().err
