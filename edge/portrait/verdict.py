"""What a judged picture is told as: face, findings, verdict. Values only; must never hold a picture."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from .pixels import Points

HEAD_MM = 34.0  # crown to chin on the portrait (FR: 32 to 36)


@dataclass(frozen=True)
class Reason:
    """Why a finding failed and what the customer can do: a key of the texts `norm.*.toml` and its places."""

    key: str
    params: Mapping[str, float | int | str] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """One requirement of the norm as measured: raw value, limits in effect, score 0…100, passed or not.

    `passed`, `low` and `high` are None where the value is only reported; `reason` is None unless it failed.
    """

    name: str
    value: float
    unit: str
    low: float | None
    high: float | None
    score: int
    passed: bool | None
    reason: Reason | None
    overridable: bool = False


@dataclass(frozen=True, eq=False)
class Face:
    """Where the head is, in pixels of the picture. The first eye is the one on the picture's left.

    `crown_uncertainty_mm` is half the 90 % band, on a head framed to 34 mm. Angles in degrees: yaw and gaze grow to the
    picture's right, pitch upwards, roll clockwise as seen.
    """

    eyes_px: tuple[tuple[float, float], tuple[float, float]]
    chin_px: tuple[float, float]
    crown_px: tuple[float, float]
    crown_uncertainty_mm: float
    mm_per_px: float
    yaw: float
    pitch: float
    roll: float
    mesh_px: Points

    @property
    def middle_px(self) -> tuple[float, float]:
        """The midpoint of the eyes."""
        (ax, ay), (bx, by) = self.eyes_px
        return (ax + bx) / 2, (ay + by) / 2


@dataclass(frozen=True, eq=False)
class Verdict:
    """All findings of one picture. `face` is None where none was found; then the picture has not passed."""

    face: Face | None
    findings: tuple[Finding, ...]
    passed: bool

    @property
    def failed(self) -> tuple[Finding, ...]:
        """The findings that refuse the picture, in the table's order (most useful first)."""
        return tuple(finding for finding in self.findings if finding.passed is False)

    @property
    def overridable(self) -> bool:
        """Whether every failed finding is one that a body may be unable to meet (design.md, "Shots")."""
        return all(finding.overridable for finding in self.failed)

    def __getitem__(self, name: str) -> Finding:
        """The finding of that name. KeyError where it was not judged."""
        for finding in self.findings:
            if finding.name == name:
                return finding
        raise KeyError(name)
