"""How the head is turned: a rigid fit of the mesh to the mean frontal face. Pure numbers; must never look at pixels."""

from dataclasses import dataclass

import numpy as np

from .pixels import Points

# of a turn aside the mesh answers about so much (measured; norm.md). Of one up or down nobody knows
YAW_ANSWERED = 0.75


@dataclass(frozen=True)
class Pose:
    """Degrees as the mesh answers them: yaw grows to the picture's right, pitch upwards."""

    yaw: float
    pitch: float

    @property
    def turned(self) -> float:
        """Yaw as the head is really turned, degrees."""
        return self.yaw / YAW_ANSWERED


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
    return Pose(float(yaw), float(pitch))
