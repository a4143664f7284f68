"""Coin pulses of 20 ms on eight GPIO lines, all cores loaded, the loop stalled now and then: none lost, none twice.

    python -m bench.devices coins --pulses 100000 [--state FILE]     # in the rig, as root; FILE lets it be continued

Eight acceptors in one process, each with a line of its own, since two lines low at once are never one coin. The
generator says when it played each edge. A train that it played within the table's limits must be heard as its coin; one
that it spoilt itself (the machine under it stood still) must leave a trace. The limits are wide, since an emulated
machine stands still for longer than any real one, and narrow enough that a pulse which vanished whole shows.
"""

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import os
import random
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from bench.devices._pulses import CPU
from hw.cabin import Coin, CoinAcceptor, CoinEvent, TrainOpened, UnclearCoin
from hw.coins.gpio import open_coins
from hw.settings import OwnTable, PulseCoins

COUNTS = {1: 10, 3: 20, 5: 50, 7: 100, 9: 200}
TABLE = OwnTable(pulse_ms=(16, 45), gap_ms=(16, 45), closing_ms=120, bounce_ms=4)
TAUGHT = {"coin": {str(count): cents for count, cents in COUNTS.items()}}
LINES = range(1, 9)
ENABLE = 16  # and the seven after it
ROUND = 2000  # pulses
WIDTH_MS = 20
MARGIN_MS = 1.0  # between the generator's write and the kernel's stamp


@dataclass
class Totals:
    pulses: int = 0
    trains: int = 0
    exact: int = 0
    unclear: int = 0  # played well and reported as unclear: edges that the kernel lost or merged
    lost: int = 0
    doubled: int = 0
    part: int = 0  # a smaller coin, the rest reported as unclear
    wrong: int = 0
    spoilt: int = 0  # by the generator; each left a trace
    spoilt_silently: int = 0
    stalled_s: float = 0.0
    rounds: int = 0

    def add(self, other: "Totals") -> None:
        for name, value in asdict(other).items():
            setattr(self, name, getattr(self, name) + value)


@dataclass
class Train:
    line: int
    count: int
    edges_ns: list[int]
    played: list[tuple[int, int]] = field(default_factory=list)

    def well_played(self) -> bool:
        """Every width and gap within the table's limits, whenever in its write each edge happened."""
        for number, (one, other) in enumerate(pairwise(self.played)):
            least, most = TABLE.pulse_ms if number % 2 == 0 else TABLE.gap_ms
            if (other[0] - one[1]) / 1e6 < least + MARGIN_MS or (other[1] - one[0]) / 1e6 > most - MARGIN_MS:
                return False
        return True


def plan(rng: random.Random, pulses: int, start_ns: int) -> list[Train]:
    """Trains on every line, coin after coin, all lines at once."""
    trains: list[Train] = []
    for line in LINES:
        at_ns = start_ns + rng.randrange(100_000_000)
        left = pulses // len(LINES)
        while left > 0:
            count = min(rng.choice(list(COUNTS)), max(c for c in COUNTS if c <= left))
            left -= count
            edges = [at_ns + step * WIDTH_MS * 1_000_000 for step in range(2 * count)]
            trains.append(Train(line, count, edges))
            at_ns = edges[-1] + rng.randrange(200, 300) * 1_000_000  # silence that ends a train for sure
    return trains


async def play(chip: Any, trains: list[Train]) -> None:
    """Returns when all is played; each train knows then when its edges were."""
    edges = sorted(
        (at_ns, number, step) for number, train in enumerate(trains) for step, at_ns in enumerate(train.edges_ns)
    )
    told = "".join(f"{at_ns} {trains[number].line - 1} {step % 2}\n" for at_ns, number, step in edges)
    player = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.devices._pulses", *(str(chip.pull_file(line)) for line in LINES),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, _ = await player.communicate(told.encode())
    if player.returncode:
        raise RuntimeError(f"the generator failed: {player.returncode}")
    for (_, number, _step), line in zip(edges, said.decode().splitlines(), strict=True):
        before_ns, after_ns = map(int, line.split())
        trains[number].played.append((before_ns, after_ns))


async def stall(rng: random.Random) -> float:
    """Stops the loop at random, up to 2.5 s at once; until cancelled."""
    stalled_s = 0.0
    try:
        while True:
            await asyncio.sleep(rng.uniform(0.5, 3))
            for_s = rng.choice((0.05, 0.2, 1.0, 2.5))
            time.sleep(for_s)  # noqa: ASYNC251 -- the point of it
            stalled_s += for_s
    except asyncio.CancelledError:
        return stalled_s


async def listen(coins: CoinAcceptor, into: list[CoinEvent]) -> None:
    async for event in coins.events():
        into.append(event)


