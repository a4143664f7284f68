"""Defects of graded strength made in clean portraits: for each the finding that must refuse it. Never part of a booth.

A grade is beyond the norm's limit or not (`beyond`): 95 % of those beyond must be refused. All are made at
the place and scale of the face, so that they are the same on every picture.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from operator import le

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from bench.norm_cover import Fingers, Lock, Person, finger_discs, hang, rounded
from edge.portrait.find import EYES_APART_PX
from edge.portrait.frame import WIDTH_MM, frame
from edge.portrait.pixels import RGB, box_blur
from edge.portrait.verdict import Face

Make = Callable[[RGB, Face, float], RGB | bytes]
"""The picture, its face, the strength: the picture with the defect, or its JPEG."""


@dataclass(frozen=True)
class Defect:
    """One kind of defect: what is asked of which finding at which strengths; `unit` says what a strength is."""

    name: str
    findings: tuple[str, ...]  # any of them may refuse it
    unit: str
    grades: tuple[float, ...]
    beyond: Callable[[float], bool]
    make: Make
    of_upright: bool = False  # made only of those who sit upright: a grade counts from there

    @property
    def mildest(self) -> tuple[float, ...]:
        """The grades beyond the norm's limit that lie next to one within it."""
        beyond = [self.beyond(grade) for grade in self.grades]
        return tuple(
            grade for i, grade in enumerate(self.grades)
            if beyond[i] and not all(beyond[max(0, i - 1) : i + 2])
        )  # fmt: skip


def _t(face: Face) -> float:
    return float(np.hypot(face.chin_px[0] - face.middle_px[0], face.chin_px[1] - face.middle_px[1]))


def _wall(rgb: RGB, face: Face) -> np.ndarray:  # type: ignore[type-arg]
    """1 where the plain wall is: near the wall's colour and joined to the upper edge's colour; softened."""
    colour = np.median(rgb[:8].reshape(-1, 3), axis=0)
    near = np.abs(rgb.astype(np.float32) - colour).max(axis=2) < 14
    return np.asarray(box_blur(near.astype(np.float32), 2)[..., None] > 0.8, np.float32)


def blur(rgb: RGB, face: Face, sigma_mm: float) -> RGB:
    return np.asarray(Image.fromarray(rgb).filter(ImageFilter.GaussianBlur(sigma_mm / face.mm_per_px)))


