"""The ticket's texts as blocks, French with English smaller beneath: headings, paragraphs, facts, numbers. Pure."""

from datetime import date

from edge.texts import Texts
from edge.ticket_blocks import (
    BOLD,
    CODE,
    WIDTH_DOTS,
    Bits,
    beside,
    framed,
    heightened,
    padded,
    paragraph,
    qr,
    rule,
    stack,
    widened,
)

FR, EN = Texts("fr"), Texts("en")
MARGIN_DOTS = 8
INNER_DOTS = WIDTH_DOTS - 2 * MARGIN_DOTS
GAP_DOTS = 14
TEXT_DOTS, SMALL_DOTS = 19, 16
"""French 6.7 pt, English 5.7 pt."""
HEADING_DOTS, FACT_DOTS, NUMBER_DOTS = 22, 21, 40
QR_DOTS = 200

_FRAME_DOTS, _INSET_DOTS = 3, 12
BOX_DOTS = INNER_DOTS - 2 * (_FRAME_DOTS + _INSET_DOTS)
"""The width within `boxed`."""


def masthead(title: str, subtitle: str) -> Bits:
    """White on black, over the whole width: a large French word, and at its right what it is in both languages."""
    name = paragraph(FR(title), 50, INNER_DOTS, face=BOLD, tight=True)
    wide = INNER_DOTS - name.shape[1] - GAP_DOTS
    aside = stack(
        paragraph(FR(subtitle), TEXT_DOTS, wide, face=BOLD, align="right"),
        paragraph(EN(subtitle), SMALL_DOTS, wide, align="right"),
        gap_dots=4,
    )
    return ~padded(beside(name, aside, gap_dots=GAP_DOTS, at="middle"), MARGIN_DOTS, 8)


def heading(key: str, width_dots: int) -> Bits:
    """English stands behind the French where the line has room, else beneath."""
    french = paragraph(FR(key), HEADING_DOTS, width_dots, face=BOLD, tight=True)
    english = paragraph(EN(key), SMALL_DOTS, width_dots, tight=True)
    line = beside(french, english, gap_dots=10, at="foot")
    return line if line.shape[1] <= width_dots else stack(french, english)


def section(key: str) -> Bits:
    """A heading over the whole width, its line filled with a rule."""
    words = heading(key, INNER_DOTS)
    return beside(words, rule(max(1, INNER_DOTS - words.shape[1] - 10)), gap_dots=10, at="middle")


def both(key: str, width_dots: int, **params: object) -> Bits:
    return pair(FR(key, **params), EN(key, **params), width_dots)


def pair(french: str, english: str, width_dots: int) -> Bits:
    return stack(paragraph(french, TEXT_DOTS, width_dots), paragraph(english, SMALL_DOTS, width_dots), gap_dots=2)


def caption(key: str, width_dots: int) -> Bits:
    """Small, both languages one after the other; once where they are the same word."""
    return paragraph(" · ".join(dict.fromkeys((FR(key), EN(key)))), SMALL_DOTS, width_dots)


def fact(label: str, value: str, width_dots: int, value_en: str = "") -> Bits:
    """A small label in both languages, the value beneath."""
    english = [paragraph(value_en, SMALL_DOTS, width_dots)] if value_en not in ("", value) else []
    return stack(caption(label, width_dots), paragraph(value, FACT_DOTS, width_dots, face=BOLD), *english)


def number(text: str, width_dots: int) -> Bits:
    """A visit or claim number in two halves, to be read out on the telephone."""
    half = -(-len(text) // 2)
    return paragraph(f"{text[:half]} {text[half:]}", NUMBER_DOTS, width_dots, face=CODE, tight=True)


def boxed(*blocks: Bits) -> Bits:
    inside = widened(stack(*blocks, gap_dots=8), BOX_DOTS)
    return framed(padded(inside, _INSET_DOTS, _INSET_DOTS), _FRAME_DOTS)


def empty_frame(key: str, width_dots: int, height_dots: int) -> Bits:
    """An empty frame with a sentence why, higher than asked for where the sentence needs it."""
    words = widened(padded(both(key, width_dots - 24), 10, 0), width_dots - 4)
    return framed(heightened(words, height_dots - 4))


def labelled_qr(text: str, key: str) -> Bits:
    code = qr(text, QR_DOTS)
    wide = code.shape[1]
    french = paragraph(FR(key), TEXT_DOTS, wide, face=BOLD, align="middle")
    return stack(code, french, paragraph(EN(key), SMALL_DOTS, wide, align="middle"))


def euros(cents: int, language: str) -> str:
    """6,00 € in French, €6.00 in English; its spaces do not break."""
    whole, rest = divmod(cents, 100)
    if language == "fr":
        return f"{whole:,}".replace(",", "\u202f") + f",{rest:02d}\u00a0€"
    return f"€{whole:,}.{rest:02d}"


def day(texts: Texts, when: date) -> str:
    """1er décembre 2026, 1 December 2026; its spaces do not break."""
    ordinal = "1er" if when.day == 1 and texts.language == "fr" else str(when.day)
    return f"{ordinal}\u00a0{texts(f'ticket.month.{when.month}')}\u00a0{when.year}"


def kept(telephone: str) -> str:
    """A telephone number that does not break."""
    return telephone.replace(" ", "\u00a0")
