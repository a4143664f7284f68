"""How the known acceptors speak on their lines: widths, gaps and the coins they tell.

Pure values. Must never hold a figure without its source.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class PulseTable:
    """How one acceptor speaks: lows on its lines, idle is high. Ranges are (least, most) in milliseconds.

    `coins`: line → number of pulses → cents. An acceptor with one line per coin has `{1: cents}` for each line.
    `bounce_ms`: a level that holds no longer than this is contact bounce or a spike. `closing_ms`: so much silence ends
    a train.
    """

    name: str
    pulse_ms: tuple[float, float]
    gap_ms: tuple[float, float]
    closing_ms: float
    bounce_ms: float
    coins: Mapping[str, Mapping[int, int]]

    def __post_init__(self) -> None:
        if not 0 < self.bounce_ms < self.pulse_ms[0] < self.pulse_ms[1]:
            raise ValueError(f"{self.name}: pulses must be longer than the bounce")
        if not self.bounce_ms < self.gap_ms[0] < self.gap_ms[1] < self.closing_ms:
            raise ValueError(f"{self.name}: gaps must be longer than the bounce and shorter than the closing gap")


DG600F = PulseTable(
    # 45 ms ± 20 % [maker's manual]; only odd counts are taught to it, so that one pulse lost or too many is no coin
    name="DG600F",
    pulse_ms=(36, 54),
    gap_ms=(36, 90),
    closing_ms=200,
    bounce_ms=8,
    coins={"coin": {1: 10, 3: 20, 5: 50, 7: 100, 9: 200}},
)