def motion(rgb: RGB, face: Face, length_mm: float) -> RGB:
    n = max(1, round(length_mm / face.mm_per_px))
    total = sum(np.roll(rgb, shift, axis=1).astype(np.uint32) for shift in range(-(n // 2), n - n // 2))
    return np.asarray((total / n).astype(np.uint8))


def gain(rgb: RGB, face: Face, stops: float) -> RGB:
    linear = (rgb / 255.0) ** 2.2 * 2.0**stops
    return np.asarray((255 * np.clip(linear, 0, 1) ** (1 / 2.2)).round().astype(np.uint8))


def gamma(rgb: RGB, face: Face, exponent: float) -> RGB:
    """2.2: linear light shown as if it were sRGB; 1 / 2.2: encoded twice."""
    return np.asarray((255 * (rgb / 255.0) ** exponent).round().astype(np.uint8))


def compressed(rgb: RGB, face: Face, quality: float) -> bytes:
    file = BytesIO()
    Image.fromarray(rgb).save(file, "JPEG", quality=round(quality))
    return file.getvalue()


def sensor_noise(rgb: RGB, face: Face, sigma: float) -> RGB:
    """Grey noise of so many levels, as it is where the eyes are 120 px apart (a larger picture has more of its own)."""
    apart = float(np.hypot(*np.subtract(*face.eyes_px)))
    noise = np.random.default_rng(0).normal(0, sigma * max(1.0, apart / EYES_APART_PX), (*rgb.shape[:2], 1))
    return np.asarray(np.clip(rgb + noise + 0.5, 0, 255).astype(np.uint8))


def side_light(rgb: RGB, face: Face, stops: float) -> RGB:
    """The half that is darker already gets darker by so many stops in linear light, over the width of a nose."""
    t, (mx, my) = _t(face), (round(each) for each in face.middle_px)
    rows, half = slice(round(my), round(my + 0.8 * t)), round(0.5 * t)
    left, right = rgb[rows, max(0, mx - half) : mx], rgb[rows, mx : mx + half]
    sign = 1 if np.median(right) < np.median(left) else -1
    fall = 1 / (1 + np.exp(-sign * (np.arange(rgb.shape[1]) - mx) / (0.12 * t)))
    return np.asarray((rgb * (2.0 ** (-stops * fall / 2.2))[None, :, None]).round().astype(np.uint8))


def cast(rgb: RGB, face: Face, strength: float) -> RGB:
    """Red up and blue down by this share (negative: the other way) in gamma values."""
    factor = np.array([1 + strength, 1.0, 1 - strength])
    return np.asarray(np.clip(rgb * factor, 0, 255).astype(np.uint8))


def tilt(rgb: RGB, face: Face, degrees: float) -> RGB:
    colour = tuple(int(each) for each in np.median(rgb[:8].reshape(-1, 3), axis=0))
    turned = Image.fromarray(rgb).rotate(-degrees, Image.Resampling.BICUBIC, center=face.middle_px, fillcolor=colour)
    return np.asarray(turned)


def cropped(rgb: RGB, face: Face, above_mm: float) -> RGB:
    """The picture ends so far above the crown (below 0: through the head)."""
    return np.ascontiguousarray(rgb[max(0, round(face.crown_px[1] - above_mm / face.mm_per_px)) :])


def small(rgb: RGB, face: Face, inter_eye_px: float) -> RGB:
    (ax, ay), (bx, by) = face.eyes_px
    scale = inter_eye_px / float(np.hypot(bx - ax, by - ay))
    size = round(rgb.shape[1] * scale), round(rgb.shape[0] * scale)
    return np.asarray(
        Image.fromarray(rgb).resize(size, Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC)
    )


def stripes(rgb: RGB, face: Face, contrast: float) -> RGB:
    wave = np.sign(np.sin(np.arange(rgb.shape[1]) * 2 * np.pi / (3 / face.mm_per_px)))[None, :, None] * contrast / 2
    return np.asarray(np.clip(rgb + wave * _wall(rgb, face), 0, 255).astype(np.uint8))


def folds(rgb: RGB, face: Face, levels: float) -> RGB:
    """A curtain's soft folds, half of T apart, by so many levels lighter and darker."""
    wave = np.sin(np.arange(rgb.shape[1]) * 2 * np.pi / (0.5 * _t(face)))[None, :, None] * levels
    return np.asarray(np.clip(rgb + wave * _wall(rgb, face), 0, 255).astype(np.uint8))


def shadow(rgb: RGB, face: Face, levels: float) -> RGB:
    """A soft shadow of the head on the wall at its right, darker by so many levels."""
    y, x = np.mgrid[0 : rgb.shape[0], 0 : rgb.shape[1]]
    t, (mx, my) = _t(face), face.middle_px
    distance = np.hypot((x - mx - 0.75 * t) / (0.75 * t), (y - my + 0.1 * t) / (1.15 * t))
    depth = levels / (1 + np.exp((distance - 1) / 0.06))
    return np.asarray(np.clip(rgb - depth[..., None] * _wall(rgb, face), 0, 255).astype(np.uint8))


def near_shadow(rgb: RGB, face: Face, levels: float) -> RGB:
    """The shadow that the head's own outline casts beside it: shifted by 0.15 T, its edge nearly hard."""
    t, wall = _t(face), _wall(rgb, face)
    body = np.roll(1 - wall[..., 0], (round(0.1 * t), round(0.15 * t)), (0, 1))
    soft = Image.fromarray((255 * body).astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.03 * t))
    depth = levels * np.asarray(soft, np.float32)[..., None] / 255
    return np.asarray(np.clip(rgb - depth * wall, 0, 255).astype(np.uint8))


def thing(rgb: RGB, face: Face, side_mm: float) -> RGB:
    """Something dark and square on the wall, in that upper corner of the frame where less hair is before it."""
    place, wall = frame(face, rgb.shape[1], rgb.shape[0]), _wall(rgb, face)
    y, x = np.mgrid[0 : rgb.shape[0], 0 : rgb.shape[1]] * face.mm_per_px
    down, across = y - place.y * face.mm_per_px - 1, x - place.x * face.mm_per_px
    rows = (down >= 0) & (down < side_mm)
    corners = [
        wall * (rows & (across >= left) & (across < left + side_mm))[..., None] for left in (1, WIDTH_MM - 1 - side_mm)
    ]
    where = max(corners, key=lambda each: float(each.sum()))
    return np.asarray((rgb * (1 - where) + where * 45).astype(np.uint8))


def wall_level(rgb: RGB, face: Face, level: float) -> RGB:
    """The wall a neutral grey of this level (255: white)."""
    wall = _wall(rgb, face)
    return np.asarray(np.clip(rgb * (1 - wall) + wall * level, 0, 255).astype(np.uint8))


def wall_tint(rgb: RGB, face: Face, chroma: float) -> RGB:
    """The wall reddish: red up, blue down by so many levels."""
    return np.asarray(np.clip(rgb + _wall(rgb, face) * np.array([chroma, 0, -chroma]), 0, 255).astype(np.uint8))


def strip(rgb: RGB, face: Face, share: float) -> RGB:
    """A beige strip on the wall, from the frame's left edge over this share of its width."""
    left = frame(face, rgb.shape[1], rgb.shape[0]).x
    end = left + share * WIDTH_MM / face.mm_per_px
    where = _wall(rgb, face) * ((np.arange(rgb.shape[1]) >= left) & (np.arange(rgb.shape[1]) < end))[None, :, None]
    return np.asarray((rgb * (1 - where) + where * np.array([205, 190, 160])).astype(np.uint8))


def _skin(rgb: RGB, face: Face) -> np.ndarray:  # type: ignore[type-arg]
    """The colour of the cheek at the picture's left."""
    t, (mx, my) = _t(face), face.middle_px
    cheek = rgb[round(my + 0.35 * t) : round(my + 0.5 * t), round(mx - 0.4 * t) : round(mx - 0.25 * t)]
    return np.asarray(np.median(cheek.reshape(-1, 3), axis=0))


def covered(colour: tuple[int, int, int] | None) -> Make:
    """A card before the face, from below, of this colour or the skin's own: its upper edge cuts off a share of T."""

    def laid(rgb: RGB, face: Face, share: float) -> RGB:
        out = rgb.copy()
        t, (mx, my) = _t(face), face.middle_px
        top = round(my + t * (1.05 - share))
        out[max(0, top) : round(my + 1.1 * t), max(0, round(mx - 0.65 * t)) : round(mx + 0.65 * t)] = (
            _skin(rgb, face) if colour is None else colour
        )
        return out

    return laid


def hand(rgb: RGB, face: Face, number: float) -> RGB:
    """So many fingers of the person's own skin before chin, mouth corner and cheek, rounded, with creases."""
    person, dice = Person(rgb, face.mesh_px), np.random.default_rng(0)
    t = person.eye_to_chin
    along = np.array([-0.5, -np.sqrt(0.75)])  # they point up, to the picture's left
    tip = person.middle + t * np.array([0.25, 0.5])
    fingers = Fingers(0.16 * t, round(number), tip, along, np.array([-along[1], along[0]]))
    drawn = Image.new("L", (rgb.shape[1], rgb.shape[0]))
    for x, y, radius in finger_discs(fingers, t, dice):
        ImageDraw.Draw(drawn).ellipse([x - radius, y - radius, x + radius, y + radius], fill=255)
    where = np.asarray(drawn.filter(ImageFilter.GaussianBlur(0.01 * t)), np.float32)[..., None] / 255
    y, x = np.mgrid[: rgb.shape[0], : rgb.shape[1]].astype(np.float32)
    skin = np.broadcast_to(0.95 * _skin(rgb, face), rgb.shape) + dice.normal(0, 2, (*rgb.shape[:2], 1))
    return np.clip(rgb * (1 - where) + rounded(skin, x, y, fingers, t, dice) * where, 0, 255).astype(np.uint8)


def hair(rgb: RGB, face: Face, wide: float) -> RGB:
    """A lock of the person's own hair over the eye at the picture's left, so many T wide."""
    person = Person(rgb, face.mesh_px)
    return hang(person, Lock(0, wide, 0.1, 0.35), person.hair, np.random.default_rng(0))[0]


def thick_frames(rgb: RGB, face: Face, thick: float) -> RGB:
    """Dark glasses whose rims are so many E thick, their outer edge 0.3 E above and below the eyes."""
    eyes = np.array(face.eyes_px)
    apart = float(np.hypot(*(eyes[1] - eyes[0])))
    picture = Image.fromarray(rgb)
    pen, wide = ImageDraw.Draw(picture), max(1, round(thick * apart))
    for x, y in eyes:
        box = (x - 0.42 * apart, y - 0.3 * apart, x + 0.42 * apart, y + 0.3 * apart)
        pen.rounded_rectangle(box, 0.12 * apart, outline=(25, 22, 20), width=wide)
    (ax, ay), (bx, by) = eyes + apart * np.array([[0.42, -0.05], [-0.42, -0.05]])
    pen.line([(float(ax), float(ay)), (float(bx), float(by))], fill=(25, 22, 20), width=wide)
    return np.asarray(picture)


def hidden(where: str) -> Make:
    """A softly shaded oval of the skin's own colour before a part of the face, so many times as wide as that is."""
    half_wide, points = {
        "mouth": (0.27, (13, 14)),
        "nose": (0.19, (2,)),
        "eye": (0.16, (33, 133)),
        "cheek": (0.24, (425,)),
        "chin": (0.27, (199,)),
    }[where]

    def laid(rgb: RGB, face: Face, times: float) -> RGB:
        t = _t(face)
        x, y = face.mesh_px[list(points), :2].mean(axis=0)
        rows, columns = np.mgrid[0 : rgb.shape[0], 0 : rgb.shape[1]]
        across, down = (columns - x) / (half_wide * t * times), (rows - y) / (0.16 * t * times)
        inside = across**2 + down**2 < 1
        noise = np.random.default_rng(0).normal(0, 2, rgb.shape[:2])
        shade = _skin(rgb, face) * (1 + 0.15 * across[..., None]) + noise[..., None]
        return np.asarray(np.where(inside[..., None], np.clip(shade, 0, 255), rgb).astype(np.uint8))

    return laid


def glare(rgb: RGB, face: Face, radius: float) -> RGB:
    """A white reflection over each eye, radius in inter-eye distances."""
    (ax, ay), (bx, by) = face.eyes_px
    apart = float(np.hypot(bx - ax, by - ay))
    y, x = np.mgrid[0 : rgb.shape[0], 0 : rgb.shape[1]]
    alpha = np.zeros(rgb.shape[:2])
    for cx, cy in face.eyes_px:
        alpha = np.maximum(alpha, np.clip((radius * apart - np.hypot(x - cx, y - cy)) / 3, 0, 0.92))
    return np.asarray((rgb * (1 - alpha[..., None]) + 250 * alpha[..., None]).astype(np.uint8))


def tinted(rgb: RGB, face: Face, stops: float) -> RGB:
    """Dark lenses: everything about the eyes darker by so many stops of linear light."""
    (ax, ay), (bx, by) = face.eyes_px
    apart = float(np.hypot(bx - ax, by - ay))
    y, x = np.mgrid[0 : rgb.shape[0], 0 : rgb.shape[1]]
    lens = np.zeros(rgb.shape[:2], bool)
    for cx, cy in face.eyes_px:
        lens |= np.hypot((x - cx) / (0.4 * apart), (y - cy) / (0.26 * apart)) < 1
    return np.asarray(np.where(lens[..., None], rgb * 2.0 ** (-stops / 2.2), rgb).astype(np.uint8))


def red_eyes(rgb: RGB, face: Face, level: float) -> RGB:
    (ax, ay), (bx, by) = face.eyes_px
    apart = float(np.hypot(bx - ax, by - ay))
    y, x = np.mgrid[0 : rgb.shape[0], 0 : rgb.shape[1]]
    out = rgb.copy()
    for cx, cy in face.eyes_px:
        out[np.hypot(x - cx, y - cy) < 0.06 * apart] = (level, level * 0.25, level * 0.25)
    return out


def second_face(rgb: RGB, face: Face, scale: float) -> RGB:
    """The same head once more beside the first, at this scale."""
    t, (mx, my) = _t(face), face.middle_px
    head = Image.fromarray(rgb).crop(
        (round(mx - 0.8 * t), round(my - 1.1 * t), round(mx + 0.8 * t), round(my + 1.2 * t))
    )
    head = head.resize(
        (max(1, round(head.width * scale)), max(1, round(head.height * scale))), Image.Resampling.BILINEAR
    )
    wide = Image.new("RGB", (rgb.shape[1] + head.width, rgb.shape[0]), tuple(int(v) for v in rgb[4, 4]))
    wide.paste(Image.fromarray(rgb), (0, 0))
    wide.paste(head, (rgb.shape[1], max(0, round(my - 0.3 * t))))
    return np.asarray(wide)


DEFECTS: tuple[Defect, ...] = (
    Defect(
        "blur", ("sharpness",), "σ mm on the portrait",
        (0.04, 0.08, 0.12, 0.16, 0.24, 0.4), lambda g: g >= 0.16, blur,
    ),
    Defect(
        "motion", ("sharpness",), "mm on the portrait",
        (0.1, 0.25, 0.5, 0.75, 1.0, 1.5), lambda g: g >= 1.0, motion,
    ),
    Defect("too dark", ("exposure",), "stops", (-0.25, -0.5, -1, -1.5, -2, -3), lambda g: g <= -1.5, gain),
    Defect("too bright", ("exposure", "clipping"), "stops", (0.25, 0.5, 1, 1.5, 2), lambda g: g >= 1.5, gain),
    Defect(
        "gamma", ("exposure", "clipping", "natural_colour", "background_colour", "background_tone"), "exponent",
        (0.45, 0.7, 0.85, 1.2, 1.5, 2.2), lambda _: False, gamma,
    ),
    Defect("compression", ("compression",), "JPEG quality", (98, 95, 90, 85, 75, 50), lambda g: g < 90, compressed),
    Defect("sensor noise", ("background_uniform",), "σ at 120 px", (1, 2, 3, 4), lambda _: False, sensor_noise),
    Defect("side light", ("even_light",), "stops", (0.5, 1, 1.5, 2, 3, 4), lambda g: g >= 2, side_light),
    Defect(
        "warm cast", ("natural_colour", "background_tone"), "share",
        (0.02, 0.05, 0.1, 0.15, 0.25), lambda g: g >= 0.1, cast,
    ),
    Defect(
        "cold cast", ("natural_colour", "background_tone"), "share",
        (-0.05, -0.1, -0.15, -0.25), lambda g: g <= -0.25, cast,
    ),
    Defect("tilt", ("roll",), "°", (3, 6, 12, 16, 20), lambda g: g >= 16, tilt, of_upright=True),
    Defect(
        "cut above", ("margins", "head_height"), "mm over the crown",
        (4, 3, 2, 1, 0, -3), lambda g: g <= 1, cropped,
    ),
    Defect("small", ("inter_eye_distance",), "px", (180, 120, 100, 80, 60), lambda g: g <= 80, small),
    Defect("stripes", ("background_uniform",), "levels", (4, 8, 16, 32, 64), lambda g: g >= 8, stripes),
    Defect("folds", ("background_uniform",), "levels", (5, 10, 20, 30), lambda g: g >= 20, folds),
    Defect(
        "shadow", ("background_shadow", "background_uniform"), "levels",
        (8, 20, 35, 50, 80), lambda g: g >= 50, shadow,
    ),
    Defect(
        "near shadow", ("background_shadow", "background_uniform"), "levels",
        (8, 20, 35, 50, 80), lambda g: g >= 50, near_shadow,
    ),
    Defect(
        "thing on the wall", ("background_uniform", "background_patch"), "mm",
        (1, 2, 3, 4, 6), lambda g: g >= 4, thing,
    ),
    Defect(
        "wall too dark or white", ("background_colour",), "level",
        (40, 90, 120, 160, 220, 240, 255), lambda g: g in (40, 90, 120, 255), wall_level,
    ),
    Defect(
        "strip on the wall", ("background_patch",), "of the frame's width",
        (0.03, 0.06, 0.12, 0.2, 0.3), lambda g: g >= 0.2, strip,
    ),
    Defect("tinted wall", ("background_tone",), "levels", (4, 8, 15, 25, 40), lambda g: g >= 25, wall_tint),
    *(
        Defect(
            name, ("face_unobstructed", "one_face"), "share of T",
            (0.1, 0.3, 0.5, 0.7), lambda g: g >= 0.5, covered(colour),
        )
        for name, colour in (
            ("covered from below", (128, 130, 134)), ("brown scarf", (110, 70, 45)), ("skin from below", None),
        )
    ),
    Defect("fingers", ("face_unobstructed", "one_face"), "fingers", (1, 2, 3, 4), lambda g: g >= 4, hand),
    Defect("hair over an eye", ("face_unobstructed",), "T wide", (0.05, 0.1, 0.2, 0.3, 0.45), lambda g: g >= 0.3, hair),
    Defect(
        "thick frames", ("face_unobstructed", "lenses_clear"), "E",
        (0.04, 0.08, 0.12, 0.18, 0.24), lambda g: g >= 0.18, thick_frames,
    ),
    *(
        Defect(
            f"{where} hidden", ("features_visible",), "of its width",
            (0.5, 0.75, 1.0, 1.25, 1.5), lambda g: g >= 1.25, hidden(where),
        )
        for where in ("mouth", "nose", "eye")
    ),
    *(
        Defect(
            f"{where} hidden", ("face_unobstructed",), "of its width",
            (0.5, 0.75, 1.0, 1.25, 1.5), partial(le, least), hidden(where),
        )
        for where, least in (("cheek", 1.5), ("chin", 1.0))
    ),
    Defect("glare", ("eyes_visible",), "E", (0.03, 0.08, 0.15, 0.2, 0.25), lambda g: g >= 0.15, glare),
    Defect("dark lenses", ("lenses_clear", "one_face"), "stops", (0.5, 1, 2, 3, 4), lambda g: g >= 3, tinted),
    Defect("red eyes", ("red_eyes",), "level", (60, 120, 180), lambda g: g >= 120, red_eyes),
    Defect("second face", ("one_face",), "scale", (0.15, 0.2, 0.3, 0.5, 1.0), lambda g: g >= 0.3, second_face),
)  # fmt: skip
