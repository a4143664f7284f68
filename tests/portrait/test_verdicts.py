"""The norm on real pictures: what must pass passes, what must be refused is refused for its own reason."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from bench.norm_defects import (
    covered,
    folds,
    gain,
    glare,
    hair,
    hand,
    hidden,
    near_shadow,
    red_eyes,
    second_face,
    sensor_noise,
    shadow,
    side_light,
    thick_frames,
    thing,
)
from bench.norm_eyes import WAYS, shut
from edge.judge import load_models
from edge.picture import read_picture
from edge.portrait import TABLE, Face, Judge
from edge.portrait.find import LEFT_CORNERS, RIGHT_CORNERS, find
from edge.portrait.networks import Networks
from edge.portrait.shape import iris_offset
from edge.texts import LANGUAGES, Texts

PICTURES = Path(__file__).parents[2] / "demo" / "pictures"


@pytest.mark.parametrize("name", ["good", "good-2"])
def test_a_portrait_that_meets_the_norm_passes(judge: Judge, name: str) -> None:
    verdict = judge.look(read_picture(PICTURES / f"{name}.jpg"))
    assert verdict.passed, verdict.failed
    assert verdict.face is not None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("bad-smile", {"mouth_closed"}),
        ("bad-dark-tilted", {"roll", "exposure"}),
        ("two-faces", {"one_face"}),
        ("empty", {"one_face"}),
    ],
)
def test_a_portrait_that_breaks_the_norm_is_refused_with_its_reason(
    judge: Judge, name: str, expected: set[str]
) -> None:
    verdict = judge.look(read_picture(PICTURES / f"{name}.jpg"))
    assert not verdict.passed
    assert expected <= {finding.name for finding in verdict.failed}
    assert all(finding.reason is not None for finding in verdict.failed)


def test_a_picture_without_a_face_has_no_face_and_one_finding(judge: Judge) -> None:
    verdict = judge.look(read_picture(PICTURES / "empty.jpg"))
    assert verdict.face is None
    assert [finding.name for finding in verdict.findings] == ["one_face"]
    with pytest.raises(ValueError, match="no face"):
        judge.portrait(np.zeros((64, 64, 3), np.uint8), verdict)


@pytest.mark.parametrize("scale", [0.2, 0.3, 0.6])
def test_a_second_face_is_refused_however_small_it_is_live_too(
    judge: Judge, good: np.ndarray, face: Face, scale: float
) -> None:
    both = second_face(good, face, scale)
    assert judge.look(both)["one_face"].value == 2
    frame = Image.fromarray(both)
    frame.thumbnail((640, 480))
    assert judge.look(np.asarray(frame), live=True)["one_face"].value == 2
    assert judge.look(good)["one_face"].passed


def test_somebody_far_away_is_told_to_come_closer_not_that_nobody_is_there(judge: Judge, good: np.ndarray) -> None:
    wall = Image.new("RGB", (3000, 3000), (203, 206, 208))
    for width in (450, 600):  # the face: 5 and 7 % of the picture's height from eyes to chin, where 10 are wished for
        away = wall.copy()
        away.paste(Image.fromarray(good).resize((width, round(width * good.shape[0] / good.shape[1]))), (1200, 1400))
        reason = judge.look(np.asarray(away))["head_size"].reason
        assert reason is not None
        assert reason.key == "norm.head_size.low"


def test_the_same_picture_gives_the_same_verdict_bit_for_bit(judge: Judge, good: np.ndarray) -> None:
    first, other = judge.look(good), judge.look(read_picture(PICTURES / "bad-smile.jpg"))
    again = judge.look(good)
    assert first.findings == again.findings != other.findings
    assert (judge.portrait(good, first) == judge.portrait(good, again)).all()


def test_ofiqs_figures_follow_the_picture_as_ofiq_defines_them(judge: Judge, good: np.ndarray) -> None:
    whole, cut = judge.look(good), judge.look(np.ascontiguousarray(good[:-100, 60:]))
    face = whole.face
    assert face is not None
    (x, y), (height, width) = face.middle_px, good.shape[:2]
    e = np.hypot(*np.subtract(*face.eyes_px))
    t = np.hypot(*np.subtract(face.chin_px, face.middle_px))
    for side, px in (("left", x), ("right", width - x)):
        assert whole[f"crop_{side}"].value == pytest.approx(px / e)
    for side, px in (("above", y), ("below", height - y)):
        assert whole[f"crop_{side}"].value == pytest.approx(px / t)
    assert (whole["crop_left"].value - cut["crop_left"].value) * e == pytest.approx(60, abs=3)
    assert (whole["crop_below"].value - cut["crop_below"].value) * t == pytest.approx(100, abs=3)
    assert judge.look(read_picture(PICTURES / "bad-smile.jpg"))["lip_opening"].value > 3 * whole["lip_opening"].value
    assert whole["second_face"].value == 0
    assert judge.look(read_picture(PICTURES / "two-faces.jpg"))["second_face"].value > 0.8


def striped(rgb: np.ndarray) -> np.ndarray:
    out = rgb.copy()
    out[:700, ::24] = 60
    out[:700, 1::24] = 60
    out[:700, 2::24] = 60
    return out


BLUR = ImageFilter.GaussianBlur(3)
DEFECTS = {
    "sharpness": lambda rgb: np.asarray(Image.fromarray(rgb).filter(ImageFilter.GaussianBlur(8))),
    "exposure": lambda rgb: (rgb * 0.45).astype(np.uint8),
    "roll": lambda rgb: np.asarray(Image.fromarray(rgb).rotate(-20, fillcolor=(203, 206, 208))),
    "margins": lambda rgb: np.ascontiguousarray(rgb[300:]),
    "inter_eye_distance": lambda rgb: np.asarray(Image.fromarray(rgb).resize((400, 473))),
    "background_uniform": striped,
}


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_made_in_a_good_portrait_is_refused(judge: Judge, good: np.ndarray, name: str) -> None:
    verdict = judge.look(DEFECTS[name](good))
    assert verdict[name].passed is False


@pytest.mark.parametrize("mirrored", [False, True])
def test_light_from_one_side_is_refused_and_what_hides_a_part_of_one_side_is_not(
    judge: Judge, good: np.ndarray, mirrored: bool
) -> None:
    picture = np.ascontiguousarray(good[:, ::-1]) if mirrored else good
    face = judge.look(picture).face
    assert face is not None
    lit = judge.look(side_light(picture, face, 2))["even_light"]
    assert lit.passed is False and (lit.value > 0) is not mirrored
    assert judge.look(side_light(picture, face, 0.5))["even_light"].passed
    (x, y), half = face.middle_px, np.hypot(*np.subtract(*face.eyes_px))
    hair = picture.copy()
    hair[round(y - half) : round(y + half), round(x + 0.6 * half) : round(x + half)] = 20
    assert judge.look(hair)["even_light"].passed


WALLS = {
    "folds of a curtain": (folds, 25, "background_uniform"),
    "something small on the wall": (thing, 6, "background_uniform"),
    "the head's own shadow, wide and soft": (shadow, 50, "background_shadow"),
    "the head's own shadow, narrow and hard": (near_shadow, 60, "background_shadow"),
}


@pytest.mark.parametrize("what", WALLS)
def test_what_is_seen_on_the_wall_is_refused_and_a_sensors_noise_is_not(
    judge: Judge, good: np.ndarray, face: Face, what: str
) -> None:
    make, grade, name = WALLS[what]
    noisy = sensor_noise(good, face, 3)
    assert judge.look(noisy)[name].passed
    assert judge.look(make(good, face, grade))[name].passed is False
    assert judge.look(make(noisy, face, grade))[name].passed is False


def test_bright_light_is_no_reflection_on_glasses(judge: Judge, good: np.ndarray, face: Face) -> None:
    for stops in (0.0, 0.4, 0.7):
        lit = gain(good, face, stops)
        assert judge.look(lit)["eyes_visible"].value < 0.03
        assert judge.look(glare(lit, face, 0.17))["eyes_visible"].passed is False


def looking_aside(rgb: np.ndarray, face: Face, share: float) -> np.ndarray:
    """The irises moved to the right by this share of the eye's width, the corners where they were."""
    out = rgb.copy()
    rows, columns = np.mgrid[: rgb.shape[0], : rgb.shape[1]].astype(float)
    for outer, inner in (RIGHT_CORNERS, LEFT_CORNERS):
        a, b = face.mesh_px[outer, :2], face.mesh_px[inner, :2]
        (x, y), width = (a + b) / 2, float(np.hypot(*(b - a)))
        nearness = np.clip(1 - ((columns - x) / (0.5 * width)) ** 2 - ((rows - y) / (0.25 * width)) ** 2, 0, 1)
        source = np.clip(np.rint(columns - share * width * np.sqrt(nearness)), 0, rgb.shape[1] - 1).astype(int)
        out = np.take_along_axis(out, source[..., None], axis=1)
    return out


