"""The customer's texts: catalogues in TOML, one pair of files (French, English) for each part of the house.

French is the first language: every key stands there. A catalogue never holds logic, code never holds a sentence.
"""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

LANGUAGES = ("fr", "en")


class Texts:
    """The sentences of one language: `Texts("fr")("norm.yaw.left", degrees=7)`."""

    def __init__(self, language: str) -> None:
        if language not in LANGUAGES:
            raise ValueError(f"language {language!r}: choose one of {', '.join(LANGUAGES)}")
        self.language = language

    def __call__(self, key: str, **params: object) -> str:
        """The sentence under `key` with its `{places}` filled. KeyError where no catalogue has it."""
        return catalogue(self.language)[key].format(**params)

    def __contains__(self, key: str) -> bool:
        return key in catalogue(self.language)


@cache
def catalogue(language: str) -> dict[str, str]:
    """All keys of one language, dotted, from every `<part>.<language>.toml` beside this file."""
    found: dict[str, str] = {}
    for file in sorted(files(__name__).iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(f".{language}.toml"):
            found.update(_flat(tomllib.loads(file.read_text("utf-8"))))
    return found


def _flat(table: dict[str, Any], path: str = "") -> dict[str, str]:
    out: dict[str, str] = {}
    for key, value in table.items():
        name = f"{path}.{key}" if path else key
        out.update(_flat(value, name) if isinstance(value, dict) else {name: str(value)})
    return out
