"""Makes edge/portrait/norm.npz of labelled faces: the mean frontal mesh, the fits for crown, baldness, eyes, glasses.

Run by hand: python -m bench.norm_train FACES. The same folder gives the same figures. Also prints the regression of the
iris on yaw and pitch and the mouth's logistic direction, which stand as round figures in edge/portrait/shape.py, and
the usual contrasts of edge/portrait/cover.py.
"""

import csv
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.norm_eyes import WAYS, shut
from edge.judge import load_models
from edge.picture import read_picture
from edge.portrait import cover, crown, shape
from edge.portrait.eyes import frame_edges
from edge.portrait.faces import around
from edge.portrait.find import Scene, eyes, find
from edge.portrait.networks import Networks
from edge.portrait.pose import turn

OWN = Path(__file__).parents[1] / "edge" / "portrait" / "norm.npz"
Array = NDArray[np.float64]
RIDGE, LOGISTIC, LIDS_LOGISTIC = 15.0, 5.0, 30.0  # strengths of the penalties, on standardised features
SHUT_SHARES = 0.75, 1.0  # of the opening: a lid drawn over three quarters of the eye hides the pupil


def unit(mesh: Array) -> Array:
    """Centred, root mean square distance 1."""
    centred = mesh - mesh.mean(axis=0)
    return np.asarray(centred / np.sqrt((centred**2).sum() / len(centred)))


def laid_on(mesh: Array, other: Array) -> Array:
    """The mesh turned (not scaled) so that it fits the other best."""
    a = unit(mesh)
    u, _, vt = np.linalg.svd(a.T @ other)
    return np.asarray(a @ (u @ np.diag([1.0, 1.0, float(np.sign(np.linalg.det(u @ vt)))]) @ vt))


def mirrored(mesh: Array) -> Array:
    return np.asarray(mesh * [-1.0, 1.0, 1.0])


def pairs_of(mesh: Array) -> NDArray[np.int64]:
    """For each point the one that lies opposite: nearest neighbours of the mirrored mesh that agree both ways."""
    distance = ((mirrored(mesh)[None] - mesh[:, None]) ** 2).sum(axis=-1)
    distance = distance + distance.T
    pair = np.full(len(mesh), -1)
    for index in np.argsort(distance, axis=None, kind="stable"):
        i, j = divmod(int(index), len(mesh))
        if pair[i] < 0 and pair[j] < 0:
            pair[i], pair[j] = j, i
    return pair


def reference(frontal: list[Array]) -> Array:
    """The mean of the frontal meshes, made symmetric and upright, their median pitch taken as level."""
    mean = unit(frontal[0])
    for _ in range(5):
        mean = unit(np.mean([laid_on(mesh, mean) for mesh in frontal], axis=0))
    for _ in range(8):
        pair = pairs_of(mean)
        mean = unit((mean + laid_on(mirrored(mean)[pair], mean)) / 2)
    across = ((mean[pair] - mean) * -np.sign(mean[:, :1])).sum(axis=0)
    x = across / np.linalg.norm(across)
    y = np.array([0.0, 1.0, 0.0]) - x[1] * x
    y /= np.linalg.norm(y)
    mean = mean @ np.stack([x, y, np.cross(x, y)]).T
    tilt = np.radians(np.median([turn(mesh, mean).pitch for mesh in frontal]))
    best = min((_pitched(mean, sign * tilt) for sign in (1, -1)), key=lambda m: abs(_median_pitch(frontal, m)))
    return unit(best)


def _pitched(mesh: Array, angle: float) -> Array:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.asarray(mesh @ np.array([[1, 0, 0], [0, cos, sin], [0, -sin, cos]]))


def _median_pitch(frontal: list[Array], mesh: Array) -> float:
    return float(np.median([turn(each, mesh).pitch for each in frontal]))


def ridge(x: Array, y: Array, strength: float = RIDGE) -> tuple[float, Array, Array]:
    """Mean of y, centre of x, slope on x."""
    centre, spread = x.mean(axis=0), x.std(axis=0)
    z = (x - centre) / spread
    slope = np.linalg.solve(z.T @ z + strength * np.eye(x.shape[1]), z.T @ (y - y.mean()))
    return float(y.mean()), centre, np.asarray(slope / spread)


def logistic(x: Array, y: NDArray[np.bool_], strength: float = LOGISTIC) -> Array:
    """Offset and one weight a column."""
    centre, spread = x.mean(axis=0), x.std(axis=0)
    z = np.column_stack([np.ones(len(x)), (x - centre) / spread])
    w, penalty = np.zeros(z.shape[1]), np.diag([0.0] + [strength] * x.shape[1])
    for _ in range(60):
        p = 1 / (1 + np.exp(-z @ w))
        w -= np.linalg.solve((z * (p * (1 - p))[:, None]).T @ z + penalty, z.T @ (p - y) + penalty @ w)
    slope = w[1:] / spread
    return np.concatenate([[w[0] - slope @ centre], slope])


def shut_scene(scene: Scene, share: float, way: str, seed: int, networks: Networks) -> Scene:
    """The scene with its eyes shut (bench/norm_eyes.py), its points found anew."""
    rgb = shut(replace(scene, scale=1.0, origin=(0.0, 0.0)), scene.rgb, share, way, seed)
    picture = Image.fromarray(rgb)
    mesh, _ = networks.mesh(picture, around(scene.mesh))
    irises, lids = eyes(picture, mesh, networks)
    return replace(scene, rgb=rgb, mesh=mesh, irises=irises, lids=lids)


