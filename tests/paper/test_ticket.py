"""What stands on the ticket and the slip: readable by an independent decoder, whole, and at its true size."""

import io
from dataclasses import replace
from datetime import date
from itertools import pairwise

import numpy as np
import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from edge.fields import Box
from edge.signature import draw, strokes_in
from edge.texts import Texts
from edge.ticket import Change, ClaimSlip, Ticket, draw_slip, draw_ticket
from edge.ticket_proof import portrait_proof, signature_proof
from edge.ticket_words import MARGIN_DOTS, day, empty_frame, euros
from hw.cabin import PenSample

CODE = "E2GR3WG6G1BG2J04W0Z3R"
URL = "https://cabines.example/visite/"
OVERRIDABLE = ("eyes_open", "mouth_closed", "expression", "gaze", "yaw", "pitch", "roll")  # design.md, "Shots"


def shade(level: int) -> NDArray[np.uint8]:
    return np.full((1063, 827, 3), level, np.uint8)


def sloped() -> NDArray[np.uint8]:
    """Black at the left, white at the right."""
    return np.repeat(np.tile(np.linspace(0, 255, 827), (1063, 1))[:, :, None], 3, axis=2).astype(np.uint8)


def signed() -> NDArray[np.uint8]:
    samples = [PenSample(5 + i / 10, 10 + 5 * np.sin(i / 20), 0.5, i * 5_000_000, contact=True) for i in range(500)]
    return draw(strokes_in(samples, Box(0, 0, 60, 20)))


FULL = Ticket(
    code=CODE,
    visit="7K3QZ8M2XT",
    service="driving_licence",
    service_fr="Permis de conduire",
    service_en="Driving licence",
    price_cents=600,
    issued_on=date(2026, 11, 23),
    expires_on=date(2027, 5, 23),
    booth="fr-75012-0042",
    place="Gare de Lyon, hall 1, 75012 Paris",
    hotline="09 70 00 12 34",
    status_url=URL,
    change=Change("4HX9TQ2M", 400),
    overrides=("eyes_open", "mouth_closed"),
    portrait=sloped(),
    signature=signed(),
)
PLAIN = replace(FULL, portrait=None, signature=None, change=None, overrides=())
SLIP = ClaimSlip("4HX9TQ2M", "cancelled", 600, date(2026, 11, 1), "fr-75012-0042", "Paris", "09 70 00 12 34")


