"""The judge: holds the networks and turns a picture into a verdict. Must never keep a picture."""

from collections.abc import Mapping

import numpy as np

from .find import Track, find, follow
from .frame import cut_out, frame
from .measures import Measures, read_fits
from .networks import Networks
from .pixels import RGB
from .requirements import TABLE
from .verdict import Finding, Verdict

CROWN_EVERY = 6  # live frames that share one estimate of head height over T


class Judge:
    """Judges pictures by the norm. Not to be used from two threads at once.

    `models` are the networks and the norm's own figures by name, as `edge.judge.load_models` gives them.
    """

    def __init__(self, models: Mapping[str, bytes], *, threads: int = 1) -> None:
        self._networks = Networks(models, threads)
        self._fits = read_fits(models["norm"])
        self._track = Track()

    def look(self, rgb: RGB, *, live: bool = False, shrunk: int = 1) -> Verdict:
        """The verdict on an H × W × 3 uint8 sRGB picture of any size.

        The same picture gives the same verdict bit for bit. `live` is the cheap way for guidance frames (640 × 480),
        which follows the face from frame to frame. `shrunk`: the array shows the picture at 1/shrunk of its size, and
        the verdict is told in the picture's own pixels. ValueError for an array of another form.
        """
        if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or min(rgb.shape[:2]) < 16:
            raise ValueError(
                f"a picture is H × W × 3 of uint8, at least 16 px wide and high, not {rgb.shape} {rgb.dtype}"
            )
        if live:
            scene, _ = follow(rgb, self._networks, self._track)
        else:
            scene, _ = find(rgb, self._networks, shrunk=shrunk)
        if scene is None:
            self._track = Track() if live else self._track
            return Verdict(None, (TABLE[0].finding(0),), False)
        measures = Measures(scene, self._fits, self._track.crown if live else None)
        if live:
            findings = self._live_findings(measures)
        else:
            judged = (row.judge(measures) for row in TABLE)
            findings = tuple(finding for finding in judged if finding is not None)
        return Verdict(measures.face, findings, all(finding.passed is not False for finding in findings))

    def _live_findings(self, measures: Measures) -> tuple[Finding, ...]:
        """The rows due in this frame judged anew, the others as they were a few frames ago."""
        kept = self._track.findings
        for place, row in enumerate(TABLE):
            # spread over the frames, but what looks at the background goes together: it is laid out once
            turn = 0 if row.name.startswith("background") else place
            if row.every and (row.name not in kept or (self._track.frame + turn) % row.every == 0):
                kept[row.name] = row.judge(measures)
        self._track.crown = measures.crown
        if self._track.frame % CROWN_EVERY == 0:
            self._track.crown = None
        return tuple(finding for finding in kept.values() if finding is not None)

    def portrait(self, rgb: RGB, verdict: Verdict) -> RGB:
        """The framed 35 × 45 mm: 1063 × 827 × 3 at 600 dpi, fewer pixels where the sensor gives fewer (`cut_out`).

        ValueError where the verdict has no face.
        """
        if verdict.face is None:
            raise ValueError("no face was found in this picture: nothing to frame")
        return cut_out(rgb, frame(verdict.face, rgb.shape[1], rgb.shape[0]))
