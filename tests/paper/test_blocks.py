"""Text on paper is whole: nothing is cut off, no word is lost, every character has its glyph."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from edge.texts import LANGUAGES, catalogue
from edge.ticket_blocks import BOLD, CODE, PLAIN, WIDTH_DOTS, Face, font, paragraph, qr, wrap

FACES = (PLAIN, BOLD, CODE)
texts = st.text(st.characters(codec="latin-1", exclude_categories=("Cc",)), max_size=120) | st.text(
    "aéÉÀçœŒ€ŵẾjgpqyW «»—’ \u00a0\u202f", max_size=120
)


@given(
    texts,
    st.sampled_from(FACES),
    st.integers(14, 64),
    st.integers(70, WIDTH_DOTS),
    st.sampled_from(["left", "middle", "right"]),
)
@settings(max_examples=150)
def test_a_paragraph_shows_all_the_ink_of_its_lines(text: str, face: Face, size: int, wide: int, align) -> None:
    """Counted against the same lines drawn with room on every side."""
    # a column narrower than one letter can show it whole or keep its width, not both
    assume(all(paragraph(letter, size, 1, face=face, tight=True).shape[1] <= wide for letter in text if letter.strip()))
    roomy = 0
    for line in wrap(text, face, size, wide):
        paper = Image.new("1", (wide + 400, 400))
        ImageDraw.Draw(paper).text((200, 200), line, fill=1, font=font(face, size), anchor="ls")
        roomy += np.count_nonzero(np.asarray(paper))
    block = paragraph(text, size, wide, face=face, align=align)
    assert np.count_nonzero(block) == roomy
    assert block.shape[1] == wide


@given(texts, st.sampled_from(FACES), st.integers(14, 40), st.integers(60, WIDTH_DOTS))
@settings(max_examples=150)
def test_wrapping_loses_no_character_and_breaks_words_only_where_it_must(text, face, size, wide) -> None:
    lines = wrap(text, face, size, wide)
    assert "".join(lines).replace(" ", "").replace("\u00a0", "") == text.replace(" ", "").replace("\u00a0", "")
    assert all(font(face, size).getlength(line, mode="1") <= wide or len(line) == 1 for line in lines)
    if (
        all(font(face, size).getlength(word) < wide / 2 for word in text.split(" "))
        and " " in text
        and not set(":;?!«»") & set(text)
    ):
        assert " ".join(lines).split() == text.split()


def test_french_signs_stay_with_their_words() -> None:
    for wide in range(150, 400, 7):
        lines = wrap("Un refus ? Choisissez « ePhoto » : c'est tout ; merci !", PLAIN, 20, wide)
        assert not any(line[0] in ":;?!»" or line[-1] == "«" for line in lines)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("face", [PLAIN, BOLD])
def test_every_character_of_every_text_has_its_glyph(language: str, face: Face) -> None:
    def shape(char: str) -> bytes:
        return bytes(font(face, 40).getmask(char, mode="1"))

    missing = {shape("\uffff"), shape("\U0010fffe")}
    characters = {char for text in catalogue(language).values() for char in text} - {"\n"}
    assert characters > set("éèçà") if language == "fr" else characters
    assert [char for char in sorted(characters | set("€\u00a0\u202fÀÉÇŒœ·«»")) if shape(char) in missing] == []


def test_the_code_s_letters_cannot_be_taken_for_one_another() -> None:
    """Every two of them differ in a twelfth of their box or more, in the type and size of the ticket."""
    from edge.code import ALPHABET

    boxes = {char: paragraph(char, 62, 48, face=CODE) for char in ALPHABET}
    alike = [
        (a, b) for a in ALPHABET for b in ALPHABET
        if a < b and np.count_nonzero(boxes[a] != boxes[b]) < 0.08 * np.count_nonzero(boxes[a] | boxes[b])
    ]  # fmt: skip
    assert alike == []


@pytest.mark.parametrize("text", ["E2GR3WG6G1BG2J04W0Z3R", "https://cabines.example/v/7K3QZ8M2XT", "x" * 200])
def test_a_qr_has_a_quiet_zone_and_modules_of_half_a_millimetre(text: str) -> None:
    code = qr(text, 200)
    first = int(np.flatnonzero(code.any(axis=0))[0])
    module = first // 4
    assert module >= 4 and first == 4 * module
    assert code[first, first : first + 7 * module].all() and not code[first, first + 7 * module]  # a finder's edge
