"""How the head is turned: a rigid fit of the mesh to the mean frontal face. Pure numbers; must never look at pixels."""

from dataclasses import dataclass

import numpy as np

from .pixels import Points

# The mesh answers about 0.75 of a turn. No known turns were at hand to stretch it by: the limits are drawn on what it
# answers (docs/norm.md, "Where the limits come from").
YAW_SLOPE, PITCH_SLOPE = 1.0, 1.0


@dataclass(frozen=True)
class Pose:
    """Degrees: yaw grows to the picture's right, pitch upwards."""

    yaw: float
    pitch: float


def turn(mesh: Points, reference: Points) -> Pose:
    """The turn that lays the reference (468 × 3, frontal) best on the mesh (Kabsch), roll taken out."""
    a = reference - reference.mean(axis=0)
    b = mesh - mesh.mean(axis=0)
    u, _, vt = np.linalg.svd(a.T @ b)
    flip = np.diag([1.0, 1.0, float(np.sign(np.linalg.det(u @ vt)))])
    rotation = (u @ flip @ vt).T  # b ≈ rotation · a
    nose = rotation @ np.array([0.0, 0.0, -1.0])  # out of the face, towards the camera
    roll = np.arctan2(rotation[1, 0], rotation[0, 0])
    x = np.cos(roll) * nose[0] + np.sin(roll) * nose[1]
    y = -np.sin(roll) * nose[0] + np.cos(roll) * nose[1]
    yaw, pitch = np.degrees(np.arcsin(x)), np.degrees(np.arcsin(-y))
    return Pose(float(yaw) * YAW_SLOPE, float(pitch) * PITCH_SLOPE)