def read(ticket: NDArray[np.bool_], *, as_phone: bool = False) -> list[str]:
    png = io.BytesIO()
    Image.fromarray(~ticket).save(png, "PNG")
    picture = Image.open(png).convert("L")
    if as_phone:  # a hand-held shot of paper whose dots have grown and whose black has faded
        picture = picture.filter(ImageFilter.MinFilter(3)).rotate(
            4, Image.Resampling.BICUBIC, expand=True, fillcolor=255
        )
        picture = picture.resize((picture.width * 5 // 4, picture.height * 5 // 4)).filter(ImageFilter.GaussianBlur(2))
        picture = picture.point(lambda level: 70 + level * 5 // 9)
    return [
        code.text
        for code in zxingcpp.read_barcodes(np.asarray(picture))
        if code.format == zxingcpp.BarcodeFormat.QRCode
    ]


@pytest.mark.parametrize("as_phone", [False, True])
def test_an_independent_decoder_reads_code_and_status_page_from_the_ticket(as_phone: bool) -> None:
    assert sorted(read(draw_ticket(FULL), as_phone=as_phone)) == sorted([CODE, URL + FULL.visit])


def test_without_a_status_page_the_code_is_the_only_qr() -> None:
    assert read(draw_ticket(replace(FULL, status_url=None))) == [CODE]


@given(st.text("ABCDEFGHJKMNPQRSTVWXYZ0123456789", min_size=21, max_size=21), st.integers(0, 170))
@settings(max_examples=15)
def test_every_code_and_every_length_of_address_is_read_back(code: str, more: int) -> None:
    address = "https://a.example/" + "x" * more + "?v="
    assert sorted(read(draw_ticket(replace(PLAIN, code=code, status_url=address)))) == sorted(
        [code, address + FULL.visit]
    )


def test_the_portrait_s_proof_is_exactly_35_by_45_mm() -> None:
    black, white = (draw_ticket(replace(FULL, portrait=shade(level))) for level in (0, 255))
    rows, columns = np.nonzero(black != white)
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == (360, 280)
    assert [dots / 203 * 25.4 for dots in (280, 360)] == pytest.approx([35, 45], abs=0.05)


def test_a_darker_place_of_the_portrait_gets_more_ink_and_none_gets_lost() -> None:
    ink = portrait_proof(sloped()).reshape(360, 10, 28).mean(axis=(0, 2))
    assert all(left > right for left, right in pairwise(ink[1:-1]))
    assert ink[0] > 0.95 and ink[-1] < 0.05


def test_the_same_portrait_gives_the_same_dots() -> None:
    assert np.array_equal(portrait_proof(sloped()), portrait_proof(sloped()))


def test_the_signature_s_proof_keeps_its_line_unbroken() -> None:
    proof = signature_proof(signed(), 262, 102)
    assert proof.shape == (102, 262)
    inked = np.flatnonzero(proof.any(axis=0))
    assert len(inked) == np.ptp(inked) + 1
    assert proof.sum() / 262**2 > (signed() < 128).sum() / 945**2  # and no thinner


def test_pixels_lost_in_a_restart_leave_frames_of_the_same_size_that_say_why() -> None:
    assert empty_frame("ticket.proof.portrait_lost", 280, 360).shape == (360, 280)
    lost = draw_ticket(replace(FULL, portrait=None, signature=None))
    assert sorted(read(lost)) == sorted([CODE, URL + FULL.visit])
    assert abs(len(lost) - len(draw_ticket(FULL))) < 40


def test_the_paper_is_not_wasted() -> None:
    assert len(draw_ticket(replace(FULL, change=None, overrides=()))) / 8 <= 240
    assert len(draw_ticket(replace(FULL, overrides=()))) / 8 <= 260
    assert len(draw_ticket(FULL)) / 8 <= 280
    assert len(draw_slip(SLIP)) / 8 <= 90


@pytest.mark.parametrize(
    "change",
    [
        {"code": CODE[::-1]},
        {"visit": "0000000000"},
        {"service": "residence_permit"},
        {"service": "nursing_card"},
        {"service_fr": "Autre"},
        {"service_en": "Other"},
        {"price_cents": 601},
        {"issued_on": date(2026, 11, 24)},
        {"expires_on": date(2027, 5, 24)},
        {"booth": "fr-2"},
        {"place": "Lille"},
        {"hotline": "3939"},
        {"change": None},
        {"change": Change("4HX9TQ2M", 401)},
        {"change": Change("4HX9TQ2N", 400)},
        {"overrides": ()},
        {"overrides": ("gaze",)},
    ],
    ids=str,
)
def test_every_word_of_the_content_can_be_seen(change: dict[str, object]) -> None:
    assert not np.array_equal(draw_ticket(replace(FULL, **change)), draw_ticket(FULL))


@pytest.mark.parametrize("name", ["claim", "reason", "cents", "opened_on", "booth", "place", "hotline"])
def test_every_word_of_the_slip_can_be_seen(name: str) -> None:
    other = {"cents": None, "opened_on": date(2026, 12, 2), "reason": "unclear_coin"}.get(name, "9999")
    assert not np.array_equal(draw_slip(replace(SLIP, **{name: other})), draw_slip(SLIP))


@pytest.mark.parametrize("why", ["cancelled", "refused", "unclear_coin", "ticket_failed"])
@pytest.mark.parametrize("cents", [None, 0, 5, 1_000_000])
def test_every_claim_has_its_slip(why, cents: int | None) -> None:
    assert draw_slip(replace(SLIP, reason=why, cents=cents)).shape[1] == 576


def test_each_finding_that_can_be_overridden_has_a_name_to_print() -> None:
    assert all(f"ticket.finding.{finding}" in Texts(language) for finding in OVERRIDABLE for language in ("fr", "en"))
    assert draw_ticket(replace(PLAIN, overrides=(*OVERRIDABLE, "a_new_one"))).shape[1] == 576


def test_amounts_and_dates_are_written_as_each_language_does() -> None:
    assert [euros(cents, "fr") for cents in (0, 5, 600, 123_456)] == [
        "0,00\u00a0€", "0,05\u00a0€", "6,00\u00a0€", "1\u202f234,56\u00a0€",
    ]  # fmt: skip
    assert [euros(cents, "en") for cents in (5, 600, 123_456)] == ["€0.05", "€6.00", "€1,234.56"]
    assert day(Texts("fr"), date(2026, 8, 1)) == "1er\u00a0août\u00a02026"
    assert day(Texts("en"), date(2026, 8, 1)) == "1\u00a0August\u00a02026"


names = st.text(st.characters(codec="latin-1", exclude_categories=("Cc",)), max_size=150)


@given(names, names, names, names, names)
@settings(max_examples=25)
def test_long_names_make_the_paper_longer_and_never_leave_it(place, booth, french, english, hotline) -> None:
    words = {"place": place, "booth": booth, "hotline": hotline}
    ticket = draw_ticket(
        replace(PLAIN, change=FULL.change, service="own", service_fr=french, service_en=english, **words)
    )
    for sheet in (ticket, draw_slip(replace(SLIP, **words))):
        assert sheet.shape[1] == 576
        body = sheet[100:]  # beneath the masthead, which fills the width
        assert not body[:, :MARGIN_DOTS].any() and not body[:, -MARGIN_DOTS:].any() and not body[-MARGIN_DOTS:].any()
