"""The photo norm: finds the face, judges it, frames it. Pure: arrays in, verdict and portrait out; no file, no loop.

`Judge(models).look(rgb)` answers a `Verdict`; `Judge.portrait(rgb, verdict)` cuts the 35 × 45 mm out of the picture.
"""

from .guidance import Guidance
from .judge import LEAST_PX, Judge
from .requirements import TABLE, Requirement
from .verdict import Face, Finding, Reason, Verdict

__all__ = ["LEAST_PX", "TABLE", "Face", "Finding", "Guidance", "Judge", "Reason", "Requirement", "Verdict"]
