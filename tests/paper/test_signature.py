"""What is a signature and what is not; and that its picture keeps nothing but its shape."""

import random
import struct
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge import signature
from edge.fields import Box
from edge.signature import Reason, draw, encode_png, judge, strokes_in
from edge.texts import Texts
from hw.cabin import PenSample
from hw.sim.pen import recorded

BOX = Box(20, 30, 100, 40)
Path = Sequence[tuple[float, float]]


def by_hand(
    *paths: Path, mm_per_s: float = 120, hz: float = 200, pressure: float = 0.4, noise_mm: float = 0.03
) -> list[PenSample]:
    """Samples of a hand that follows the paths (mm within the field), lifting the pen between them."""
    rng, samples, at_ns = np.random.default_rng(1), [], 10**15
    for path in paths:
        corners = np.add(path, (BOX.x_mm, BOX.y_mm))
        walked = np.r_[0.0, np.hypot(*np.diff(corners, axis=0).T).cumsum()]
        stops = np.linspace(0, walked[-1], max(2, int(walked[-1] / mm_per_s * hz)))
        for stop in stops:
            x, y = (float(np.interp(stop, walked, corners[:, i]) + rng.normal(0, noise_mm)) for i in (0, 1))
            samples.append(PenSample(x, y, pressure, at_ns, contact=True))
            at_ns += int(1e9 / hz)
        samples.append(PenSample(x, y, 0.0, at_ns, contact=False))
        at_ns += 90_000_000
    return samples


def wave(width_mm: float, height_mm: float, humps: int, x_mm: float = 10, y_mm: float = 20) -> Path:
    along = np.linspace(0, 1, 40 * humps)
    across = y_mm + height_mm / 2 * np.sin(2 * np.pi * humps * along)
    return list(zip(x_mm + width_mm * along, across, strict=True))


def arc(radius_mm: float, degrees: float, x_mm: float = 20, y_mm: float = 20) -> Path:
    turn = np.radians(np.linspace(0, degrees, 60))
    return list(zip(x_mm + radius_mm * np.cos(turn), y_mm + radius_mm * np.sin(turn), strict=True))


def as_recorded() -> list[PenSample]:
    samples = []
    for stroke in recorded()[2]:
        samples += [PenSample(x + 40, y + 40, p, int(t * 1e9), contact=True) for x, y, t, p in stroke]
        samples.append(replace(samples[-1], pressure=0.0, at_ns=samples[-1].at_ns + 5_000_000, contact=False))
    return samples


def reason(samples: Iterable[PenSample]) -> Reason | None:
    return judge(strokes_in(samples, BOX), BOX).reason


