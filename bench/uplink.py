"""What a bad link costs: commit to receipt and bytes sent for one deposit, on a good link and on one that is cut.

    python -m bench.uplink [--rounds 3]

A real broker and the real uplink with its real delays; the link is a proxy on loopback at the speed of a poor 4G. The
fleet's side is the tests' receiver. Bounded: at most CUTS cuts a deposit, about a minute for three rounds.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from demo.broker import Broker, available, start
from edge.uplink.link import Address
from edge.uplink.uplink import Pace
from fleet import keys as fleet_keys
from tests.broker.booth import booth
from tests.broker.outbox import Keys, MemoryOutbox
from tests.broker.proxy import Proxy
from tests.broker.receiver import Receiver

DEPOSIT_BYTES = 300_000
BYTES_PER_S = 30_000.0
CUT_AFTER_S = 5.5
CUTS = 12


@dataclass(frozen=True)
class Cost:
    seconds: float
    bytes_up: int
    cuts: int


async def one(broker: Broker, keys: Keys, *, bytes_per_s: float, cut_after_s: float | None) -> Cost:
    """One deposit from its commit to its receipt, on a link that is up."""
    loop = asyncio.get_running_loop()
    fleet = Receiver(Address("127.0.0.1", broker.port), keys)
    await fleet.start()
    try:
        outbox = MemoryOutbox(keys, "lyon-03")
        proxy = Proxy(broker.port, bytes_per_s=bytes_per_s, cut_after_s=cut_after_s, cuts=CUTS)
        async with proxy as link, booth(Address("127.0.0.1", link.port), keys, outbox, pace=Pace()):
            await fleet.until(lambda: bool(fleet.health))
            began_s, before = loop.time(), link.up_bytes
            outbox.deposit(os.urandom(DEPOSIT_BYTES))
            await outbox.empty()
            return Cost(loop.time() - began_s, link.up_bytes - before, link.cuts)
    finally:
        fleet.stop()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    kind = available()[0]
    print(f"{DEPOSIT_BYTES} bytes, median of {rounds} rounds, {kind} on loopback")
    print(f"{'link':<34}{'commit→receipt':>16}{'bytes':>10}{'per byte':>10}{'cuts':>6}")
    medians: list[Cost] = []
    for name, speed, cut in (
        ("loopback", 0.0, None),
        (f"good, {BYTES_PER_S / 1000:.0f} kB/s", BYTES_PER_S, None),
        (f"same, cut every {CUT_AFTER_S} s", BYTES_PER_S, CUT_AFTER_S),
    ):
        costs: list[Cost] = []
        for _ in range(rounds):
            with tempfile.TemporaryDirectory() as folder, start(kind, Path(folder) / "broker") as broker:
                fleet_keys.make(Path(folder) / "keys", ["lyon-03"], [], datetime.now(UTC))
                costs.append(asyncio.run(one(broker, Keys(Path(folder) / "keys"), bytes_per_s=speed, cut_after_s=cut)))
        cost = Cost(
            statistics.median(each.seconds for each in costs),
            int(statistics.median(each.bytes_up for each in costs)),
            int(statistics.median(each.cuts for each in costs)),
        )
        medians.append(cost)
        print(
            f"{name:<34}{cost.seconds:>14.2f} s{cost.bytes_up:>10}{cost.bytes_up / DEPOSIT_BYTES:>9.3f}×{cost.cuts:>6}"
        )
    _, good, bad = medians
    print(f"the cut link: {bad.seconds / good.seconds:.2f}× the time, {bad.bytes_up / good.bytes_up:.2f}× the bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
