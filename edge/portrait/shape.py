"""Eyes, mouth, gaze and expression from the landmarks and the pixels under them. Pure; never decides."""

import numpy as np

from .find import LEFT_CORNERS, RIGHT_CORNERS, Scene
from .pixels import Points, lab

# pairs of lid points of the iris network: lower, upper
LIDS = tuple(zip(range(1, 8), range(9, 16), strict=True))
# mesh: inner lips, upper and lower, from the picture's left to its right
INNER_UPPER = (191, 80, 81, 82, 13, 312, 311, 310, 415)
INNER_LOWER = (95, 88, 178, 87, 14, 317, 402, 318, 324)
MOUTH_CORNERS = (61, 291)
UPPER_LIP, LOWER_LIP = (37, 0, 267), (84, 17, 314)


def lid_opening(scene: Scene) -> float:
    """Smaller of the two eyes' greatest lid opening / T (as OFIQ's eyes-open measure)."""
    widest = [max(float(np.hypot(*(lids[low] - lids[up]))) for low, up in LIDS) for lids in scene.lids]
    return min(widest) / scene.eye_to_chin


# mesh: the lids and the fold above them, the person's right and left eye
RIGHT_LIDS, LEFT_LIDS = (159, 145, 158, 153, 160, 144, 27, 23), (386, 374, 385, 380, 387, 373, 257, 253)


def lid_points(scene: Scene) -> Points:
    """Where iris, lids and brow are found about each eye, in its widths from its middle: 2 × 168, the left mirrored."""
    both = []
    for eye, (corners, lids) in enumerate(((RIGHT_CORNERS, RIGHT_LIDS), (LEFT_CORNERS, LEFT_LIDS))):
        a, b = sorted(scene.mesh[list(corners), :2], key=lambda point: float(point[0]))
        width = float(np.hypot(*(b - a)))
        along = (b - a) / width
        points = np.concatenate([scene.irises[eye], scene.lids[eye], scene.mesh[list(lids), :2]]) - (a + b) / 2
        across, down = points @ along / width, points @ np.array([-along[1], along[0]]) / width
        both.append(np.stack([-across if eye else across, down], axis=1).ravel())
    return np.stack(both)


def openness(scene: Scene, fit: Points) -> float:
    """Log odds that the eye less open of the two is open: a logistic fit of `lid_points` (offset, 168 weights).

    The iris network sees an opening in shut eyes too, but lays its points otherwise there. Fitted on 320 pairs
    of open eyes and on the same people's eyes shut by drawing their own lid skin down (bench/norm_eyes.py).
    """
    return float((fit[0] + lid_points(scene) @ fit[1:]).min())


def lip_opening(scene: Scene) -> float:
    """Greatest inner-lip opening / T (as OFIQ's mouth-closed measure)."""
    upper, lower = scene.mesh[list(INNER_UPPER), :2], scene.mesh[list(INNER_LOWER), :2]
    return float(np.hypot(*(lower - upper).T).max()) / scene.eye_to_chin


def seam_redness(scene: Scene) -> float:
    """Least a* across the lip seam (median over its columns) less the lips' own a*: falls far below 0 on teeth."""
    left, right = scene.mesh[list(MOUTH_CORNERS), :2]
    along = right - left
    down = np.array([-along[1], along[0]]) / float(np.hypot(*along))
    top, bottom = scene.mesh[list(INNER_UPPER), :2], scene.mesh[list(INNER_LOWER), :2]
    reach = 0.035 * scene.eye_to_chin
    steps = np.linspace(0, 1, 15)[:, None, None]
    lines = (top - down * reach) * (1 - steps) + (bottom + down * reach) * steps  # 15 × columns × 2
    colours = lab(scene.at(lines[:, 1:-1].reshape(-1, 2)))[:, 1].reshape(15, -1)
    lips = scene.mesh[list(UPPER_LIP + LOWER_LIP), :2] * 0.5 + scene.mesh[[82, 13, 312, 87, 14, 317], :2] * 0.5
    return float(np.median(colours.min(axis=0)) - np.median(lab(scene.at(lips))[:, 1]))


# where the irises stand when the lens is looked at: a regression on 252 labelled portraits (bench/norm_train.py)
GAZE_MIDDLE = np.array([0.0008, -0.0723])  # along the eye, down
GAZE_PER_DEGREE = np.array([[-0.0038, -0.0002], [0.0002, 0.0003]])  # along, down: of yaw, pitch
SEAM_WEIGHT, SEAM_CLOSED = 0.083, -8.0  # logistic fit on labelled mouths; median redness of closed ones


def mouth(scene: Scene) -> float:
    """Lip opening / T as it would be if nothing but red lips closed the mouth: teeth between the lips make it larger.

    exp(log(opening + 0.005) − 0.083 · (seam redness + 8)) − 0.005: the direction of a logistic fit of closed against
    teeth and open on 322 labelled portraits (AUC 0.993); for lips closed as most are it is the opening itself.
    """
    shift = -SEAM_WEIGHT * (seam_redness(scene) - SEAM_CLOSED)
    return float((lip_opening(scene) + 0.005) * np.exp(shift) - 0.005)


def smile(scene: Scene) -> tuple[float, float]:
    """Mouth width / E, and how far its corners stand above the line between the lips, in mouth widths."""
    left, right = scene.mesh[list(MOUTH_CORNERS), :2]
    width = float(np.hypot(*(right - left)))
    middle = (scene.mesh[13, :2] + scene.mesh[14, :2]) / 2
    return width / scene.eyes_apart, float(((left + right) / 2 - middle) @ scene.up) / width


def gaze(scene: Scene, yaw: float, pitch: float) -> float:
    """How far the irises stand from where they stand when a head so turned looks into the lens, in eye widths."""
    expected = GAZE_MIDDLE + GAZE_PER_DEGREE @ np.array([yaw, pitch])
    return float(np.hypot(*(np.array(iris_offset(scene)) - expected)))


def iris_offset(scene: Scene) -> tuple[float, float]:
    """Where the irises stand in the eyes, in eye widths from the middle: to the picture's right, down.

    The mean of both eyes, in a still each also as seen in the mirror: that takes a fifth of the spread away among those
    who look into the lens, and tells who looks away with an AUC of 0.961 instead of 0.949.
    """
    looks = [(scene.irises, scene.lids), *([scene.mirrored_eyes] if scene.mirrored_eyes else [])]
    offsets = []
    for iris, lids in (eye for look in looks for eye in zip(*look, strict=True)):
        a, b = lids[0], lids[8]
        if a[0] > b[0]:
            a, b = b, a
        width = float(np.hypot(*(b - a)))
        along = (b - a) / width
        offset = iris[0] - (a + b) / 2
        offsets.append((offset @ along / width, offset @ np.array([-along[1], along[0]]) / width))
    across, down = np.mean(offsets, axis=0)
    return float(across), float(down)
