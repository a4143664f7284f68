"""What the simulated printers answer: one table for each family, made of its maker's documents alone.

It must not import the driver's own profiles, whose mistakes it is there to show.
"""

from collections.abc import Callable, Set
from dataclasses import dataclass

Troubles = Set[str]
"""Of: paper out, paper low, jam, cover open, hot. A printer that is silent or hung does not come here."""

STOPS = frozenset({"paper out", "jam", "cover open", "hot"})


@dataclass(frozen=True)
class Model:
    """`realtime`: the answer to DLE EOT n; `automatic`: what it tells unasked when something changes."""

    name: str
    realtime: Callable[[int, Troubles, bool], bytes]
    automatic: Callable[[Troubles, bool], bytes]
    process_id: bool = False  # GS ( H
    clears: bool = False  # DLE DC4 8, answered
    clears_silently: bool = False  # DLE ENQ 2
    presenter: bool = False
    answers_in_images: bool = False


def _epson_eot(n: int, troubles: Troubles, at_exit: bool) -> bytes:
    """TM-T88III specification, DLE EOT."""
    del at_exit
    has = troubles.__contains__
    flags = {
        1: 0x08 * bool(troubles & STOPS),
        2: 0x04 * has("cover open") | 0x20 * has("paper out") | 0x40 * (has("jam") or has("hot")),
        3: 0x08 * has("jam") | 0x40 * has("hot"),
        4: 0x60 * has("paper out") | 0x0C * (has("paper low") or has("paper out")),
    }
    return bytes((0x12 | flags[n],)) if n in flags else b""


def _epson_asb(troubles: Troubles, at_exit: bool) -> bytes:
    """TM-T88III specification, appendix G."""
    del at_exit
    has = troubles.__contains__
    return bytes(
        (
            0x10 | 0x08 * bool(troubles & STOPS) | 0x20 * has("cover open"),
            0x08 * has("jam") | 0x40 * has("hot"),
            0x0C * has("paper out") | 0x03 * (has("paper low") or has("paper out")),
            0x0F,
        )
    )


def _citizen_eot(n: int, troubles: Troubles, at_exit: bool) -> bytes:
    """PPU-700 command reference, pages 57-58."""
    has = troubles.__contains__
    if n == 4:
        near = has("paper low") or has("paper out")
        return bytes((0x12 | 0x0C * near | 0x20 * has("paper out") | 0x40 * at_exit,))
    return _epson_eot(n, troubles, at_exit)


def _citizen_asb(troubles: Troubles, at_exit: bool) -> bytes:
    """PPU-700II command reference, page 61."""
    one, two, _, four = _epson_asb(troubles, at_exit)
    near = "paper low" in troubles or "paper out" in troubles
    return bytes((one, two, 0x03 * near | 0x04 * ("paper out" in troubles) | 0x08 * at_exit, four & 0x0F))


def _custom_full(troubles: Troubles, at_exit: bool) -> bytes:
    """KPM210/216 user manual, DLE EOT 20."""
    has = troubles.__contains__
    paper = 0x01 * has("paper out") | 0x04 * (has("paper low") or has("paper out")) | 0x20 * at_exit
    return bytes((0x10, 0x0F, paper, 0x02 * has("cover open"), 0x01 * has("hot"), 0x01 * has("jam")))


def _custom_eot(n: int, troubles: Troubles, at_exit: bool) -> bytes:
    return _custom_full(troubles, at_exit) if n == 20 else b""


MODELS = {
    model.name: model
    for model in (
        Model("epson", _epson_eot, _epson_asb, process_id=True, clears=True),
        Model("epson-no-proof", _epson_eot, _epson_asb, clears=True),
        Model("epson-eager", _epson_eot, _epson_asb, process_id=True, clears=True, answers_in_images=True),
        Model("clone", _epson_eot, lambda troubles, at_exit: b""),  # knows DLE EOT and nothing else
        Model("citizen-ppu700", _citizen_eot, _citizen_asb, clears=True, presenter=True),
        Model("custom-kpm", _custom_eot, _custom_full, clears_silently=True, presenter=True),
    )
}
