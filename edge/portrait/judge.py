"""The judge: holds the networks and turns a picture into a verdict. Must never keep a picture."""

import ctypes
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from .find import Scene, Track, find, follow
from .frame import cut_out, frame
from .measures import Measures, read_fits
from .networks import Networks
from .pixels import RGB
from .requirements import TABLE, Requirement
from .threads import beside
from .verdict import Finding, Verdict

LEAST_PX = 16  # of a picture's width and height: nothing smaller can be looked at


class Judge:
    """Judges pictures by the norm. Not to be used from two threads at once.

    `models` are the networks and the norm's own figures by name, as `edge.judge.load_models` gives them.
    """

    def __init__(self, models: Mapping[str, bytes], *, threads: int = 1) -> None:
        _keep_freed_blocks()
        self._networks = Networks(models, threads)
        self._fits = read_fits(models)
        self._track = Track()

    def look(self, rgb: RGB, *, live: bool = False, shrunk: int = 1) -> Verdict:
        """The verdict on an H × W × 3 uint8 sRGB picture of any size.

        The same picture gives the same verdict bit for bit. `live` is the cheap way for guidance frames (640 × 480),
        which follows the face from frame to frame. `shrunk`: the array shows the picture at 1/shrunk of its size, and
        the verdict is told in the picture's own pixels. ValueError for an array of another form.
        """
        if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or min(rgb.shape[:2]) < LEAST_PX:
            raise ValueError(
                f"a picture is H × W × 3 of uint8, at least {LEAST_PX} px wide and high, not {rgb.shape} {rgb.dtype}"
            )
        scene = follow(rgb, self._networks, self._track) if live else find(rgb, self._networks, shrunk=shrunk)
        if scene is None:
            self._track = Track() if live else self._track
            return Verdict(None, (TABLE[0].finding(0),), False)
        if live:
            return self._live_verdict(scene)
        measures = Measures(scene, self._fits)
        with beside(lambda: {row.name: row.judge(measures) for row in _BESIDE}) as theirs:
            judged = {row.name: row.judge(measures) for row in _MEANWHILE}
            judged |= theirs.result()
        return _verdict(measures, (judged[row.name] for row in TABLE))

    def _live_verdict(self, scene: Scene) -> Verdict:
        """The rows due in this frame judged anew, the others as they were a few frames ago."""
        track = self._track
        kept = track.findings
        due = _DUE[track.frame % len(_DUE)] if kept else _LIVE
        crown = None if any(row.name == "head_height" for row in due) else track.crown
        measures = Measures(scene, self._fits, crown)
        for row in due:
            kept[row.name] = row.judge(measures)
        track.crown = measures.crown
        return _verdict(measures, kept.values())

    def portrait(self, rgb: RGB, verdict: Verdict, *, shrunk: int = 1) -> RGB:
        """The framed 35 × 45 mm: 1063 × 827 × 3 at 600 dpi, fewer pixels where the sensor gives fewer (`cut_out`).

        `shrunk` as in `look`. ValueError where the verdict has no face.
        """
        if verdict.face is None:
            raise ValueError("no face was found in this picture: nothing to frame")
        return cut_out(rgb, frame(verdict.face, rgb.shape[1] * shrunk, rgb.shape[0] * shrunk).shrunk(shrunk))


def _keep_freed_blocks() -> None:
    """Lets the process keep up to 32 MB of freed memory for the next picture.

    By itself glibc gives a freed picture's pages back at once and takes them again zeroed: 4,400 page faults for each
    still, 17 of 76 ms. Where the C library has no such switch nothing is done.
    """
    trim_threshold, mmap_threshold = -1, -3  # mallopt(3)
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(mmap_threshold, 16 << 20)
        mallopt(trim_threshold, 32 << 20)


def _verdict(measures: Measures, judged: Iterable[Finding | None]) -> Verdict:
    findings = tuple(finding for finding in judged if finding is not None)
    return Verdict(measures.face, findings, all(finding.passed is not False for finding in findings))


def _in_turns(rows: Sequence[Requirement]) -> tuple[tuple[Requirement, ...], ...]:
    """The rows due in each frame of a round: the quick ones in all, of the others one a frame.

    What looks at the background goes together: it is laid out once.
    """
    slow: dict[str, list[Requirement]] = {}
    for row in rows:
        if row.every > 1:
            slow.setdefault("background" if row.name.startswith("background") else row.name, []).append(row)
    return tuple(tuple(row for row in rows if row.every == 1 or row in turn) for turn in slow.values())


# What is measured beside the rest: about half of the work, and nothing that the other half needs as well. First what
# looks at the person mask (the background, the crown, the frame laid by it), then one that looks at pixels of its own.
_BESIDE = tuple(
    row
    for row in TABLE
    if row.name.startswith("background") or row.name in ("margins", "head_height", "resolution", "glasses")
)
_MEANWHILE = tuple(row for row in TABLE if row not in _BESIDE)
_LIVE = tuple(row for row in TABLE if row.every)
_DUE = _in_turns(_LIVE)
