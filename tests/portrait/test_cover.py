"""What lies before a face: the face laid flat, the network on it, and what it tells of made hands and cloths."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from bench.norm_cover import unseen
from bench.norm_cover_train import lay_grid
from bench.norm_limits import FOLDS
from edge.judge import load_models
from edge.portrait import TABLE
from edge.portrait.cover import Layers, Net, read_net, score
from edge.portrait.find import Scene, find
from edge.portrait.flat import SIDE, flat
from edge.portrait.measures import Measures, read_fits
from edge.portrait.networks import Networks
from edge.portrait.pose import YAW_ANSWERED, Pose


@pytest.fixture(scope="module")
def net() -> Net:
    return read_net(load_models()["cover"])


@pytest.fixture(scope="module")
def scene(good: np.ndarray) -> Scene:
    scene = find(good, Networks(load_models()))
    assert scene is not None
    return scene


def test_the_grid_that_is_kept_is_the_one_that_the_network_is_trained_on(net: Net) -> None:
    laid = lay_grid(read_fits(load_models()).reference)
    assert np.array_equal(laid.near, net.grid.near) and np.array_equal(laid.inside, net.grid.inside)
    assert np.abs(laid.weights - net.grid.weights).max() < 1e-5
    assert np.abs(net.grid.weights.sum(axis=1) - 1).max() < 2e-3  # wherever the face lies, the grid goes along


def test_the_face_laid_flat_is_the_same_wherever_it_lies_in_the_picture(scene: Scene, net: Net) -> None:
    here = flat(scene.rgb, scene.mesh, net.grid)
    aside = np.pad(scene.rgb, ((30, 0), (18, 0), (0, 0)))
    moved = flat(aside, scene.mesh + np.array([18, 30, 0]), net.grid)
    assert here.shape == (4, SIDE, SIDE) and here.dtype == np.float32
    # but for the few places that lie on the border of two pixels, and fall to either by the last bit
    assert (np.abs(here - moved) < 0.01).mean() > 0.98
    assert not here[:, ~net.grid.inside].any()


def test_the_face_laid_flat_hardly_depends_on_light_or_its_colour(scene: Scene, net: Net) -> None:
    here = flat(scene.rgb, scene.mesh, net.grid)
    dimmed = (scene.rgb * np.array([0.75, 0.7, 0.65])).astype(np.uint8)  # about a stop darker, and warmer
    change = np.abs(flat(dimmed, scene.mesh, net.grid) - here)[:3, net.grid.inside]
    spread = here[:3, net.grid.inside].std(axis=1)
    assert (np.median(change, axis=1) < 0.25 * spread).all()


def test_a_face_cut_by_the_pictures_border_is_laid_flat_all_the_same(scene: Scene, net: Net) -> None:
    for part in (np.s_[:, : int(scene.middle[0])], np.s_[: int(scene.middle[1]) + 9, :], np.s_[:9, :9]):
        assert np.isfinite(flat(scene.rgb[part], scene.mesh, net.grid)).all()


def test_each_network_is_three_convolutions_and_two_dense_layers_and_their_mean_counts(net: Net) -> None:
    maps = np.random.default_rng(3).normal(0, 1, (4, SIDE, SIDE)).astype(np.float32)
    ways = maps, maps[:, :, ::-1]
    answers = [written_out(way, layers) for layers in net.members for way in ways]
    assert len(net.members) == 2
    assert score(maps, net) == pytest.approx(np.mean(answers), abs=1e-3)


def written_out(maps: np.ndarray, layers: Layers) -> float:
    seen = maps.astype(np.float64)
    for weight, offset in layers[:3]:  # written out: each second place, zeros beyond the rim
        size, reach = weight.shape[-1], weight.shape[-1] // 2
        padded = np.pad(seen, ((0, 0), (reach, reach), (reach, reach)))
        half = seen.shape[1] // 2
        out = np.empty((len(weight), half, half))
        for y, x in product(range(half), repeat=2):
            window = padded[:, 2 * y : 2 * y + size, 2 * x : 2 * x + size]
            out[:, y, x] = (weight * window).sum(axis=(1, 2, 3)) + offset
        seen = out.clip(0)
    (inner, inner_offset), (outer, outer_offset) = layers[3:]
    hidden = (inner @ seen.ravel() + inner_offset).clip(0)
    return float((outer @ hidden + outer_offset)[0])


def shapes(net: Net) -> list[list[tuple[int, ...]]]:
    return [[weight.shape for weight, _ in layers] for layers in net.members]


def judged(scene: Scene, turned: float, pitch: float) -> float:
    measures = Measures(scene, read_fits(load_models()))
    vars(measures)["pose"] = Pose(turned * YAW_ANSWERED, pitch)
    finding = next(row for row in TABLE if row.name == "face_unobstructed").judge(measures)
    assert finding is not None
    return finding.value


def test_of_a_small_face_less_is_asked_and_of_one_of_a_still_all(scene: Scene, net: Net) -> None:
    own = score(flat(scene.rgb, scene.mesh, net.grid), net)
    for apart, less in ((120.0, 0.0), (100.0, 0.0), (50.0, 6.0), (25.0, 12.0)):
        other = replace(scene)
        vars(other)["eyes_apart"] = apart
        assert judged(other, 0, 0) == pytest.approx(own - less, abs=1e-3)


def test_a_head_turned_too_far_is_not_refused_for_a_cover_as_well(scene: Scene) -> None:
    def value(turned: float, pitch: float) -> float:
        return judged(scene, turned, pitch)

    level = value(0, 0)
    assert value(-12, 12) == level
    assert value(-22.65, 0) == pytest.approx(level - 4)
    assert value(5, 22.9) == pytest.approx(level - 4)


def test_there_is_a_network_for_every_fold_that_has_not_seen_its_people(scene: Scene, net: Net) -> None:
    models, own = load_models(), flat(scene.rgb, scene.mesh, net.grid)
    scores = set()
    for fold in range(FOLDS):
        other = read_net(unseen(models, fold)["cover"])
        assert shapes(other) == shapes(net)
        assert np.array_equal(other.grid.near, net.grid.near)
        scores.add(score(own, other))
    assert len(scores | {score(own, net)}) == FOLDS + 1