def test_who_looks_aside_is_refused_and_who_looks_into_the_lens_is_not_live_too(
    judge: Judge, good: np.ndarray, face: Face
) -> None:
    for live in (False, True):
        for step in (1, -1):  # to the left as well
            looks = [np.ascontiguousarray(each[:, ::step]) for each in (good, looking_aside(good, face, 0.3))]
            ahead, aside = ((Judge(load_models()) if live else judge).look(each, live=live) for each in looks)
            assert ahead["gaze"].passed and aside["gaze"].passed is False


def test_who_looks_into_the_lens_does_so_in_the_mirror_as_well(good: np.ndarray) -> None:
    networks = Networks(load_models())
    across = []
    for picture in (good, np.ascontiguousarray(good[:, ::-1])):
        found = find(picture, networks)
        assert found is not None
        across.append(iris_offset(found)[0])
    assert abs(sum(across)) < 0.015  # by one look at each eye 0.024: a third of what the finding allows


def test_a_reflection_is_told_before_the_brightest_skin_too(judge: Judge, good: np.ndarray, face: Face) -> None:
    """Its cheeks alone are lit, as bright as the reflection."""
    down = np.array([0.2, 0.75]) * (face.chin_px[1] - face.middle_px[1]) + face.middle_px[1]
    rows, lit = slice(round(down[0]), round(down[1])), good.copy()
    lit[rows] = gain(good, face, 1.5)[rows]
    assert judge.look(lit)["eyes_visible"].passed
    assert judge.look(glare(lit, face, 0.17))["eyes_visible"].passed is False