def judge(trains: list[Train], heard: dict[int, list[CoinEvent]]) -> Totals:
    """What became of each train: its events lie between its first edge and the next train's."""
    totals = Totals(rounds=1, trains=len(trains), pulses=sum(train.count for train in trains))
    for line in LINES:
        mine = [train for train in trains if train.line == line]
        ends_ns = [after.played[0][0] for after in mine[1:]] + [2**63]
        for train, end_ns in zip(mine, ends_ns, strict=True):
            events = [
                event
                for event in heard[line]
                if train.played[0][0] <= event.at_ns < end_ns and not isinstance(event, TrainOpened)
            ]
            coins = [event.cents for event in events if isinstance(event, Coin)]
            if not train.well_played():
                totals.spoilt += bool(events)
                totals.spoilt_silently += not events
            elif coins == [COUNTS[train.count]] and len(events) == 1:
                totals.exact += 1
            elif len(coins) > 1:
                totals.doubled += 1
            elif coins and coins[0] < COUNTS[train.count] and len(events) > 1:
                totals.part += 1
            elif coins:
                totals.wrong += 1
                print(f"line {line}: {train.count} pulses played {train.played}, heard {events}")
            elif any(isinstance(event, UnclearCoin) for event in events):
                totals.unclear += 1
            else:
                totals.lost += 1
    return totals


async def one_round(chip: Any, coins: dict[int, CoinAcceptor], rng: random.Random, pulses: int) -> Totals:
    heard: dict[int, list[CoinEvent]] = {line: [] for line in LINES}
    listening = [asyncio.create_task(listen(coins[line], heard[line])) for line in LINES]
    stalling = asyncio.create_task(stall(rng))
    trains = plan(rng, pulses, time.monotonic_ns() + 3_000_000_000)
    await play(chip, trains)
    stalling.cancel()
    stalled_s = await stalling
    async with asyncio.timeout(60):  # until the last trains are ended
        while any(_open(events) for events in heard.values()):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    await asyncio.sleep(1)
    for task in listening:
        task.cancel()
    totals = judge(trains, heard)
    totals.stalled_s = stalled_s
    return totals


def _open(events: list[CoinEvent]) -> bool:
    opened = sum(isinstance(event, TrainOpened) for event in events)
    return 2 * opened != len(events)


def _gather_interrupts() -> None:
    """The lines' interrupt threads onto the generator's processor: an emulated machine's other one may stand still
    while this one plays on, as no real machine's does."""
    for process in Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):
            if process.read_text().startswith("irq/"):
                os.sched_setaffinity(int(process.parent.name), {CPU})
                print(process.read_text().strip(), os.sched_getaffinity(int(process.parent.name)))


def _burn() -> None:
    while True:
        pass


async def endure(totals: Totals, pulses: int, seed: int, keep: Callable[[Totals], object]) -> None:
    """Rounds until `totals` has so many pulses; `keep` is called after each."""
    from tests.rig.bench.gpio import SimulatedChip, pretend_pi

    pretend_pi()
    chip = SimulatedChip("pinctrl-rp1", 32)
    load = [multiprocessing.Process(target=_burn, daemon=True) for _ in range(multiprocessing.cpu_count())]
    for burner in load:
        burner.start()
    try:
        async with contextlib.AsyncExitStack() as opened:
            coins = {}
            for line in LINES:
                chip.pull(line, True)
                pins = {"lines": {"coin": line}, "enable_pin": ENABLE + line - 1}
                chosen = PulseCoins(table=TABLE, coins=TAUGHT, **pins)
                coins[line] = await opened.enter_async_context(open_coins(chosen))
                if coins[line].status().why:
                    raise SystemExit(coins[line].status().why)
            _gather_interrupts()
            while totals.pulses < pulses:
                began_s = time.monotonic()
                rng = random.Random(seed + totals.rounds)
                done = await one_round(chip, coins, rng, ROUND)
                totals.add(done)
                print(
                    f"round {totals.rounds}: {done.pulses} pulses in {done.trains} trains, {done.exact} exact, "
                    f"{done.unclear} unclear, {done.part} in part, {done.lost} lost, {done.doubled} doubled, "
                    f"{done.wrong} wrong, "
                    f"{done.spoilt} spoilt by the generator, {done.spoilt_silently} of that kind silent; "
                    f"loop stalled {done.stalled_s:.1f} of {time.monotonic() - began_s:.0f} s",
                    flush=True,
                )
                keep(totals)
    finally:
        for burner in load:
            burner.terminate()
        chip.close()


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.devices coins", description=__doc__)
    parser.add_argument("--pulses", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, help=f"instead of --pulses; a round is {ROUND} pulses")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--state", type=Path, help="totals so far; continued where they stand")
    said = parser.parse_args(arguments)
    totals = Totals()
    if said.state is not None and said.state.exists():
        totals = Totals(**json.loads(said.state.read_text()))

    def keep(so_far: Totals) -> None:
        if said.state is not None:
            said.state.write_text(json.dumps(asdict(so_far)))

    asyncio.run(endure(totals, totals.pulses + said.rounds * ROUND if said.rounds else said.pulses, said.seed, keep))
    print()
    for name, value in asdict(totals).items():
        print(f"{name:16}{value:>10}" if isinstance(value, int) else f"{name:16}{value:>10.1f}")
    return 1 if totals.lost or totals.doubled or totals.wrong or totals.spoilt_silently else 0
