"""Before it takes money: one table of named conditions, each with its value and since when. Pure bookkeeping.

The coin acceptor is enabled only while all hold. "Not known" is not "well": `None` closes the gate like False.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

CONDITIONS = (
    "camera", "printer", "paper", "lights", "pen", "coins", "panel", "disk", "outbox", "ledger", "clock", "enabled",
)  # fmt: skip
"""`printer` answers and is well; `paper` is known to be there; `enabled`: not disabled by its fleet (no command for it
is defined yet)."""

FIGURES = re.compile(r"[0-9][0-9.,]*")
"""What changes in a reason from look to look: seconds, megabytes."""


@dataclass(frozen=True)
class Condition:
    """`ok` None: not known. `why` is for a technician, in English, without personal data."""

    ok: bool | None
    why: str
    since: datetime


class Gate:
    def __init__(self, now: datetime) -> None:
        self.table: dict[str, Condition] = {name: Condition(None, "not looked at yet", now) for name in CONDITIONS}
        self._told: dict[str, set[str]] = {name: set() for name in CONDITIONS}  # reasons, without their figures

    @property
    def open(self) -> bool:
        return all(condition.ok is True for condition in self.table.values())

    @property
    def closed_by(self) -> tuple[str, ...]:
        """Names of the conditions that do not hold, in the table's order."""
        return tuple(name for name, condition in self.table.items() if condition.ok is not True)

    def update(self, seen: Mapping[str, tuple[bool | None, str]], now: datetime) -> bool:
        """Takes new values; a condition keeps its `since` while its value stays. True where a value changed."""
        changed = False
        for name, (ok, why) in seen.items():
            old = self.table[name]
            if old.ok is not ok:
                self.table[name] = Condition(ok, why, now)
                changed = True
            elif old.why != why:
                self.table[name] = Condition(ok, why, old.since)
        return changed

    def news(self) -> Iterator[tuple[str, Condition]]:
        """What was not told by an earlier call: each reason for which a condition does not hold, once until the
        condition holds again, then that. It is asked every second and may not hold for days."""
        for name, condition in self.table.items():
            told, reason = self._told[name], FIGURES.sub("", condition.why)
            if condition.ok is True and told:
                told.clear()
                yield name, condition
            elif condition.ok is not True and reason not in told:
                told.add(reason)
                yield name, condition

    def flat(self, now: datetime) -> dict[str, object]:
        """The heart of the health report: `gate_open`, `gate_<name>_ok`; where it holds `…_s`, for how many seconds;
        where it does not, `…_since` and `…_why`."""
        out: dict[str, object] = {"gate_open": self.open}
        for name, condition in self.table.items():
            out[f"gate_{name}_ok"] = condition.ok
            if condition.ok is True:
                out[f"gate_{name}_s"] = max(0, round((now - condition.since).total_seconds()))
            else:
                out[f"gate_{name}_since"] = condition.since.isoformat(timespec="seconds").replace("+00:00", "Z")
                out[f"gate_{name}_why"] = condition.why
        return out
