"""Things before a face, made: cards, cloths, blobs, hands, hair, of any colour and texture. Never part of a booth.

`cover` lays one of them somewhere on a face; `seen` is what cameras and light do to any picture. All by chance, from
the generator that is given: the same one makes the same pictures.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from edge.portrait.flat import EYE_CORNERS, Grid
from edge.portrait.light import CHEEK_LEFT
from edge.portrait.pixels import RGB, Points, within

FOLDED = Path(__file__).parent / "norm_cover_folds.npz"  # the networks without each fold, by bench/norm_cover_train.py
Floats = NDArray[np.float32]
Dice = np.random.Generator
SHAPES = {"card": 0.11, "oval": 0.11, "half": 0.17, "blob": 0.11, "hand": 0.36, "hair": 0.14}
COLOURS = {"own skin": 0.3, "another's skin": 0.15, "grey": 0.2, "any": 0.25, "dark": 0.1}
TEXTURES = {"plain": 0.3, "woven": 0.2, "cloudy": 0.25, "striped": 0.1, "of a picture": 0.15}
FOREHEAD_TOP = 10  # of the mesh
LEAST, MOST = 0.04, 0.75  # covered of the face, brows to chin: less hides nothing, with more nobody is there


@dataclass(frozen=True, eq=False)
class Person:
    """A face before anything is laid on it: its part of the picture at the scene's scale, and its mesh there."""

    rgb: RGB
    mesh: Points

    @property
    def middle(self) -> Points:
        """Between the eyes."""
        return np.asarray(self.mesh[np.array(EYE_CORNERS).ravel(), :2].mean(axis=0))

    @property
    def eye_to_chin(self) -> float:
        return float(np.hypot(*(self.mesh[152, :2] - self.middle)))

    @property
    def hair(self) -> Points:
        """The colour above the forehead: hair, or skin on a bald head."""
        x, y = self.mesh[FOREHEAD_TOP, :2] - (0, 0.3 * self.eye_to_chin)
        half = max(2, round(0.08 * self.eye_to_chin))
        top, left = max(0, round(y) - half), max(0, round(x) - half)
        return np.asarray(np.median(self.rgb[top : top + 2 * half, left : left + 2 * half].reshape(-1, 3), axis=0))

    @property
    def skin(self) -> Points:
        """The colour of the cheek at the picture's left."""
        return np.asarray(np.median(within(self.mesh[list(CHEEK_LEFT)], self.rgb), axis=0))


@dataclass(frozen=True, eq=False)
class Fingers:
    """A hand's fingers: width, number, the middle of their tips, along and across them."""

    width: float
    number: int
    tip: Points
    along: Points
    across: Points


@dataclass(frozen=True)
class Lock:
    """Hair that hangs from the forehead over an eye: 0 is the person's right one; the rest in eye-to-chin distances.

    How wide it is, how far aside it begins, how far below the eye it ends, and how thick: by 1 strands as wide in sum.
    """

    eye: int
    band: float
    lean: float
    tip: float
    thick: float = 1.0


def unseen(models: Mapping[str, bytes], fold: int) -> dict[str, bytes]:
    """The judge's models, with the network of covers that has not seen the people of this fold."""
    with np.load(BytesIO(models["cover"])) as own, np.load(FOLDED) as folded:
        ours = {name: folded.get(f"fold{fold}_{name}", own[name]) for name in own.files}
    out = BytesIO()
    np.savez(out, **ours)
    return {**models, "cover": out.getvalue()}


def cover(person: Person, others: Mapping[str, Person], dice: Dice) -> tuple[RGB, Floats, str]:
    """Something before the face: the picture, where it lies (0…1, H × W), and what it is (shape, colour, texture)."""
    shape = str(dice.choice(list(SHAPES), p=list(SHAPES.values())))
    colour = str(dice.choice(list(COLOURS), p=list(COLOURS.values())))
    texture = str(dice.choice(list(TEXTURES), p=list(TEXTURES.values())))
    if shape == "hair":
        return _hair(person, dice)
    outline, fingers = _outline(person, shape, dice)
    if fingers is not None and texture in ("striped", "of a picture"):
        texture = "cloudy"
    if dice.random() < 0.6:  # out of focus, as what lies before a face often is
        outline = outline.filter(ImageFilter.GaussianBlur(dice.uniform(0.3, 2.2)))
    where = np.asarray(outline, np.float32)[..., None] / np.float32(255)
    behind = person.rgb.astype(np.float32)
    if dice.random() < 0.4:
        soft = np.asarray(outline.filter(ImageFilter.GaussianBlur(dice.uniform(3, 12))), np.float32)[..., None] / 255
        shadow = np.roll(soft, (int(dice.integers(-6, 10)), int(dice.integers(-8, 9))), axis=(0, 1))
        behind *= 1 - np.float32(dice.uniform(0.1, 0.5)) * shadow
    thing = _surface(person, _colour(person, others, colour, dice), texture, others, fingers, dice)
    laid = np.clip(behind * (1 - where) + thing * where + 0.5, 0, 255).astype(np.uint8)
    return laid, where[..., 0], f"{shape}, {colour}, {texture}"


