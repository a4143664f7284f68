"""Finds the face in a picture and lays out what the requirements measure: a scene at one fixed scale.

Everything is measured on a crop around the head where the eyes are 120 px apart (about 300 dpi on the portrait), so
that a figure does not depend on the camera. Must never judge; never enlarges a picture.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .faces import PRESENT, angle, around, first_square, scaled, search
from .networks import Detected, Networks
from .pixels import RGB, Grey, Points, Square, reduced, shrunk_by
from .threads import beside
from .verdict import Finding

EYES_APART_PX = 120.0  # of the scene
NEAR_ENOUGH = 0.05  # of that, either way: the detector's eyes are no surer, and resampling again costs 5 ms
REACH = 4.2  # side of the scene's square in eye-to-chin distances: room for the whole 35 × 45 mm frame
RIGHT_CORNERS, LEFT_CORNERS = (33, 133), (263, 362)  # mesh: outer, inner corner of the person's right and left eye
CHIN = 152
Eyes = tuple[tuple[Points, Points], tuple[Points, Points]]
"""Irises (5 × 2 each) and lids (71 × 2 each): the person's right eye (the picture's left), the left."""

# the mesh puts the chin 0.46 mm too high on a head of 34 mm (45 marked heads): 0.46 mm of 18 mm eye-to-chin
CHIN_TOO_HIGH = 0.46 / 18.0


@dataclass(frozen=True, eq=False)
class Scene:
    """One face ready to be measured; all points in pixels of `rgb` but for those named `picture`."""

    rgb: RGB
    scale: float  # scene pixels per picture pixel, at most 1
    origin: tuple[float, float]  # the scene's corner in the picture
    picture_size: tuple[int, int]  # width, height
    faces: tuple[Detected, ...]  # in pixels of the picture, largest first
    mesh: Points  # 468 × 3
    presence: float
    irises: tuple[Points, Points]  # 5 × 2 each: the person's right eye (picture's left), the left
    lids: tuple[Points, Points]  # 71 × 2 each
    person: Grey | None  # probability, shape of rgb; None on the cheap path when it was not asked for
    mirrored_eyes: Eyes | None = None  # the eyes once more, seen in the mirror; None in live frames: no time for it

    @cached_property
    def eyes(self) -> Points:
        """Iris centres, 2 × 2, the picture's left first."""
        return np.stack([self.irises[0][0], self.irises[1][0]])

    @cached_property
    def roll_rad(self) -> float:
        """The line of the irises, clockwise as seen."""
        d = self.eyes[1] - self.eyes[0]
        return float(np.arctan2(d[1], d[0]))

    @cached_property
    def middle(self) -> Points:
        """Midpoint of the eyes."""
        return np.asarray(self.eyes.mean(axis=0))

    @cached_property
    def eyes_apart(self) -> float:
        """E: distance of the iris centres, pixels."""
        return float(np.hypot(*(self.eyes[1] - self.eyes[0])))

    @cached_property
    def chin(self) -> Points:
        """Bottom of the chin, the mesh's bias taken out."""
        found = self.mesh[CHIN, :2]
        return np.asarray(found + (found - self.middle) * CHIN_TOO_HIGH)

    @cached_property
    def eye_to_chin(self) -> float:
        """T, pixels."""
        return float(np.hypot(*(self.chin - self.middle)))

    @cached_property
    def up(self) -> Points:
        """Unit vector along the face's axis towards the crown, square to the line of the eyes."""
        return np.array([np.sin(self.roll_rad), -np.cos(self.roll_rad)])

    def at(self, points: Points) -> RGB:
        """The pixels nearest to the points (n × 2), edges repeated: n × 3."""
        height, width = self.rgb.shape[:2]
        last = np.array([width - 1, height - 1])
        x, y = np.minimum(np.maximum(np.rint(points).astype(int), 0), last).T
        return np.asarray(self.rgb[y, x])

    def to_picture(self, points: Points) -> Points:
        """Scene pixels to picture pixels."""
        out = points / self.scale
        out[..., 0] += self.origin[0]
        out[..., 1] += self.origin[1]
        return out


@dataclass
class Track:
    """What live frames hand on to the next: the mesh, the eyes, the person mask, and what the last findings were.

    A face once found is followed by its mesh. Besides that, one network runs in each frame, in the turns of `TURNS`: an
    eye (the other moves along with its corner), the whole frame searched for a second face, the person mask renewed.
    """

    mesh: Points | None = None
    faces: tuple[Detected, ...] = ()
    person: Grey | None = None
    eyes: Eyes | None = None
    corners: Points | None = None  # outer eye corners where these eyes were found
    crown: tuple[float, float] | None = None  # head height over T, and its band in mm
    findings: dict[str, Finding | None] = field(default_factory=dict)
    frame: int = 0


SEARCH, RIGHT_EYE, LEFT_EYE, MASK = range(4)
TURNS = (SEARCH, RIGHT_EYE, MASK, LEFT_EYE, RIGHT_EYE, LEFT_EYE)


