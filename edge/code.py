"""The 21 characters of an ePhoto code: make, check, read back, show. Pure: randomness is passed in.

1 version/issuer + 17 random (85 bits) + 3 Reed-Solomon check characters over GF(32) with x⁵+x²+1 and the roots
α¹…α³, in Crockford's alphabet, shown as 7 × 3. No booth and no time in it. Every error of up to three characters is
detected; one wrong character can be pointed at, none is ever corrected. The format is one profile, here only.
"""

from collections.abc import Callable
from dataclasses import dataclass

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 21
CHECKS = 3
RANDOM = 17
ISSUER = "E"
"""Version and issuer: the first character. A new profile takes another one."""

_READ = {char: value for value, char in enumerate(ALPHABET)} | {"O": 0, "I": 1, "L": 1}
_SEPARATORS = " -.\t\n\r\u00a0\u202f"

_EXP = [1] * 62
for _i in range(1, 62):
    _next = _EXP[_i - 1] << 1
    _EXP[_i] = _next ^ 0x25 if _next & 0x20 else _next
_LOG = {_EXP[i]: i for i in range(31)}


@dataclass(frozen=True)
class Mistyped:
    """Why a text is not a code. `position`: 1…21 of the character that looks wrong, None where it cannot be told."""

    why: str
    position: int | None = None


def make(token_bytes: Callable[[int], bytes]) -> str:
    """A new code from `token_bytes` (`secrets.token_bytes` in the booth): 85 of its bits."""
    bits = int.from_bytes(token_bytes(11), "big") >> 3
    body = [_READ[ISSUER]] + [(bits >> (5 * i)) & 31 for i in range(RANDOM)]
    return "".join(ALPHABET[value] for value in body + _checks(body))


def read(text: str) -> str | Mistyped:
    """The code a person typed, in its one spelling, or why it is none: case, separators, O/0, I/L/1 are forgiven."""
    values: list[int] = []
    for char in text.upper():
        if char in _SEPARATORS:
            continue
        if char not in _READ:
            return Mistyped(f"{char!r} is not a character of a code", len(values) + 1 if len(values) < LENGTH else None)
        values.append(_READ[char])
    if len(values) != LENGTH:
        return Mistyped(f"a code has {LENGTH} characters, this has {len(values)}")
    syndromes = _syndromes(values)
    if any(syndromes):
        return Mistyped("its check characters do not fit", _suspect(syndromes))
    if values[0] != _READ[ISSUER]:
        return Mistyped("it is not a code of this kind", 1)
    return "".join(ALPHABET[value] for value in values)


def shown(code: str) -> str:
    """The code in seven groups of three, as it stands on the ticket."""
    return " ".join(code[i : i + 3] for i in range(0, LENGTH, 3))


def _mul(a: int, b: int) -> int:
    return _EXP[_LOG[a] + _LOG[b]] if a and b else 0


def _checks(body: list[int]) -> list[int]:
    """Remainder of body · x³ by (x − α)(x − α²)(x − α³)."""
    generator = [1]
    for root in (1, 2, 3):
        generator = [high ^ _mul(low, _EXP[root]) for high, low in zip([*generator, 0], [0, *generator], strict=True)]
    rest = body + [0] * CHECKS
    for i in range(len(body)):
        lead = rest[i]
        for j, factor in enumerate(generator):
            rest[i + j] ^= _mul(lead, factor)
    return rest[-CHECKS:]


def _syndromes(values: list[int]) -> tuple[int, int, int]:
    out = []
    for root in (1, 2, 3):
        total = 0
        for value in values:
            total = _mul(total, _EXP[root]) ^ value
        out.append(total)
    return out[0], out[1], out[2]


def _suspect(syndromes: tuple[int, int, int]) -> int | None:
    """Position (1…21) of the one wrong character that would explain the syndromes; None if one does not suffice."""
    s1, s2, s3 = syndromes
    if not (s1 and s2 and s3) or _mul(s2, s2) != _mul(s1, s3):
        return None
    power = (_LOG[s2] - _LOG[s1]) % 31
    return LENGTH - power if power < LENGTH else None
