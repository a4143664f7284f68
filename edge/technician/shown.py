"""Where a technician's command shows what happens: lines and a live picture on a terminal, or JSON for a program."""

import json
from types import TracebackType

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from hw.cabin import Rgb

from .drawing import half_blocks

COLUMNS = 64
"""How wide a camera's view is drawn, in characters."""

UNBROKEN = 10_000
"""Characters in a line where no terminal is: nothing that is said is as long."""


def console() -> Console:
    """Breaks lines at a terminal's edge only: in a pipe or a file one fact is one line, and so is a table's row."""
    made = Console(highlight=False)
    if not made.is_terminal:
        made.width = UNBROKEN
    return made


class Shown:
    """`fact` is what happened, once; `live` is how it stands now, drawn over and over on a terminal only."""

    def __init__(self, *, as_json: bool) -> None:
        self._json = as_json
        self.said = ""
        """The text of the last fact."""
        self._console = console()
        self._live = None if as_json or not self._console.is_terminal else Live(console=self._console, transient=True)

    def __enter__(self) -> "Shown":
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    @property
    def draws(self) -> bool:
        """Whether somebody sees live pictures: else none need be made."""
        return self._live is not None

    def fact(self, what: str, text: str, **data: object) -> None:
        """`text` for people, `what` and `data` for programs."""
        self.said = text
        if self._json:
            print(json.dumps({"what": what, **data}), flush=True)
        else:
            self._console.print(text, markup=False)

    def live(self, picture: RenderableType) -> None:
        if self._live is not None:
            self._live.update(picture)


def view(rgb: Rgb) -> Text:
    """A camera's view, each line ended, so that words can follow below."""
    text = Text()
    for row in half_blocks(rgb, COLUMNS):
        for upper, lower in row:
            text.append("▀", f"{upper} on {lower}")
        text.append("\n")
    return text