def _hair(person: Person, dice: Dice) -> tuple[RGB, Floats, str]:
    """As `cover`: a lock over an eye, as dark as the person's own hair, or otherwise."""
    lock = Lock(
        int(dice.integers(2)), dice.uniform(0.08, 0.55), dice.normal(0, 0.25), dice.uniform(0.05, 0.9),
        dice.uniform(0.4, 1.3),
    )  # fmt: skip
    kind = str(dice.choice(["own", "dark", "any"], p=[0.6, 0.2, 0.2]))
    match kind:
        case "own":
            colour = person.hair
        case "dark":
            colour = dice.uniform(5, 60, 3)
        case _:  # from black over brown and red to blond and white
            colour = dice.uniform(15, 210) * np.array([1.0, dice.uniform(0.7, 1.0), dice.uniform(0.45, 1.0)])
    blurred = dice.uniform(0.3, 1.2) if dice.random() < 0.4 else 0.0
    laid, where = hang(person, lock, colour, dice, blurred)
    return laid, where, f"hair, {kind}, plain"


def hang(person: Person, lock: Lock, colour: Points, dice: Dice, blurred: float = 0.0) -> tuple[RGB, Floats]:
    """The lock before the face, its strands lighter and darker: the picture, and where it lies (0…1, H × W)."""
    height, width = person.rgb.shape[:2]
    t, twice = person.eye_to_chin, 2
    drawn, tones = (Image.new("L", (twice * width, twice * height)) for _ in range(2))
    eye = person.mesh[list(EYE_CORNERS[lock.eye]), :2].mean(axis=0)
    for _ in range(round(110 * lock.thick * lock.band)):
        over = dice.uniform(-0.5, 0.5) * lock.band
        path = eye + t * np.array([
            (over * 0.6 + lock.lean, dice.uniform(-0.8, -0.55)),
            (over + 0.2 * lock.lean, -0.2),
            (over, 0.0),
            (over * dice.uniform(0.8, 1.3) - 0.2 * lock.lean, lock.tip * dice.uniform(0.7, 1.1)),
        ])  # fmt: skip
        strand = [(float(twice * x), float(twice * y)) for x, y in _bent(path)]
        wide = max(1, round(twice * t * dice.uniform(0.004, 0.016)))
        ImageDraw.Draw(drawn).line(strand, fill=255, width=wide, joint="curve")
        ImageDraw.Draw(tones).line(strand, fill=int(dice.uniform(90, 200)), width=wide, joint="curve")
    outline, tone = (each.resize((width, height), Image.Resampling.BOX) for each in (drawn, tones))
    # of a strand's own rim only a part was drawn
    part = np.maximum(np.asarray(outline, np.float32), 12)[..., None] / np.float32(255)
    shade = np.asarray(tone, np.float32)[..., None] / np.float32(145) / part
    if blurred:
        outline = outline.filter(ImageFilter.GaussianBlur(blurred))
    where = np.asarray(outline, np.float32)[..., None] / np.float32(255)
    laid = person.rgb * (1 - where) + colour * np.clip(shade, 0.5, 1.5) * where
    return np.clip(laid + 0.5, 0, 255).astype(np.uint8), where[..., 0]


def _bent(path: Points) -> Points:
    """A line through these four points, bent where they lie."""
    at = np.linspace(0, 1, 24)[:, None]
    rest = 1 - at
    # the two in the middle pull as the ends of a Bézier curve's arms do
    return np.asarray(rest**3 * path[0] + 3 * rest**2 * at * path[1] + 3 * rest * at**2 * path[2] + at**3 * path[3])


def share(where: Floats, mesh: Points, grid: Grid) -> float:
    """What of the face, from brows to chin, is covered."""
    x, y = np.rint(grid.on(mesh)).astype(int).T
    seen = where[y.clip(0, where.shape[0] - 1), x.clip(0, where.shape[1] - 1)]
    return float((seen[grid.inside.ravel()] > 0.5).mean())


