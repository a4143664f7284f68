"""ESC/POS as the simulated printer reads it: how long a command is, and what it then has to do.

Made of the makers' documents alone; it must not import the driver's own codec.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    dots: bytes


@dataclass(frozen=True)
class Proof:
    name: bytes


@dataclass(frozen=True)
class PutOut:
    """Retracts or ejects what lies at the exit."""


@dataclass(frozen=True)
class Cut:
    received: int  # bytes when it was asked for
    spoilt: bool  # data of this sheet were lost before


def length(command: bytes) -> int | None:
    """How many bytes this command has; None: not known yet; 0: no command."""
    if command in _BEGINNINGS:
        return None
    if command[:2] == b"\x1dV":
        return 4 if command[2] in (65, 66) else 3
    if command[:3] == b"\x1d(H":
        return 5 + command[3] + 256 * command[4] if len(command) >= 5 else None
    if command[:2] == b"\x10\x14":
        return 10 if command[2] == 8 else 5
    return _LENGTHS.get(command[:3]) or _LENGTHS.get(command[:2]) or 0


_BEGINNINGS = frozenset({b"\x10", b"\x10\x14", b"\x1b", b"\x1d", b"\x1dV", b"\x1dv", b"\x1d("})
_LENGTHS = {b"\x10\x04": 3, b"\x10\x05": 3, b"\x1b@": 2, b"\x1bJ": 3, b"\x1da": 3, b"\x1d\xe0": 3, b"\x1dv0": 8} | {
    b"\x1dR": 3,
    b"\x1de": 3,
}