def lid_samples(scene: Scene, seed: int, networks: Networks) -> tuple[Array, Array]:
    """`shape.lid_points` of one person's two eyes open, and shut in every way: n × 168 each."""
    open_eyes = shape.lid_points(shut_scene(scene, 0.0, WAYS[0], seed, networks))
    shut_eyes = [
        shape.lid_points(shut_scene(scene, share, way, seed, networks)) for share in SHUT_SHARES for way in WAYS
    ]
    return open_eyes, np.concatenate(shut_eyes)


def fit_lids(samples: list[tuple[Array, Array]]) -> Array:
    """The fit of `shape.openness`; open and shut eyes weigh the same in all."""
    opened, closed = (np.concatenate(each) for each in zip(*samples, strict=True))
    repeat = len(closed) // len(opened)
    x = np.concatenate([np.repeat(opened, repeat, axis=0), closed])
    jitter = np.random.default_rng(0).normal(0, 0.004, x.shape)  # the networks' own unrest from frame to frame
    return logistic(x + jitter, np.arange(len(x)) < repeat * len(opened), LIDS_LOGISTIC)


def fit_glasses(edges: Array, worn: NDArray[np.bool_]) -> Array:
    """The fit of `eyes.glasses`; every face counts as its mirror image too."""
    swapped = edges[:, [0, 2, 1, 6, 7, 8, 3, 4, 5]]
    return logistic(np.concatenate([edges, swapped]), np.concatenate([worn, worn]), 2 * LOGISTIC)


def rows(path: Path) -> dict[str, dict[str, str]]:
    """A table by its column `id`."""
    with path.open(encoding="utf-8") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


def marked_height(mark: dict[str, str]) -> float:
    """Crown to chin of a marked head, pixels."""
    return float(
        np.hypot(
            float(mark["chin_x"]) - float(mark["crown_x"]), float(mark["chin_y"]) - float(mark["crown_y"])
        )
    )  # fmt: skip


def fit_crown(
    scenes: dict[str, Scene], pitches: dict[str, float], marks: dict[str, dict[str, str]], bald: dict[str, bool]
) -> crown.Proportions:
    """The fits of edge/portrait/crown.py on these people."""
    ids = [name for name in marks if name in scenes]
    x = np.array([crown.proportions(scenes[name], pitches[name]) for name in ids])
    y = np.array([np.log(marked_height(marks[n]) / (scenes[n].eye_to_chin / scenes[n].scale)) for n in ids])
    tops = {name: crown.mask_top(scene) for name, scene in scenes.items()}
    seen = [name for name, top in tops.items() if top > 0]
    bare = np.array([crown.bareness(scenes[name], tops[name]) for name in seen])
    return crown.Proportions(*ridge(x, y), logistic(bare, np.array([bald[name] for name in seen])))


def lid_samples_of(
    scenes: dict[str, Scene], labels: dict[str, dict[str, str]], networks: Networks
) -> list[tuple[Array, Array]]:
    """Of everyone whose eyes the notes do not call shut."""
    return [
        lid_samples(scene, int(name[1:]), networks)
        for name, scene in scenes.items()
        if "shut" not in labels[name]["note"]
    ]


def main(faces: Path) -> int:
    """Trains, writes, prints."""
    networks = Networks(load_models())
    labels, marks = rows(faces / "labels.csv"), rows(faces / "marks.csv")
    found = {name: find(read_picture(faces / f"{name}.jpg"), networks) for name in labels}
    scenes = {name: scene for name, scene in found.items() if scene is not None}
    frontal = [n for n in scenes if labels[n]["pose"] == "frontal" and labels[n]["mouth"] != "open"]
    mean = reference([scenes[n].mesh for n in frontal])
    poses = {name: turn(scene.mesh, mean) for name, scene in scenes.items()}
    bald = {name: labels[name]["hair"] == "bald" for name in scenes}
    fit = fit_crown(scenes, {name: pose.pitch for name, pose in poses.items()}, marks, bald)
    np.savez(
        OWN, reference=mean.astype(np.float32), crown_mean=fit.mean, crown_centre=fit.centre, crown_slope=fit.slope,
        bald=fit.bald, lids=fit_lids(lid_samples_of(scenes, labels, networks)),
        glasses=fit_glasses(
            np.array([frame_edges(scene) for scene in scenes.values()]),
            np.array([labels[name]["glasses"] != "none" for name in scenes]),
        ),
    )  # fmt: skip
    looking = [name for name in scenes if labels[name]["gaze"] == "camera"]
    offset = np.array([shape.iris_offset(scenes[name]) for name in looking])
    x = np.array([[1.0, poses[name].yaw, poses[name].pitch] for name in looking])
    for axis, way in enumerate(("along", "down")):
        print("iris", way, "on 1, yaw, pitch:", np.linalg.lstsq(x, offset[:, axis], rcond=None)[0].round(5))
    x = np.array([[np.log(shape.lip_opening(s) + 0.005), shape.seam_redness(s)] for s in scenes.values()])
    w = logistic(x, np.array([labels[name]["mouth"] != "closed" for name in scenes]))
    print("mouth: weight of the seam's redness against log opening", round(float(w[2] / w[1]), 4))
    usual = np.median([cover.contrasts(scene) for scene in scenes.values()], axis=0)
    print("usual contrast of mouth, nose, right and left eye:", usual.round(2))
    print(f"{OWN.name}: {OWN.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