def seen(rgb: RGB, dice: Dice) -> RGB:
    """The picture in other light, by another camera: brightness, gamma, cast, light from a side, blur, noise, JPEG."""
    out = rgb.astype(np.float32) / np.float32(255)
    if dice.random() < 0.5:
        out = np.clip(out**2.2 * 2 ** dice.uniform(-1.2, 0.5), 0, 1) ** (1 / 2.2)
    if dice.random() < 0.3:
        out = out ** dice.uniform(0.75, 1.3)
    if dice.random() < 0.4:
        out = np.clip(out * (1 + dice.normal(0, 0.05, 3)), 0, 1)
    if dice.random() < 0.3:
        stops = (np.arange(out.shape[1]) / out.shape[1] - 0.5) * dice.uniform(-1.2, 1.2)
        out = np.clip(out * (2 ** (stops / 2.2))[None, :, None], 0, 1)
    picture = Image.fromarray((out * 255 + 0.5).astype(np.uint8))
    if dice.random() < 0.3:
        picture = picture.filter(ImageFilter.GaussianBlur(dice.uniform(0.3, 1.4)))
    if dice.random() < 0.4:
        noise = dice.normal(0, dice.uniform(0.5, 4), rgb.shape)
        picture = Image.fromarray(np.clip(np.asarray(picture) + noise + 0.5, 0, 255).astype(np.uint8))
    if dice.random() < 0.3:
        file = BytesIO()
        picture.save(file, "JPEG", quality=int(dice.integers(60, 95)))
        picture = Image.open(file).convert("RGB")
    return np.asarray(picture)


def _outline(person: Person, shape: str, dice: Dice) -> tuple[Image.Image, Fingers | None]:
    """Where the thing lies, as an L picture with soft edges; a hand's fingers as well."""
    height, width = person.rgb.shape[:2]
    drawn = Image.new("L", (2 * width, 2 * height))
    pen, t = ImageDraw.Draw(drawn), person.eye_to_chin
    centre = person.middle + t * np.array([dice.uniform(-0.65, 0.65), dice.uniform(-0.1, 1.15)])
    fingers = None
    if shape == "hand":
        fingers = _fingers(centre, t, dice)
        for x, y, radius in 2 * np.array(finger_discs(fingers, t, dice)):
            pen.ellipse([x - radius, y - radius, x + radius, y + radius], fill=255)
    else:
        points = _half(person, dice) if shape == "half" else _patch(shape, t, dice) + centre
        pen.polygon([(float(2 * x), float(2 * y)) for x, y in points], fill=255)
    return drawn.resize((width, height), Image.Resampling.BOX), fingers


def _patch(shape: str, t: float, dice: Dice) -> Points:
    """Corners of a card, an oval or a blob about 0, 0."""
    turn = dice.uniform(-np.pi, np.pi) if dice.random() < 0.5 else dice.normal(0, 0.1)
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    if shape == "card":
        corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
        return np.asarray(corners * t * dice.uniform(0.12, 0.7, 2) @ rotation)
    around = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    circle = np.stack([np.cos(around), np.sin(around)], axis=1)
    if shape == "oval":
        return np.asarray(circle * t * dice.uniform(0.12, 0.6, 2) @ rotation)
    radius = t * dice.uniform(0.2, 0.5)
    waves = [dice.normal(0, 0.18 / k) * np.cos(k * around + dice.uniform(0, 2 * np.pi)) for k in range(1, 6)]
    return np.asarray(circle * radius * (1 + sum(waves))[:, None])


def _half(person: Person, dice: Dice) -> Points:
    """Corners of a card or scarf that comes from below, mostly, or from a side, its edge a little bent."""
    t = person.eye_to_chin
    way = float(dice.choice([np.pi / 2, np.pi / 2, np.pi / 2, 0, np.pi])) + dice.normal(0, 0.25)
    out = np.array([np.cos(way), np.sin(way)])
    along = np.array([-out[1], out[0]])
    edge = person.middle + out * t * dice.uniform(0.35, 1.0) * (1 if abs(out[1]) > 0.7 else 0.55)
    u = np.linspace(-2, 2, 15)[:, None] * t
    bent = edge + along * u + out * dice.normal(0, 0.1) / t * (u * u - t * t)
    return np.concatenate([bent, bent[-1:] + out * 4 * t, bent[:1] + out * 4 * t])


def _fingers(tip: Points, t: float, dice: Dice) -> Fingers:
    way = dice.uniform(-np.pi, np.pi) if dice.random() < 0.4 else dice.uniform(-2.4, -0.7)
    along = np.array([np.cos(way), np.sin(way)])
    return Fingers(t * dice.uniform(0.13, 0.19), int(dice.integers(2, 5)), tip, along, np.array([-along[1], along[0]]))


