"""One face, all its figures: computed once, when a requirement first asks. Pure; must never decide."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from . import crown, ground, light, shape
from .find import Scene
from .frame import Frame, frame
from .pixels import RGB, Points
from .pose import Pose, turn
from .verdict import HEAD_MM, Face


@dataclass(frozen=True, eq=False)
class Measures:
    """What the table's functions read: the scene and everything derived from it."""

    scene: Scene
    reference: Points

    @cached_property
    def pose(self) -> Pose:
        return turn(self.scene.mesh, self.reference)

    @cached_property
    def face(self) -> Face:
        """The face in pixels of the picture."""
        scene = self.scene
        height, band = crown.head_height(scene)
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
            float(np.degrees(scene.roll_rad)),
            mesh,
        )

    @cached_property
    def frame(self) -> Frame:
        return frame(self.face, *self.scene.picture_size)

    @cached_property
    def skin(self) -> NDArray[np.uint8]:
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
        return ground.ground(self.scene, ground.behind(self.scene, box))

    @cached_property
    def gaze(self) -> tuple[float, float]:
        return shape.gaze_angles(self.scene)
