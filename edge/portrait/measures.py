"""One face, all its figures: computed once, when a requirement first asks. Pure; must never decide."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO

import numpy as np

from . import ground, light, shape
from .cover import Net, read_net
from .crown import Proportions, head_height
from .find import Scene
from .frame import Frame, frame
from .pixels import RGB, Points
from .pose import Pose, turn
from .verdict import HEAD_MM, Face


@dataclass(frozen=True, eq=False)
class Fits:
    """The norm's own figures, by bench/norm_train.py and bench/norm_cover_train.py.

    Mean frontal mesh (468 × 3), fits of crown, lids, glasses, and the network that tells what covers the face.
    """

    reference: Points
    crown: Proportions
    lids: Points  # offset and weights of `shape.openness`
    glasses: Points  # offset and weights of `eyes.glasses`
    cover: Net


def read_fits(models: Mapping[str, bytes]) -> Fits:
    """Out of the bytes of norm.npz and cover.npz."""
    with np.load(BytesIO(models["norm"])) as own:
        parts = {name: np.asarray(own[name], np.float64) for name in own.files}
    fit = Proportions(float(parts["crown_mean"]), parts["crown_centre"], parts["crown_slope"], parts["bald"])
    return Fits(parts["reference"], fit, parts["lids"], parts["glasses"], read_net(models["cover"]))


@dataclass(frozen=True, eq=False)
class Measures:
    """What the table's functions read: the scene and everything derived from it."""

    scene: Scene
    fits: Fits
    known_crown: tuple[float, float] | None = None  # of a live frame just before: head height over T, band in mm

    @cached_property
    def crown(self) -> tuple[float, float]:
        """Head height over T, and half its 90 % band in mm on a head of 34 mm."""
        if self.known_crown is not None:
            return self.known_crown
        height, band = head_height(self.scene, self.pose.pitch, self.fits.crown)
        return height / self.scene.eye_to_chin, band

    @cached_property
    def pose(self) -> Pose:
        return turn(self.scene.mesh, self.fits.reference)

    @property
    def roll(self) -> float:
        """The line of the eyes against the picture's, degrees, clockwise as seen."""
        return float(np.degrees(self.scene.roll_rad))

    @cached_property
    def face(self) -> Face:
        """The face in pixels of the picture."""
        scene = self.scene
        height, band = self.crown[0] * scene.eye_to_chin, self.crown[1]
        chin_down = float((scene.chin - scene.middle) @ -scene.up)
        top = scene.middle + scene.up * (height - chin_down)
        eyes, chin, crown_at = (scene.to_picture(points) for points in (scene.eyes, scene.chin, top))
        mesh = scene.to_picture(scene.mesh)
        return Face(
            ((float(eyes[0, 0]), float(eyes[0, 1])), (float(eyes[1, 0]), float(eyes[1, 1]))),
            (float(chin[0]), float(chin[1])),
            (float(crown_at[0]), float(crown_at[1])),
            band,
            HEAD_MM * scene.scale / height,
            self.pose.yaw,
            self.pose.pitch,
            self.roll,
            mesh,
        )

    @cached_property
    def frame(self) -> Frame:
        return frame(self.face, *self.scene.picture_size)

    @cached_property
    def crop(self) -> dict[str, float]:
        """OFIQ: from the eyes' midpoint to the picture's borders, in E to its left and right, in T above and below."""
        scene, (x, y) = self.scene, self.face.middle_px
        e, t = scene.eyes_apart / scene.scale, scene.eye_to_chin / scene.scale
        width, height = scene.picture_size
        return {"left": x / e, "right": (width - x) / e, "above": y / t, "below": (height - y) / t}

    @cached_property
    def skin(self) -> RGB:
        return light.face_pixels(self.scene)

    @cached_property
    def cheeks(self) -> tuple[RGB, RGB]:
        return light.cheeks(self.scene)

    @cached_property
    def ofiq(self) -> dict[str, float]:
        return light.ofiq_exposure(self.skin)

    @cached_property
    def ground(self) -> ground.Ground | None:
        corners = (self.frame.corners() - np.array(self.scene.origin)) * self.scene.scale
        low, high = corners.min(axis=0), corners.max(axis=0)
        box = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
        return ground.ground(self.scene, box)

    @cached_property
    def gaze(self) -> float:
        return shape.gaze(self.scene, self.pose.yaw, self.pose.pitch)

    @cached_property
    def both_cheeks(self) -> RGB:
        return np.concatenate(self.cheeks)
