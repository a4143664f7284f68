"""How the known acceptors speak on their lines: widths, gaps and the coins they tell.

Pure values. Must never hold a figure without its source; where a manual gives none, the limits are wide and say so.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations


@dataclass(frozen=True)
class PulseTable:
    """How one acceptor speaks: lows on its lines, idle is high. Ranges are (least, most) in milliseconds.

    `coins`: line → number of pulses → cents. An acceptor with one line per coin has `{1: cents}` for each line.
    `bounce_ms`: a level that holds no longer than this is contact bounce or a spike. `closing_ms`: so much silence ends
    a train. `line_pulse_ms`: the width on a line that has its own. `alarm_line`: a line that tells no coin but an
    attempted fraud, after which nothing is taken for `alarm_s`. `alarm_all_low`: all coin lines low mean the same.
    """

    name: str
    pulse_ms: tuple[float, float]
    gap_ms: tuple[float, float]
    closing_ms: float
    bounce_ms: float
    coins: Mapping[str, Mapping[int, int]]
    line_pulse_ms: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    alarm_line: str | None = None
    alarm_s: float = 30.0
    alarm_all_low: bool = False

    def __post_init__(self) -> None:
        for least, most in (self.pulse_ms, *self.line_pulse_ms.values()):
            if not 0 < self.bounce_ms < least < most:
                raise ValueError(f"{self.name}: pulses must be longer than the bounce")
        if not self.bounce_ms < self.gap_ms[0] < self.gap_ms[1] < self.closing_ms:
            raise ValueError(f"{self.name}: gaps must be longer than the bounce and shorter than the closing gap")
        (pulse, pulse_most), (gap, gap_most) = self.pulse_ms, self.gap_ms
        if any(max(its) > 1 for its in self.coins.values()):
            if gap_most >= 2 * gap + pulse or pulse_most >= 2 * pulse + gap:
                raise ValueError(f"{self.name}: so wide that a pulse lost between two others would not show")
            if self.closing_ms <= pulse_most + gap_most:
                raise ValueError(
                    f"{self.name}: the closing gap must be longer than a pulse and a gap together, or the rest of a "
                    "coin whose beginning nobody heard could be taken for a smaller one"
                )
        for (one, first), (other, second) in combinations(self.line_pulse_ms.items(), 2):
            if first[0] <= second[1] and second[0] <= first[1]:
                raise ValueError(f"{self.name}: the widths of lines {one} and {other} overlap")

    def width_ms(self, line: str) -> tuple[float, float]:
        """(least, most) of a pulse on this line."""
        return self.line_pulse_ms.get(line, self.pulse_ms)


# Only odd counts are taught to acceptors that can be taught, so that one pulse lost or too many is no coin.
ODD_COUNTS = {"coin": {1: 10, 3: 20, 5: 50, 7: 100, 9: 200}}


def _taught(name: str, width_ms: float) -> PulseTable:
    """An acceptor whose pulses are `width_ms` ± 20 %; its gaps are of the same order (no manual says them)."""
    return PulseTable(
        name=name,
        pulse_ms=(0.8 * width_ms, 1.2 * width_ms),
        gap_ms=(0.8 * width_ms, 2 * width_ms),
        closing_ms=max(100, round(4.5 * width_ms, -1)),
        bounce_ms=8,
        coins=ODD_COUNTS,
    )


DG600F = _taught("DG600F", 45)  # NPN output, 25/45/65/100 ms ± 20 % (parameter A2) [maker's manual, 4.3]

_TABLES = (
    DG600F,
    _taught("DG600F 25 ms", 25),
    _taught("DG600F 65 ms", 65),
    _taught("DG600F 100 ms", 100),
    # 20/50/100 ms by a switch [Instructables, deconinck.info]; no tolerance is told, 20 % is taken
    _taught("CH-926 20 ms", 20),
    _taught("CH-926 50 ms", 50),
    _taught("CH-926 100 ms", 100),
    # 100 ms and 200 ms between, typical, both can be programmed [AL55/66 manual 4.2]; ± 20 % is taken
    PulseTable("AL55/66 totalizer", (80, 120), (160, 240), closing_ms=450, bounce_ms=8, coins={}),
    # One line per coin, active low; the string line blocks for 30 s [G-13.mft manual]. Its impulse length is ordered
    # with the device: wide limits, since the width tells nothing where each line is one coin.
    PulseTable("NRI G-13", (40, 550), (15, 30), closing_ms=40, bounce_ms=8, coins={}, alarm_line="string"),
    # One line per coin, low; all lines low are an alarm. No width is told: wide limits.
    PulseTable("SR3 type 2", (40, 550), (15, 30), closing_ms=40, bounce_ms=8, coins={}, alarm_all_low=True),
    # 40 ms, +0 −2 %, on channel 1, 20 ms more on each further one, so that swapped wires show [RM5 manual 8.4]
    PulseTable(
        "RM5 AT",
        (35, 145),
        (15, 30),
        closing_ms=40,
        bounce_ms=3,
        coins={},
        line_pulse_ms={str(line): (20 + 20 * line - 6, 20 + 20 * line + 6) for line in range(1, 7)},
    ),
)
MODELS: Mapping[str, PulseTable] = {table.name: table for table in _TABLES}
"""The acceptors by the name that the configuration gives; one without coins must be told which it was ordered with."""
