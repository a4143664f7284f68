"""Makes edge/portrait/cover.npz: the network that tells a face something lies before from one that is free.

Run by hand: python -m bench.norm_cover_train FACES, with torch beside the rest (requirements/train.txt), about half an
hour on two cores. Of everyone in the folder it makes free faces and covered ones in other light
(bench/norm_cover.py), lays them flat and trains; then once more without each fifth of the people, which gives
bench/norm_cover_folds.npz, by which bench/norm-accuracy judges everyone unseen. Prints what those five tell of the
people they have not seen. The same folder gives the same pictures and the same start; on another processor, or with
another torch, sums round otherwise and the weights end elsewhere: look at what is printed, and run bench/norm-accuracy.
"""

import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from bench.norm_accuracy import share as told_share
from bench.norm_accuracy import told
from bench.norm_cover import FOLDED, LEAST, MOST, Dice, Person, cover, seen, share
from bench.norm_limits import FOLDS, fold_of
from bench.norm_train import rows
from edge.judge import load_models
from edge.picture import read_picture
from edge.portrait.cover import Layers, Net, score
from edge.portrait.faces import around
from edge.portrait.find import find
from edge.portrait.flat import EYE_CORNERS, SIDE, Grid, flat
from edge.portrait.light import OVAL
from edge.portrait.networks import Networks
from edge.portrait.pixels import RGB, Points, Square

OWN = Path(__file__).parents[1] / "edge" / "portrait" / "cover.npz"
FREE, COVERED = 24, 60  # pictures of each person
BROWS = (70, 63, 105, 66, 107, 336, 296, 334, 293, 300)
CHIN = 152
NEAR = 12  # points of the mesh that place one of the grid
MAPS, HIDDEN = (12, 24, 32), 32  # of the three convolutions; of the dense layer
EPOCHS, BATCH, RATE, DECAY, DROPPED = 16, 64, 6e-3, 0.1, 0.5
SEEDS = 1, 2  # of each network's start; two tell more than either


@dataclass(frozen=True, eq=False)
class Sample:
    """One face laid flat: whose it is, the share that is covered (0: free), and by what."""

    name: str
    maps: NDArray[np.float32]
    share: float
    thing: str


def lay_grid(reference: Points) -> Grid:
    """The grid on the mean frontal face: from the brows to a little below the chin, as wide as the face.

    Each place is put by the points nearest to it: the weights that give it exactly and are least, near ones counting.
    Twelve points: of eight some lie almost in a line, and weights of up to 46 make a place wander with the mesh (of
    twelve the greatest is 1.1).
    """
    corners = reference[np.array(EYE_CORNERS).ravel(), :2]
    points = (reference[:, :2] - corners.mean(axis=0)) / float(np.hypot(*(corners[3] - corners[0])))
    wide = 1.02 * float(np.abs(points[:, 0]).max())
    top, bottom = float(points[list(BROWS), 1].min()) - 0.05, 1.04 * float(points[CHIN, 1])
    x, y = np.meshgrid(np.linspace(-wide, wide, SIDE), np.linspace(top, bottom, SIDE))
    places = np.stack([x.ravel(), y.ravel()], axis=1)
    distance = ((places[:, None] - points[None]) ** 2).sum(axis=-1)
    near = np.argsort(distance, axis=1, kind="stable")[:, :NEAR]
    nearness = 1 / (np.take_along_axis(distance, near, axis=1) + 1e-4)
    ones = np.ones((len(places), 1, NEAR))
    rows_of = np.concatenate([ones, np.moveaxis(points[near], 2, 1)], axis=1)  # what the weights must give: 1, x, y
    gram = np.einsum("nak,nk,nbk->nab", rows_of, nearness, rows_of) + 1e-6 * np.eye(3)
    wanted = np.concatenate([ones[..., 0], places], axis=1)[..., None]
    weights = np.einsum("nak,na->nk", rows_of, np.linalg.solve(gram, wanted)[..., 0]) * nearness
    face = Image.new("L", (SIDE, SIDE))
    outline = (points[list(OVAL)] - (-wide, top)) / (2 * wide, bottom - top) * (SIDE - 1)
    ImageDraw.Draw(face).polygon([(float(a), float(b)) for a, b in outline], fill=1)
    return Grid(near, weights, np.asarray(face.filter(ImageFilter.MaxFilter(5))) > 0)


