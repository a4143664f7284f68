"""The catalogues of all parts: the same keys and places in both languages, and none that is missing."""

import ast
import re
import string
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

from edge.texts import LANGUAGES, Texts, catalogue

HERE = Path(str(files("edge") / "texts"))
PARTS = sorted({path.name.split(".")[0] for path in HERE.glob("*.toml")})


def flat(part: str, language: str) -> dict[str, str]:
    def walk(table: dict[str, object], above: str) -> dict[str, str]:
        out: dict[str, str] = {}
        for key, value in table.items():
            out |= walk(value, f"{above}{key}.") if isinstance(value, dict) else {above + key: str(value)}
        return out

    return walk(tomllib.loads((HERE / f"{part}.{language}.toml").read_text("utf-8")), "")


def places(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)


@pytest.mark.parametrize("part", PARTS)
def test_both_languages_say_the_same_things(part: str) -> None:
    french, english = (flat(part, language) for language in LANGUAGES)
    assert sorted(french) == sorted(english)
    assert all(text.strip() for text in (*french.values(), *english.values()))


@pytest.mark.parametrize("part", PARTS)
def test_both_languages_have_the_same_places(part: str) -> None:
    french, english = (flat(part, language) for language in LANGUAGES)
    assert {key: places(text) for key, text in french.items()} == {key: places(text) for key, text in english.items()}


def test_no_part_says_again_what_another_says() -> None:
    for language in LANGUAGES:
        assert sum(len(flat(part, language)) for part in PARTS) == len(catalogue(language))


def test_every_key_that_the_paper_names_exists() -> None:
    named = set()
    for path in (Path(str(files("edge"))) / name for name in ("ticket.py", "ticket_words.py", "ticket_blocks.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                named |= set(re.findall(r"^(?:ticket|slip)\.[a-z_.]*[a-z]$", node.value))
    tables = {"ticket.serves", "ticket.site", "ticket.finding"}
    assert len(named) > 25
    for language in LANGUAGES:
        assert [key for key in named - tables if key not in Texts(language)] == []
        assert all(
            f"{table}.{service}" in Texts(language)
            for table in ("ticket.serves", "ticket.site")
            for service in ("driving_licence", "residence_permit", "other")
        )