SIGNATURES = {
    "recorded": as_recorded(),
    "long": by_hand(wave(70, 15, 8), [(8, 32), (85, 28)]),
    "two small initials": by_hand(arc(2.5, 300), [(24, 23), (24, 17), (27, 17), (24, 20), (27, 23)], mm_per_s=60),
    "one paraph in one move": by_hand(wave(14, 7, 2), mm_per_s=150),
    "flat and long": by_hand(wave(80, 3, 12)),
    "a cross": by_hand([(10, 10), (20, 20)], [(20, 10), (10, 20)], mm_per_s=50),
    "by a trembling hand": by_hand(wave(50, 10, 4), mm_per_s=12, noise_mm=0.15),
    "by a hasty hand": by_hand(wave(60, 14, 4), mm_per_s=600),
    "on a panel that feels no pressure": by_hand(wave(50, 10, 4), pressure=0.0),
    "a flourish a little over the frame": by_hand(wave(60, 10, 4), [(50, 20), (60, 41.5), (70, 20)]),
    "with a rest between its parts": by_hand(wave(30, 9, 3))
    + [replace(s, at_ns=s.at_ns + 9 * 10**9) for s in by_hand(arc(6, 340, 70))],
    "with a pen that rests on the pad": [
        replace(s, at_ns=s.at_ns + (10**9 if i > 80 else 0)) for i, s in enumerate(by_hand(wave(50, 10, 4)))
    ],
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_a_real_signature_passes(name: str) -> None:
    assert reason(SIGNATURES[name]) is None


def lossy(samples: list[PenSample]) -> list[PenSample]:
    return [replace(s, broken=i == len(samples) - 1) for i, s in enumerate(samples)]


NONE: dict[str, tuple[Reason, list[PenSample]]] = {
    "nothing": ("empty", []),
    "only a tap on another field": ("empty", by_hand([(-15, 60), (-15.2, 60.1)], mm_per_s=5)),
    "a tap": ("dot", by_hand([(30, 20), (30.2, 20.1)], mm_per_s=2)),
    "taps here and there": ("dot", by_hand(*([(x, 20), (x + 0.3, 20)] for x in (10, 40, 80)), mm_per_s=2)),
    "a scribble as small as a pea": ("too_small", by_hand(*[arc(2, 360) for _ in range(4)], mm_per_s=50)),
    "a hook": ("too_short", by_hand([(30, 20), (36, 20), (36, 24)], mm_per_s=40)),
    "a ruled line": ("straight_line", by_hand([(10, 20), (80, 22)])),
    "a line a little bent": ("straight_line", by_hand([(10, 20), (45, 21.6), (80, 20.5)])),
    "a line there and back": ("straight_line", by_hand([(10, 10), (60, 30), (10, 10)])),
    "over the frame": ("out_of_frame", by_hand(wave(70, 55, 5))),
    "into the field from outside": ("out_of_frame", by_hand([(-20, 20), *wave(40, 10, 3)])),
    "samples lost, and the driver says so": ("broken", lossy(by_hand(wave(50, 10, 4)))),
    "samples lost, and nobody says so": ("broken", [s for i, s in enumerate(by_hand(wave(70, 15, 8))) if i % 200 < 99]),
    "a time that runs back": ("broken", list(reversed(by_hand(wave(50, 10, 4))))[1:]),
    "at once": ("too_quick", [replace(s, at_ns=5) for s in by_hand(wave(50, 10, 4))]),
    "faster than a hand": ("too_quick", by_hand(*[wave(60, 14, 4)] * 3, mm_per_s=2600)),
    "with a pen that hardly touches": ("faint", by_hand(wave(50, 10, 4), pressure=0.004)),
}


@pytest.mark.parametrize("name", NONE)
def test_what_is_no_signature_is_refused_and_says_why(name: str) -> None:
    expected, samples = NONE[name]
    assert reason(samples) == expected


@pytest.mark.parametrize("why", Reason.__args__)
def test_every_reason_has_its_sentence_and_its_example(why: str) -> None:
    assert all(f"signature.refused.{why}" in Texts(language) for language in ("fr", "en"))
    assert why in {expected for expected, _ in NONE.values()}


# --- the picture


def picture(samples: Iterable[PenSample]) -> NDArray[np.uint8]:
    return draw(strokes_in(samples, BOX))


def drawn(samples: Iterable[PenSample]) -> bytes:
    return encode_png(picture(samples))


def split(samples: list[PenSample]) -> list[list[PenSample]]:
    ends = [i + 1 for i, sample in enumerate(samples) if not sample.contact]
    return [samples[a:b] for a, b in zip([0, *ends], ends, strict=False)]


def test_the_picture_is_always_the_same_size_black_on_white_with_soft_edges() -> None:
    for samples in (*SIGNATURES.values(), []):
        assert picture(samples).shape == (354, 945)
    ink = picture(as_recorded())
    assert ink.min() == 0 and ink.max() == 255
    assert len(np.unique(ink)) > 10
    assert not (ink[[0, -1]] < 255).any() and not (ink[:, [0, -1]] < 255).any()


@given(st.integers(0, 2**32))
@settings(max_examples=10)
def test_order_direction_times_and_pressures_cannot_be_read_from_the_picture(seed: int) -> None:
    chance = random.Random(seed)
    strokes = split(as_recorded())
    chance.shuffle(strokes)
    other = []
    for stroke in strokes:
        body, lift = stroke[:-1], stroke[-1]
        if chance.random() < 0.5:
            body = body[::-1]
        other += [replace(s, at_ns=chance.randrange(10**12), pressure=chance.random()) for s in body] + [lift]
    assert drawn(other) == drawn(as_recorded())


def test_the_hand_s_speed_leaves_no_mark() -> None:
    """A sample every 0.4 mm or every 1.2 mm: the same curve, with no corner where a sample was."""
    slow = by_hand(wave(60, 14, 3), mm_per_s=80, noise_mm=0)
    fast = by_hand(wave(60, 14, 3), mm_per_s=240, noise_mm=0)
    away = np.abs(picture(slow).astype(int) - picture(fast).astype(int))
    assert away.mean() < 0.45 and (away > 128).mean() < 0.0002  # straight chords: 0.63 and 0.0012


def test_where_and_how_large_it_was_signed_in_the_field_leaves_no_mark() -> None:
    there = [replace(s, x_mm=s.x_mm + 11, y_mm=s.y_mm - 7) for s in as_recorded()]
    away = np.abs(picture(there).astype(int) - picture(as_recorded()).astype(int))
    assert (away > 64).mean() < 0.001


def test_initials_are_not_blown_up_beyond_twice_their_size() -> None:
    ink = picture(SIGNATURES["two small initials"]) < 128
    rows = np.flatnonzero(ink.any(axis=1))
    height_mm = (rows[-1] - rows[0] + 1) / signature.PICTURE_DPI * 25.4
    assert height_mm == pytest.approx(2 * 6 + signature.PEN_MM, abs=1.0)


def test_the_png_holds_pixels_and_nothing_else() -> None:
    data = drawn(as_recorded())
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    chunks, at = [], 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        chunks.append(data[at + 4 : at + 8])
        at += 12 + length
    assert set(chunks) == {b"IHDR", b"IDAT", b"IEND"}
    assert len(data) < 20_000


@given(st.lists(st.tuples(st.floats(-50, 200), st.floats(-50, 200), st.booleans()), max_size=60))
@settings(max_examples=60)
def test_whatever_the_pen_says_there_is_an_answer_and_a_picture(moves) -> None:
    samples = [PenSample(x, y, 0.5, i * 5_000_000, contact) for i, (x, y, contact) in enumerate(moves)]
    strokes = strokes_in(samples, BOX)
    judge(strokes, BOX)
    assert draw(strokes).shape == (354, 945)