def person_in(path: Path, networks: Networks) -> Person | None:
    """The face and what is about it at the scene's scale."""
    scene = find(read_picture(path), networks)
    if scene is None:
        return None
    t, (x, y) = scene.eye_to_chin, scene.middle
    x0, y0 = max(0, int(x - 1.3 * t)), max(0, int(y - 1.4 * t))
    rgb = scene.rgb[y0 : int(y + 1.7 * t), x0 : int(x + 1.3 * t)].copy()
    return Person(rgb, scene.mesh - (x0, y0, 0))


@cache
def _tools() -> tuple[Networks, Grid]:
    models = load_models()
    return Networks(models), lay_grid(np.load(BytesIO(models["norm"]))["reference"].astype(np.float64))


def laid_flat(rgb: RGB, mesh: Points, dice: Dice | None) -> NDArray[np.float32]:
    """The mesh found anew in this picture, from about where it was, and the face laid flat by it."""
    networks, grid = _tools()
    if dice is not None and dice.random() < 0.3:
        smaller = dice.uniform(0.5, 1)
        size = round(rgb.shape[1] * smaller), round(rgb.shape[0] * smaller)
        rgb, mesh = np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.BOX)), mesh * smaller
    picture, square = Image.fromarray(rgb), around(mesh)
    if dice is not None:  # the detector's box is not so sure
        aside = square.side * dice.normal(0, 0.03, 2)
        square = Square(
            square.x + aside[0], square.y + aside[1], square.side * dice.uniform(0.85, 1.15),
            square.angle + dice.normal(0, 0.05),
        )  # fmt: skip
    for _ in range(2):
        mesh, _ = networks.mesh(picture, square)
        square = around(mesh)
    return flat(rgb, mesh, grid)


_people: dict[str, Person] = {}  # of a worker


def _remember(people: dict[str, Person]) -> None:
    _people.update(people)


def samples(name: str) -> list[Sample]:
    """One person's faces: the first as it is, others in other light, and covered ones."""
    person, dice = _people[name], np.random.default_rng(int(name[1:]))
    out = [Sample(name, laid_flat(person.rgb, person.mesh, None), 0.0, "")]
    out += [Sample(name, laid_flat(seen(person.rgb, dice), person.mesh, dice), 0.0, "") for _ in range(FREE - 1)]
    while len(out) < FREE + COVERED:
        rgb, where, thing = cover(person, _people, dice)
        part = share(where, person.mesh, _tools()[1])
        if LEAST <= part <= MOST:
            shown = seen(rgb, dice) if dice.random() < 0.7 else rgb
            out.append(Sample(name, laid_flat(shown, person.mesh, dice), part, thing))
    return out