@pytest.mark.parametrize("where", ["mouth", "nose", "eye"])
def test_something_of_the_skins_own_colour_before_mouth_nose_or_eye_is_refused(
    judge: Judge, good: np.ndarray, face: Face, where: str
) -> None:
    behind = hidden(where)(good, face, 1.25)
    # blur and darkness have reasons of their own
    for worse in (lambda rgb: rgb, lambda rgb: np.asarray(Image.fromarray(rgb).filter(BLUR)), lambda rgb: rgb // 2):
        assert judge.look(worse(good))["features_visible"].passed
        assert judge.look(worse(behind))["features_visible"].passed is False


COVERS = {
    "a hand of four fingers": (hand, 4),
    "a brown scarf from below": (covered((110, 70, 45)), 0.5),
    "a card of the skin's own colour from below": (covered(None), 0.3),
    "something before the chin": (hidden("chin"), 1.25),
    "something before a cheek": (hidden("cheek"), 1.5),
    "a lock of hair over an eye": (hair, 0.3),
    "glasses with thick frames": (thick_frames, 0.24),
}


@pytest.mark.parametrize("what", COVERS)
def test_what_lies_before_the_face_is_refused_whatever_its_colour_live_too(
    judge: Judge, good: np.ndarray, face: Face, what: str
) -> None:
    make, grade = COVERS[what]
    behind = make(good, face, grade)
    for turn in (lambda rgb: rgb, lambda rgb: np.ascontiguousarray(rgb[:, ::-1]), lambda rgb: rgb // 2):
        assert judge.look(turn(good))["face_unobstructed"].passed
        finding = judge.look(turn(behind))["face_unobstructed"]
        assert finding.passed is False and finding.reason is not None
    live = Judge(load_models())
    frame = Image.fromarray(behind)
    frame.thumbnail((640, 480))
    assert live.look(np.asarray(frame), live=True)["face_unobstructed"].passed is False


def test_pupils_lit_red_by_a_flash_are_refused_and_brown_eyes_in_warm_light_are_not(
    judge: Judge, good: np.ndarray, face: Face
) -> None:
    assert judge.look(red_eyes(good, face, 120))["red_eyes"].passed is False
    brown = good.copy()
    y, x = np.mgrid[: good.shape[0], : good.shape[1]]
    for cx, cy in face.eyes_px:
        brown[np.hypot(x - cx, y - cy) < 0.06 * np.hypot(*np.subtract(*face.eyes_px))] = (102, 45, 32)
    warm = judge.look(brown)["red_eyes"]
    assert warm.passed and warm.value > 24


def moved(rgb: np.ndarray, aside: int, down: int) -> np.ndarray:
    """Moved by 14 pixels aside, down or both while the shutter was open: 0.7 to 1 mm on the portrait."""
    steps = range(-7, 8)
    total = sum(np.roll(rgb, (down * step, aside * step), axis=(0, 1)).astype(np.uint32) for step in steps)
    return np.asarray((total / len(steps)).astype(np.uint8))


@pytest.mark.parametrize("way", [(1, 0), (0, 1), (1, 1), (1, -1)])
def test_motion_in_any_direction_is_refused(judge: Judge, good: np.ndarray, way: tuple[int, int]) -> None:
    assert judge.look(moved(good, *way))["sharpness"].passed is False


def test_a_face_two_stops_too_bright_is_refused_for_its_clipped_colours(judge: Judge, good: np.ndarray) -> None:
    bright = 255 * np.clip((good / 255) ** 2.2 * 4, 0, 1) ** (1 / 2.2)
    assert judge.look(bright.astype(np.uint8))["clipping"].passed is False


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.filterwarnings("error")  # NumPy warns of the mean of nothing, and goes on
def test_a_face_without_cheeks_in_the_picture_is_refused_by_its_margins(
    judge: Judge, good: np.ndarray, live: bool
) -> None:
    step = 2 if live else 1
    for bottom in range(632, 644):  # below the nose: both cheeks are gone by 638, and by 636 the face is not found
        verdict = judge.look(np.ascontiguousarray(good[:bottom:step, ::step]), live=live)
        assert {finding.name for finding in verdict.failed} & {"margins", "one_face"}, bottom


SIDES = {
    "left": lambda rgb: rgb[:, 220:],
    "right": lambda rgb: rgb[:, :-220],
    "above": lambda rgb: rgb[220:],
    "below": lambda rgb: rgb[:-320],
    "high": lambda rgb: rgb[200:-300, 200:-200],
}


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("live", [False, True])
def test_who_does_not_sit_in_the_middle_is_told_where_to_go(
    judge: Judge, good: np.ndarray, side: str, live: bool
) -> None:
    step, judge = (2, Judge(load_models())) if live else (1, judge)  # a judge follows one person's frames
    verdict = judge.look(np.ascontiguousarray(SIDES[side](good)[::step, ::step]), live=live)
    reason = verdict["margins"].reason
    assert reason is not None and reason.key == f"norm.margins.{side}"
    for language in LANGUAGES:
        assert Texts(language)(reason.key)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["good", "good-2"])
def test_shut_eyes_are_refused(judge: Judge, name: str, way: str) -> None:
    picture = read_picture(PICTURES / f"{name}.jpg")
    scene = find(picture, Networks(load_models()))
    assert scene is not None
    verdict = judge.look(shut(scene, picture, 1.0, way, seed=1))
    assert {finding.name for finding in verdict.failed} >= {"eyes_open"}


def test_every_reason_and_name_of_the_table_has_its_words_in_both_languages() -> None:
    for texts in (Texts("fr"), Texts("en")):
        for row in TABLE:
            assert texts(f"norm.name.{row.name}")
            for side, limit in (("low", row.low), ("high", row.high)):
                if limit is not None:
                    assert texts(f"norm.{row.name}.{side}", value=1.0)
