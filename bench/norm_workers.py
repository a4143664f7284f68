"""Pictures of the norm's bench judged by as many processes as processors, each person by their own fold's judge.

Never part of a booth.
"""

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

from bench.norm_cover import unseen
from bench.norm_defects import DEFECTS
from bench.norm_limits import FOLDS, fold_of
from edge.judge import load_models
from edge.picture import judge_picture
from edge.portrait import Judge, Verdict
from edge.portrait.pixels import RGB
from edge.portrait.verdict import Face

Key = tuple[str, float]
"""A defect's name and its grade."""

_judges: list[Judge] = []  # of a worker's own process: one for each fold, which has not seen its people


@dataclass(frozen=True, eq=False)
class Job:
    """One person's picture, and which defects are to be made in it; with none it is judged as it is."""

    name: str
    fold: int
    rgb: RGB
    face: Face | None = None
    keys: tuple[Key, ...] = ()


def _load() -> None:
    models = load_models()
    _judges[:] = [Judge(unseen(models, fold)) for fold in range(FOLDS)]


def _judged(job: Job) -> list[Verdict]:
    judge = _judges[job.fold]
    if job.face is None:
        return [judge_picture(judge, job.rgb)]
    makes = {defect.name: defect.make for defect in DEFECTS}
    return [judge_picture(judge, makes[name](job.rgb, job.face, grade)) for name, grade in job.keys]


class Workers:
    """Judges on every processor; what it answers comes in the order it was asked in. Close it with `with`."""

    def __init__(self, order: list[str]) -> None:
        """`order`: the sorted ids of all people, which say who is in which fold."""
        self._order = order
        # threads and networks of this process must not be forked
        self._pool = ProcessPoolExecutor(os.cpu_count(), get_context("spawn"), _load)

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def look(self, pictures: Mapping[str, RGB]) -> Iterator[tuple[str, Verdict]]:
        """Each person's picture, judged."""
        jobs = [Job(name, fold_of(name, self._order), rgb) for name, rgb in pictures.items()]
        for job, verdicts in zip(jobs, self._pool.map(_judged, jobs), strict=True):
            yield job.name, verdicts[0]

    def defects(
        self, clean: Mapping[str, RGB], faces: Mapping[str, Face], asked: Mapping[str, tuple[Key, ...]]
    ) -> Iterator[tuple[str, dict[Key, Verdict]]]:
        """Of each person the defects that are asked, made in the clean picture and judged."""
        jobs = [Job(name, fold_of(name, self._order), clean[name], faces[name], keys) for name, keys in asked.items()]
        for job, verdicts in zip(jobs, self._pool.map(_judged, jobs), strict=True):
            yield job.name, dict(zip(job.keys, verdicts, strict=True))
