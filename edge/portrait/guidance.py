"""Live guidance: one instruction at a time, the most useful first, and the moment to release the shutter.

Pure: verdicts and their times in, a key of the texts out. Must never let an instruction flicker.
"""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from .verdict import Reason, Verdict

AFTER_S = 0.4  # a fault must last so long before it is said
BACK_S = 2.0  # one that comes and goes is told by what was seen so far back,
OFTEN = 0.25  # in which share of it: two blinks are less
STAYS_S = 1.2  # and an instruction stays so long before another takes its place
READY_S = 0.8  # all must be well for so long before the shutter is released
# what helps most first: without a face nothing can be said, without room no pose can be judged
ORDER = (
    "one_face", "inter_eye_distance", "head_size", "margins", "exposure", "even_light", "roll", "yaw", "pitch", "gaze",
    "eyes_open", "mouth_closed", "expression",
)  # fmt: skip


@dataclass
class Guidance:
    """Fed with live verdicts; tells the instruction of the moment."""

    instruction: Reason | None = None
    ready: bool = False
    _reasons: dict[str, Reason] = field(default_factory=dict)
    _since: dict[str, float] = field(default_factory=dict)
    _failed_at: dict[str, float] = field(default_factory=dict)
    _seen: deque[tuple[float, frozenset[str]]] = field(default_factory=deque)
    _said_at: float = float("-inf")
    _well_since: float | None = None
    _well_lately: bool = False

    def see(self, verdict: Verdict, at_s: float) -> Reason | None:
        """Takes one verdict at its time (s, any steady clock). Returns what to say now, None while there is nothing."""
        failed = {finding.name: finding.reason for finding in verdict.failed if finding.reason is not None}
        self._reasons |= failed
        self._since = {name: self._since.get(name, at_s) for name in failed}
        self._failed_at |= dict.fromkeys(failed, at_s)
        self._seen.append((at_s, frozenset(failed)))
        while len(self._seen) > 1 and self._seen[1][0] <= at_s - BACK_S:
            self._seen.popleft()
        self._well_since = (self._well_since if self._well_since is not None else at_s) if verdict.passed else None
        self._well_lately = verdict.passed or (self._well_lately and not self._lasting(at_s))
        self.ready = self._well_since is not None and at_s - self._well_since >= READY_S
        self._say(self._wanted(failed, at_s), at_s)
        return self.instruction

    @property
    def line(self) -> Reason:
        """What the customer reads: the instruction; without one praise, but only of what was seen to be well."""
        calm = "ready" if self.ready else "hold" if self._well_lately else "look"
        return self.instruction or Reason(f"norm.live.{calm}")

    def _lasting(self, at_s: float) -> list[str]:
        """The faults that have lasted, or come again and again and were just there."""
        whole = self._seen[0][0] <= at_s - BACK_S
        times = Counter(name for _, names in self._seen for name in names) if whole else Counter[str]()
        often = [
            name
            for name, count in times.items()
            if count >= OFTEN * len(self._seen) and at_s - self._failed_at[name] < AFTER_S
        ]
        return [*(name for name, since in self._since.items() if at_s - since >= AFTER_S), *often]

    def _wanted(self, failed: Mapping[str, Reason], at_s: float) -> Reason | None:
        """The most useful of the faults that have lasted; without one what is said already, while it still fails."""
        lasting = self._lasting(at_s)
        if lasting:
            return self._reasons[min(lasting, key=_rank)]
        return failed.get(self.instruction.key.split(".")[1]) if self.instruction is not None else None

    def _say(self, wanted: Reason | None, at_s: float) -> None:
        said = self.instruction
        if said is not None and wanted is not None and said.key == wanted.key:
            self.instruction = wanted
        elif wanted != said and (said is None or at_s - self._said_at >= STAYS_S):
            self.instruction, self._said_at = wanted, at_s


def _rank(name: str) -> int:
    return ORDER.index(name) if name in ORDER else len(ORDER)