def finger_discs(fingers: Fingers, t: float, dice: Dice) -> list[tuple[float, float, float]]:
    """Each finger as discs from its tip towards the hand: x, y, radius."""
    discs = []
    for finger in range(fingers.number):
        root = fingers.tip + fingers.across * (finger - (fingers.number - 1) / 2) * fingers.width * 1.03
        start = root + fingers.along * t * dice.uniform(-0.12, 0.12)
        end = root - fingers.along * t * 1.6 + fingers.across * dice.normal(0, 0.03) * t
        for part in np.linspace(0, 1, 60):
            x, y = start * (1 - part) + end * part
            discs.append((float(x), float(y), fingers.width / 2 * (0.85 + 0.15 * min(1.0, 8 * part))))
    return discs


def _colour(person: Person, others: Mapping[str, Person], kind: str, dice: Dice) -> Points:
    match kind:
        case "own skin":
            return np.asarray(person.skin * dice.uniform(0.75, 1.15) * (1 + dice.normal(0, 0.04, 3)))
        case "another's skin":
            return others[str(dice.choice(sorted(others)))].skin
        case "grey":
            return np.asarray(dice.uniform(10, 245) + dice.normal(0, 4, 3))
        case "dark":
            return dice.uniform(5, 60, 3)
        case _:
            return dice.uniform(10, 245, 3)


def _surface(
    person: Person, colour: Points, texture: str, others: Mapping[str, Person], fingers: Fingers | None, dice: Dice
) -> Floats:
    """What the thing looks like, as large as the picture, unevenly lit, with noise."""
    height, width = person.rgb.shape[:2]
    t = person.eye_to_chin
    y, x = np.mgrid[:height, :width].astype(np.float32)
    way = dice.uniform(0, 2 * np.pi)
    across = (x * np.cos(way) + y * np.sin(way)) / t
    out = colour * (1 + dice.uniform(0, 0.25) * (across - across.mean()))[..., None]
    match texture:
        case "woven":
            threads = [np.sin(axis / t * dice.uniform(15, 60) + dice.uniform(0, 2 * np.pi)) for axis in (x, y)]
            out = out + (dice.uniform(2, 12) * threads[0] + dice.uniform(2, 12) * threads[1])[..., None]
        case "cloudy":
            clouds = np.zeros((height, width), np.float32)
            for n in (4, 8, 16, 32):
                noise = Image.fromarray(dice.normal(0, 1, (n, n)).astype(np.float32))
                clouds += np.asarray(noise.resize((width, height), Image.Resampling.BICUBIC)) * (4 / n) ** 0.6
            out = out * (1 + dice.uniform(0.03, 0.2) * clouds)[..., None]
        case "striped":
            out = out + (dice.uniform(5, 40) * np.sign(np.sin(across * dice.uniform(15, 70))))[..., None]
        case "of a picture":
            other = others[str(dice.choice(sorted(others)))].rgb
            side = int(dice.integers(40, 120))
            top, left = (int(dice.integers(0, max(1, length - side))) for length in other.shape[:2])
            part = Image.fromarray(other[top : top + side, left : left + side])
            out = np.asarray(part.resize((width, height), Image.Resampling.BICUBIC), np.float64)
    if fingers is not None:
        out = rounded(out, x, y, fingers, t, dice)
    return np.asarray(out + dice.normal(0, dice.uniform(0.5, 3), (height, width, 1)), np.float32)


def rounded(out: Points, x: Floats, y: Floats, fingers: Fingers, t: float, dice: Dice) -> Points:
    """Fingers darker towards their sides, with three creases each."""
    right, down = x - fingers.tip[0], y - fingers.tip[1]
    across = (right * fingers.across[0] + down * fingers.across[1]) / fingers.width + (fingers.number - 1) / 2
    along = -(right * fingers.along[0] + down * fingers.along[1]) / t
    finger = np.rint(across)
    out = out * (1 - dice.uniform(0.1, 0.4) * np.abs(2 * (across - finger)) ** 2.5)[..., None]
    depth, first = dice.uniform(0, 40), dice.uniform(0.2, 0.35)
    for at in (first, first + dice.uniform(0.2, 0.3), first + dice.uniform(0.45, 0.6)):
        crease = np.exp(-(((along - at + 0.04 * (finger % 2)) / dice.uniform(0.006, 0.02)) ** 2))
        out = out - (depth * crease)[..., None]
    return np.asarray(out)
