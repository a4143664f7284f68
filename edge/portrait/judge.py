"""The judge: holds the networks and turns a picture into a verdict. Must never keep a picture."""

from collections.abc import Mapping
from io import BytesIO

import numpy as np

from .find import find
from .frame import cut_out, frame
from .measures import Measures
from .networks import Networks
from .pixels import RGB
from .requirements import TABLE
from .verdict import Verdict


class Judge:
    """Judges pictures by the norm. Not to be used from two threads at once.

    `models` are the networks and the norm's own figures by name, as `edge.judge.load_models` gives them.
    """

    def __init__(self, models: Mapping[str, bytes], *, threads: int = 1) -> None:
        self._networks = Networks(models, threads)
        with np.load(BytesIO(models["norm"])) as own:
            self._reference = np.asarray(own["reference"], np.float64)

    def look(self, rgb: RGB, *, live: bool = False) -> Verdict:
        """The verdict on an H × W × 3 uint8 sRGB picture of any size; `live` is the cheap way for guidance frames.

        The same picture gives the same verdict bit for bit. ValueError for an array of another form.
        """
        if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or min(rgb.shape[:2]) < 16:
            raise ValueError(
                f"a picture is H × W × 3 of uint8, at least 16 px wide and high, not {rgb.shape} {rgb.dtype}"
            )
        scene, _ = find(rgb, self._networks, live=live)
        if scene is None:
            return Verdict(None, (TABLE[0].finding(0),), False)
        measures = Measures(scene, self._reference)
        rows = (row.judge(measures) for row in TABLE if row.live or not live)
        findings = tuple(finding for finding in rows if finding is not None)
        return Verdict(measures.face, findings, all(finding.passed is not False for finding in findings))

    def portrait(self, rgb: RGB, verdict: Verdict) -> RGB:
        """The framed 35 × 45 mm: 1063 × 827 × 3 at 600 dpi, fewer pixels where the sensor gives fewer (`cut_out`).

        ValueError where the verdict has no face.
        """
        if verdict.face is None:
            raise ValueError("no face was found in this picture: nothing to frame")
        return cut_out(rgb, frame(verdict.face, rgb.shape[1], rgb.shape[0]))
