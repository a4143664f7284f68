"""Slows a caller down: a token bucket for each, in memory. Wrong codes cost more. Pure: the time is passed in."""

import math
from dataclasses import dataclass, field


@dataclass
class Buckets:
    """`burst` tokens at first, `per_minute` new ones. Callers are the few names that the configuration allows."""

    burst: int
    per_minute: int
    _left: dict[str, tuple[float, float]] = field(default_factory=dict)

    def wait_s(self, caller: str, now_s: float) -> int:
        """0 where a request is allowed now, else the whole seconds until one is."""
        left = self._now(caller, now_s)
        return 0 if left >= 1 else math.ceil((1 - left) * 60 / self.per_minute)

    def take(self, caller: str, tokens: int, now_s: float) -> None:
        """May go below zero: who tries many wrong codes waits longer."""
        self._left[caller] = (self._now(caller, now_s) - tokens, now_s)

    def _now(self, caller: str, now_s: float) -> float:
        left, at_s = self._left.get(caller, (float(self.burst), now_s))
        return min(float(self.burst), left + (now_s - at_s) * self.per_minute / 60)