def find(rgb: RGB, networks: Networks, *, shrunk: int = 1) -> Scene | None:
    """The scene of the largest face; None where there is none.

    `shrunk`: the array shows the picture at 1/shrunk of its size (a JPEG decoded no larger than needed).
    """
    step = max(1, max(rgb.shape[:2]) // 640)
    small = Image.fromarray(np.ascontiguousarray(rgb[::step, ::step]))
    faces = search(small, networks)
    if not faces:
        return None
    face = scaled(faces[0], step)
    work, scale, origin = _crop(rgb, face)
    # the mask and the face know nothing of each other
    with beside(lambda: _resized(networks.person(work), work.size)) as mask:
        mesh, _ = networks.mesh(work, first_square(face, scale, origin))
        mesh, presence = networks.mesh(work, around(mesh))
        if presence < PRESENT:
            return None
        irises, lids = eyes(work, mesh, networks)
        mirrored = eyes(work, mesh, networks, mirrored=True)
        person = mask.result()
    size = (rgb.shape[1] * shrunk, rgb.shape[0] * shrunk)
    all_faces = tuple(scaled(each, step * shrunk) for each in faces)
    origin = (origin[0] * shrunk, origin[1] * shrunk)
    seen = np.asarray(work)
    return Scene(seen, scale / shrunk, origin, size, all_faces, mesh, presence, irises, lids, person, mirrored)


def follow(rgb: RGB, networks: Networks, track: Track) -> Scene | None:
    """As `find`, for a small live frame that follows the ones before: nothing is resampled but the networks' crops."""
    work = Image.fromarray(rgb)
    turn = TURNS[track.frame % len(TURNS)]
    if track.mesh is None or turn == SEARCH:
        track.faces = tuple(search(work, networks))
        if not track.faces:
            track.mesh = None
            return None
    if track.mesh is None:
        track.mesh, _ = networks.mesh(work, first_square(track.faces[0]), quick=True)
    mesh, presence = networks.mesh(work, around(track.mesh), quick=True)
    track.mesh = mesh if presence >= PRESENT else None
    if track.mesh is None:
        return None
    track.eyes = _one_eye(work, mesh, networks, track, turn) if track.eyes else eyes(work, mesh, networks)
    track.corners = mesh[[33, 263], :2]
    irises, lids = track.eyes
    if track.person is None or track.person.shape != rgb.shape[:2] or turn == MASK:
        mask = networks.person_in_frame(work) if work.width > work.height else networks.person(work)
        track.person = _resized(mask, work.size)
    track.frame += 1
    size = (rgb.shape[1], rgb.shape[0])
    return Scene(rgb, 1.0, (0.0, 0.0), size, track.faces, mesh, presence, irises, lids, track.person)


def _one_eye(work: Image.Image, mesh: Points, networks: Networks, track: Track, turn: int) -> Eyes:
    """The eye whose turn it is looked at anew, what was seen in the frame before moved along with its corner."""
    assert track.eyes is not None and track.corners is not None
    irises, lids = list(track.eyes[0]), list(track.eyes[1])
    for eye, (outer, inner) in enumerate((RIGHT_CORNERS, LEFT_CORNERS)):
        if turn == (RIGHT_EYE, LEFT_EYE)[eye]:
            irises[eye], lids[eye] = networks.iris(work, _eye_square(mesh, outer, inner), right=eye == 0)
        else:
            moved = mesh[outer, :2] - track.corners[eye]
            irises[eye], lids[eye] = irises[eye] + moved, lids[eye] + moved
    return (irises[0], irises[1]), (lids[0], lids[1])


def _eye_square(mesh: Points, outer: int, inner: int) -> Square:
    middle = (mesh[outer, :2] + mesh[inner, :2]) / 2
    side = 2.3 * float(np.hypot(*(mesh[outer, :2] - mesh[inner, :2])))
    return Square(float(middle[0]), float(middle[1]), side, angle(mesh[33], mesh[263]))


def eyes(work: Image.Image, mesh: Points, networks: Networks, *, mirrored: bool = False) -> Eyes:
    """Irises and lids. `mirrored`: each eye as the network of the other sees it, by which its bias turns round."""
    both = [
        networks.iris(work, _eye_square(mesh, outer, inner), right=(outer == RIGHT_CORNERS[0]) is not mirrored)
        for outer, inner in (RIGHT_CORNERS, LEFT_CORNERS)
    ]
    return (both[0][0], both[1][0]), (both[0][1], both[1][1])


def _crop(rgb: RGB, face: Detected) -> tuple[Image.Image, float, tuple[float, float]]:
    """The head's surroundings at the scene's scale: picture, scale, corner in the picture."""
    apart = float(np.hypot(*(face.points[1] - face.points[0])))
    box = np.array(face.box).reshape(2, 2)
    half = REACH / 2 * 0.82 * float((box[1] - box[0]).max())  # the detector's box is 1.2 T high
    x, y = box.mean(axis=0)
    y -= 0.12 * half
    height, width = rgb.shape[:2]
    x0, x1 = int(max(0, x - half)), int(min(width, x + half))
    y0, y1 = int(max(0, y - half)), int(min(height, y + half))
    scale = min(1.0, EYES_APART_PX / apart)
    shrink = int((1 + NEAR_ENOUGH) / scale)
    region = reduced(rgb, shrink, (x0, y0, x1, y1))
    rest = scale * shrink
    if rest >= 1 - NEAR_ENOUGH:
        scale = 1 / shrink
    else:
        region = shrunk_by(region, rest)
    return region, scale, (float(x0), float(y0))


def _resized(grey: NDArray[np.float32], size: tuple[int, int]) -> Grey:
    return np.asarray(Image.fromarray(grey).resize(size, Image.Resampling.BILINEAR), np.float32)