def train(chosen: list[Sample], seed: int, what: str) -> Layers:
    """One network's layers, trained on these."""
    import torch
    from torch import nn

    torch.manual_seed(seed)
    torch.set_flush_denormal(True)  # weights that fade away would cost more than half of the time
    first, second, third = MAPS
    net = nn.Sequential(
        nn.Conv2d(4, first, 5, stride=2, padding=2), nn.ReLU(), nn.Conv2d(first, second, 3, stride=2, padding=1),
        nn.ReLU(), nn.Conv2d(second, third, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(), nn.Dropout(DROPPED),
        nn.Linear(third * (SIDE // 8) ** 2, HIDDEN), nn.ReLU(), nn.Dropout(DROPPED), nn.Linear(HIDDEN, 1),
    )  # fmt: skip
    maps = torch.tensor(np.stack([sample.maps for sample in chosen]))
    covered = torch.tensor([float(sample.share > 0) for sample in chosen])
    both = torch.nn.BCEWithLogitsLoss(pos_weight=(1 - covered).sum() / covered.sum())
    steps = len(chosen) // BATCH
    descent = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=DECAY)
    pace = torch.optim.lr_scheduler.OneCycleLR(descent, RATE, total_steps=EPOCHS * steps)
    for _ in told(what, range(EPOCHS)):
        for batch in torch.randperm(len(chosen))[: steps * BATCH].view(steps, BATCH):
            shown = maps[batch]
            if torch.rand(1) < 0.5:  # a face is as good as its mirror image
                shown = shown.flip(3)
            loss = both(net(shown)[:, 0], covered[batch])
            descent.zero_grad()
            loss.backward()
            descent.step()
            pace.step()
    return tuple(
        (layer.weight.detach().numpy(), layer.bias.detach().numpy())
        for layer in net
        if isinstance(layer, nn.Conv2d | nn.Linear)
    )


def arrays(members: Sequence[Layers], prefix: str = "") -> dict[str, NDArray[np.float16]]:
    """As they are kept: half precision moves no score by more than a hundredth."""
    return {
        f"{prefix}{member}_{part}{n}": each.astype(np.float16)
        for member, layers in enumerate(members)
        for n, layer in enumerate(layers)
        for part, each in zip(("weight", "offset"), layer, strict=True)
    }


def report(scores: NDArray[np.float64], made: list[Sample]) -> None:
    """What is told of people that were not seen, where one free face in 100 and in 200 would be refused."""
    free = np.array([sample.share == 0 for sample in made])
    parts = np.array([sample.share for sample in made])
    things = np.array([[*sample.thing.split(", "), "", "", ""][:3] for sample in made])
    for percent in (99, 99.5):
        limit = float(np.percentile(scores[free], percent))
        over = scores > limit
        print(f"\n## Refused above {limit:.2f}, the {percent}th percentile of {free.sum()} free faces")
        kinds = {value: things[:, column] == value for column in range(3) for value in np.unique(things[~free, column])}
        kinds |= {
            f"{low:.0%} to {high:.0%} covered": ~free & (parts >= low) & (parts < high)
            for low, high in ((LEAST, 0.08), (0.08, 0.12), (0.12, 0.2), (0.2, 0.4), (0.4, MOST))
        }
        for kind, which in ({"all": ~free} | kinds).items():
            print(f"{kind:22s} {told_share(int((over & which).sum()), int(which.sum()))}")
    plain = sorted(
        ((round(float(scores[i]), 1), made[i].name) for i in range(0, len(made), FREE + COVERED)), reverse=True
    )
    print("the portraits as they are, highest first:", plain[:12])


def main(faces: Path) -> int:
    """Makes the pictures, trains, writes, prints."""
    networks, grid = _tools()
    order = sorted(rows(faces / "labels.csv"))
    found = {name: person_in(faces / f"{name}.jpg", networks) for name in told("finding the faces", order)}
    people = {name: person for name, person in found.items() if person is not None}
    made: list[Sample] = []
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn"), _remember, (people,)) as several:
        for _, own in zip(told("laying things before them", list(people)), several.map(samples, people), strict=True):
            made += own
    folds = np.array([fold_of(sample.name, order) for sample in made])
    scores, kept = np.empty(len(made)), {}
    for fold in range(FOLDS):
        others = [sample for sample, own in zip(made, folds, strict=True) if own != fold]
        members = [train(others, seed, f"without fold {fold + 1}, start {seed}") for seed in SEEDS]
        kept |= arrays(members, f"fold{fold}_")
        net = Net(grid, tuple(members))
        scores[folds == fold] = [score(made[i].maps, net) for i in np.flatnonzero(folds == fold)]
    np.savez(FOLDED, **kept)  # type: ignore[arg-type]
    place = {"near": grid.near.astype(np.int16), "weights": grid.weights.astype(np.float32), "inside": grid.inside}
    members = [train(made, seed, f"on all, start {seed}") for seed in SEEDS]
    np.savez(OWN, **place, **arrays(members))  # type: ignore[arg-type]
    report(scores, made)
    print(f"{OWN.name}: {OWN.stat().st_size} bytes, {FOLDED.name}: {FOLDED.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
