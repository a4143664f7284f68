"""Live guidance: one instruction at a time, the most useful first, and the moment to release the shutter.

Pure: verdicts and their times in, a key of the texts out. Must never let an instruction flicker.
"""

from dataclasses import dataclass, field

from .verdict import Reason, Verdict

AFTER_S = 0.4  # a fault must last so long before it is said
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
    _since: dict[str, float] = field(default_factory=dict)
    _said_at: float = float("-inf")
    _well_since: float | None = None
    _clear_since: float | None = None

    def see(self, verdict: Verdict, at_s: float) -> Reason | None:
        """Takes one verdict at its time (s, any steady clock). Returns what to say now, None while there is nothing."""
        failed = {finding.name: finding.reason for finding in verdict.failed if finding.reason is not None}
        self._since = {name: self._since.get(name, at_s) for name in failed}
        self._well_since = (self._well_since if self._well_since is not None else at_s) if verdict.passed else None
        self.ready = self._well_since is not None and at_s - self._well_since >= READY_S
        lasting = [name for name, since in self._since.items() if at_s - since >= AFTER_S]
        wanted = min(lasting, key=_rank) if lasting else None
        said = self.instruction.key.split(".")[1] if self.instruction else None
        if said is not None and said in failed and (wanted is None or wanted == said):
            self.instruction = failed[said]
        elif at_s - self._said_at >= STAYS_S or (said is None and wanted is not None):
            instruction = failed[wanted] if wanted is not None else None
            if instruction != self.instruction:
                self.instruction, self._said_at = instruction, at_s
        return self.instruction


def _rank(name: str) -> int:
    return ORDER.index(name) if name in ORDER else len(ORDER)
