"""What the fleet says to people, in French and English, from the catalogues beside this file. Times are in Paris."""

import tomllib
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Literal

from fleet.life import PARIS

Language = Literal["fr", "en"]


class Texts:
    """The sentences of one language: `Texts("fr")("answer.used", at=…)`."""

    def __init__(self, language: Language) -> None:
        self.language = language

    def __call__(self, key: str, **params: object) -> str:
        """The sentence under `table.key` with its `{places}` filled. KeyError where the catalogue has none."""
        table, name = key.split(".")
        return _catalogue(self.language)[table][name].format(**params)

    def get(self, key: str) -> str:
        """The sentence, or the key's own last word: for names that a newer booth may know and this fleet not."""
        table, name = key.split(".", 1)
        return _catalogue(self.language)[table].get(name, name)

    def at(self, time: datetime) -> str:
        """A moment, to the minute."""
        local = time.astimezone(PARIS)
        return self("time.at", day=self.day(time), hour=local.strftime(_catalogue(self.language)["time"]["hour"]))

    def short(self, time: datetime) -> str:
        """A moment for a table."""
        return time.astimezone(PARIS).strftime(_catalogue(self.language)["time"]["short"])

    def day(self, time: datetime) -> str:
        return time.astimezone(PARIS).strftime(_catalogue(self.language)["time"]["day"])

    def euros(self, cents: int) -> str:
        whole, rest = divmod(cents, 100)
        return f"{whole},{rest:02} €" if self.language == "fr" else f"€{whole}.{rest:02}"


@cache
def _catalogue(language: str) -> dict[str, dict[str, str]]:
    return tomllib.loads(files(__name__).joinpath(f"{language}.toml").read_text("utf-8"))
