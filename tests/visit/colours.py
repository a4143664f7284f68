"""A judge of plain colours, for what real pictures cannot make at will: each colour has its verdict and its worth."""

from typing import Any

import numpy as np

from edge.portrait import Verdict
from edge.portrait.verdict import Face, Finding, Reason

KINDS: dict[int, tuple[str, ...]] = {
    10: (),
    60: ("eyes_open",),
    110: ("eyes_open", "gaze"),
    160: ("exposure", "eyes_open"),
    210: ("one_face",),
}
"""Red of the picture → findings that fail. `one_face`: nobody is there."""
BODY = ("eyes_open", "gaze")
REASONS = {
    "eyes_open": Reason("norm.eyes_open.low"),
    "gaze": Reason("norm.gaze.high"),
    "exposure": Reason("norm.exposure.low"),
    "one_face": Reason("norm.one_face.low"),
}


def plain(red: int, worth: int = 90) -> Any:
    return np.full((450, 350, 3), (red, worth, 30), np.uint8)


WELL, EYES_SHUT, EYES_AND_GAZE, TOO_DARK, NOBODY = (plain(red) for red in KINDS)


class ColourJudge:
    """edge.portrait.Judge for plain colours; counts what it looked at."""

    def __init__(self) -> None:
        self.looked = 0

    def look(self, rgb: Any, *, live: bool = False, shrunk: int = 1) -> Verdict:
        self.looked += 1
        red, green, _ = (int(value) for value in rgb[rgb.shape[0] // 2, rgb.shape[1] // 2])
        failed = KINDS[red]
        findings = tuple(
            Finding(name, 0.0, "", 0.5, None, 0, False, REASONS[name], name in BODY) for name in failed
        ) or (Finding("eyes_open", 1.0, "", 0.5, None, green, True, None, True),)
        face = Face(((0, 0), (1, 0)), (0, 1), (0, -1), 1.0, 1.0, 0.0, 0.0, 0.0, np.zeros((1, 2)))
        return Verdict(None if "one_face" in failed else face, findings, not failed)

    def portrait(self, rgb: Any, verdict: Verdict, *, shrunk: int = 1) -> Any:
        return np.ascontiguousarray(rgb[:450, :350])
