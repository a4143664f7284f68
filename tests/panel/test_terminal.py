"""A panel on a real terminal (a pseudo-terminal): what is shown is there, and no terminal holds the booth up."""

import asyncio
import os
import pty
import tty
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from edge.guide import STEPS
from hw import settings
from hw.cabin import DeviceMissing, DeviceSilent, Health, View
from hw.panel import TerminalPanel, open_panel
from hw.panel_text import SOUNDS, screen

GOOD = Path(__file__).parents[2] / "demo" / "pictures" / "good.jpg"


class Terminal:
    """Somebody's terminal at `path`: reads only when told, may be unplugged and plugged in."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.plug()

    def plug(self) -> None:
        self.screen, self._line = pty.openpty()
        tty.setraw(self._line)
        os.set_blocking(self.screen, False)
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(os.ttyname(self._line))

    def unplug(self) -> None:
        self.path.unlink()
        os.close(self.screen)
        os.close(self._line)

    async def reads(self, text: str) -> str:
        """Everything that is written until `text` came."""
        seen = b""
        async with asyncio.timeout(30):
            while text.encode() not in seen:
                try:
                    seen += os.read(self.screen, 65536)
                except BlockingIOError:
                    await asyncio.sleep(0.01)
        return seen.decode(errors="replace")


def with_terminal(folder: Path, story: Callable[[TerminalPanel, Terminal], Awaitable[None]]) -> None:
    async def whole() -> None:
        terminal = Terminal(folder / "tty")
        async with open_panel(settings.TerminalPanel(tty=str(terminal.path))) as panel:
            await story(panel, terminal)

    asyncio.run(whole())


async def until(panel: TerminalPanel, health: Health) -> None:
    async with asyncio.timeout(30):
        while panel.status().health is not health:  # noqa: ASYNC110  a status has no event
            await asyncio.sleep(0.02)


def test_a_view_s_lines_fields_and_sound_reach_the_terminal(tmp_path: Path) -> None:
    async def story(panel: TerminalPanel, terminal: Terminal) -> None:
        await panel.show(View("pay", ("Insérez 8,00 €", "sans monnaie"), None, "sorry", ("cancel",)))
        seen = await terminal.reads("\a")
        assert "Insérez 8,00 €" in seen and "sans monnaie" in seen and "cancel" in seen
        await terminal.reads("\a")
        await terminal.reads("\a")

    with_terminal(tmp_path, story)


def test_a_terminal_that_does_not_read_holds_nobody_up_and_shows_the_newest_view_later(tmp_path: Path) -> None:
    async def story(panel: TerminalPanel, terminal: Terminal) -> None:
        picture = GOOD.read_bytes()
        async with asyncio.timeout(60):
            for number in range(10_000):
                try:
                    await panel.show(View("place", (f"vue {number}",), picture))
                except DeviceSilent:
                    break
                await asyncio.sleep(0.02)
        assert "takes no text" in panel.status().why
        with pytest.raises(DeviceSilent):
            await panel.show(View("place", ("dernière vue",), picture))
        seen = await terminal.reads("dernière vue")
        assert seen.count("vue ") < number / 2  # older ones were left out
        assert panel.status().health is Health.WELL

    with_terminal(tmp_path, story)


def test_a_terminal_that_vanishes_is_missing_and_comes_back_with_the_view(tmp_path: Path) -> None:
    async def story(panel: TerminalPanel, terminal: Terminal) -> None:
        await panel.show(View("door", ("bonjour",)))
        await terminal.reads("bonjour")
        terminal.unplug()
        await panel.show(View("door", ("personne",)))
        await until(panel, Health.FAULTY)
        with pytest.raises(DeviceMissing, match="is not there"):
            await panel.show(View("door", ("de retour",)))
        terminal.plug()
        await terminal.reads("de retour")
        assert panel.status().health is Health.WELL

    with_terminal(tmp_path, story)


def test_a_terminal_that_vanishes_while_nothing_is_shown_is_named(tmp_path: Path) -> None:
    async def story(panel: TerminalPanel, terminal: Terminal) -> None:
        await panel.show(View("door", ("bonjour",)))
        await terminal.reads("bonjour")
        terminal.unplug()
        await until(panel, Health.FAULTY)
        assert "is not there" in panel.status().why

    with_terminal(tmp_path, story)


def test_what_is_no_terminal_is_named(tmp_path: Path) -> None:
    async def story() -> None:
        async with open_panel(settings.TerminalPanel(tty="/dev/null")) as panel:
            assert panel.status().health is Health.FAULTY and "no terminal" in panel.status().why

    asyncio.run(story())


def test_every_sound_of_the_guide_has_its_bells() -> None:
    assert {step.sound for step in STEPS.values() if step.sound} <= SOUNDS.keys()


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (40, 12), (20, 6), (200, 60)])
@pytest.mark.parametrize("picture", [None, GOOD.read_bytes(), b"no picture"])
def test_any_view_fits_any_terminal(size: tuple[int, int], picture: bytes | None) -> None:
    columns, rows = size
    view = View(
        "sign", ("Titre " * 20, "texte " * 60), picture, None, ("signature", "yes", "redo", "language", "cancel")
    )
    assert screen(view, columns, rows, colours=True).count("\r\n") < rows


def test_a_view_cannot_steer_the_terminal() -> None:
    assert "\x1b]0;x" not in screen(View("door", ("a\x1b]0;x\ab",)), 80, 24, colours=True)
