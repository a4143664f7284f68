"""Power cuts during visits: `python -m tests.rig.powercut --cuts 100 [--synchronous OFF]`.

The booth runs in a machine, its ledger on a disk that loses what was not flushed. Cabin, broker, fleet and the
administration are outside, so that they remember what really happened. Each cut falls on a write of the disk, at a
number that chance draws; then the booth starts again on what is left, and both sides are asked. Status 0: every promise
held at every restart; 1: one was broken (what `--synchronous OFF` must show).
"""

import argparse
import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from demo import broker as brokers
from demo.installation import Installation
from hw.cabin import DeviceError
from hw.sim.bench import Bench, open_bench
from tests.kill.both_sides import BothSides, Totals
from tests.kill.customer import COIN, Customer
from tests.rig import image
from tests.rig.machine import BOOTS, Machine, Running, boot
from tests.rig.powercut.relay import carry
from tests.rig.powercut.volatile_disk import VolatileDisk

ROOT = Path(__file__).parents[3]
DISK_MB = 96
PATIENCE_S = 900.0  # an emulated booth starts in 30 s and judges a still in 10; its machine may wait for a place
SETTLED_LOOK_S = 0.3


class Broken(Exception):
    """A promise was broken, or the booth did not come back."""


class World:
    """All that outlives a power cut: installation, cabin, fleet, and the disk."""

    def __init__(self, folder: Path, installation: Installation, synchronous: str, rng: random.Random) -> None:
        self.folder = folder
        self.installation = installation
        self.machines = 0
        self._synchronous = synchronous
        self._told = folder / "ledger.txt"
        self._told.touch()
        image_file = folder / "disk.img"
        with image_file.open("wb") as file:
            file.truncate(DISK_MB << 20)
        subprocess.run(["mke2fs", "-q", "-t", "ext4", "-m", "0", str(image_file)], check=True)
        self.disk = VolatileDisk(image_file, folder / "disk.sock", rng)

    def boot(self, ports: Sequence[int]) -> tuple[ExitStack, Running]:
        """A booth's machine, booting; the stack is closed once its power is cut."""
        self.machines += 1
        drive = f"file=nbd:unix:{self.folder}/disk.sock,format=raw,cache=writeback"
        machine = Machine(
            systemd=False,
            disks=(drive,),
            ports={"ledger": self._told},
            limit_s=1800,
            host_clock=True,  # the cabin is outside
            more=("-netdev", "user,id=n0,ipv6=off", "-device", "virtio-net-pci,netdev=n0,romfile="),
        )
        self._told.write_text("")
        stack = ExitStack()
        command = f"python -m tests.rig.powercut.guest {ports[0]} {ports[1]} {self._synchronous}"
        log = stack.enter_context((self.folder / "machine.log").open("ab"))
        share = self.installation.folder
        running = stack.enter_context(boot(machine, image.ready(), [command], share=share, stdout=log.fileno()))
        return stack, running

    def told(self) -> tuple[Totals, int] | None:
        """The ledger's sums and the items in its outbox, as the booth of now told them last."""
        lines = self._told.read_text().splitlines()
        if not lines:
            return None
        said = json.loads(lines[-1])
        return Totals(*said["totals"]), said["outbox"]


async def up(world: World, sim: Bench, ports: Sequence[int]) -> tuple[ExitStack, Running]:
    """A machine whose booth has come. Where the emulated kernel fell over it is booted again, as everywhere here."""
    for _ in range(BOOTS):
        stack, running = await asyncio.to_thread(world.boot, ports)
        came = asyncio.create_task(sim.wait("daemon.came", timeout_s=PATIENCE_S))
        while not came.done() and running.process.poll() is None:
            await asyncio.wait({came}, timeout=SETTLED_LOOK_S)
        if came.done() and came.exception() is None:
            return stack, running
        came.cancel()
        console = running.console()
        stack.close()
        if "Kernel panic" not in console:
            break
        print("the emulated kernel fell over; booting again", flush=True)
    raise Broken(f"the booth did not come: {last_words(world)}; the machine's console: {console}")


async def settled(world: World, running: Running) -> Totals:
    """The ledger's sums once everything has reached the fleet."""
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        said = world.told()
        if said is not None and said[1] == 0:
            return said[0]
        if running.process.poll() is not None:
            raise Broken(f"the booth ended by itself: {last_words(world)}")
        await asyncio.sleep(SETTLED_LOOK_S)  # the machine's ledger tells by a file
    raise Broken(f"the outbox is not empty after {PATIENCE_S:.0f} s: {world.told()}; {last_words(world)}")


def last_words(world: World) -> str:
    lines = (world.folder / "machine.log").read_text(errors="replace").splitlines()
    return " | ".join(lines[-4:])


async def loop(
    world: World, sim: Bench, api: str, ports: Sequence[int], cuts: int, careless: bool, rng: random.Random
) -> int:
    """`cuts` power cuts, each during a visit; answers how many promises were seen broken (it stops at the first)."""
    sides, lost_cents, done, writes_a_visit = BothSides(world.installation, sim, api, slow_link=True), 0, 0, 0
    stack = ExitStack()
    try:
        stack, running = await up(world, sim, ports)
        await sim.wait_view("door", timeout_s=PATIENCE_S)
        while done < cuts:
            begun_s, before = time.monotonic(), world.disk.writes
            cutting = writes_a_visit > 0  # the first visit is undisturbed, and counts the writes
            at = rng.randint(1, writes_a_visit) if cutting else 0
            if cutting:
                world.disk.arm(at)
            customer = Customer(sim, world.installation.folder, patience_s=PATIENCE_S, comes_in=True)
            visiting = asyncio.create_task(customer.visit())
            cut = asyncio.create_task(asyncio.to_thread(world.disk.cut_now.wait, PATIENCE_S if cutting else 0))
            await asyncio.wait({visiting, cut} if cutting else {visiting}, return_when=asyncio.FIRST_COMPLETED)
            story = "no cut"
            if world.disk.cut_now.is_set() or (cutting and careless):
                await asyncio.to_thread(running.cut)
                stack.close()
                what = world.disk.cut()
                story = (
                    f"cut at write {at}: of {what.writes} unflushed writes {what.kept} pieces kept, {what.lost} lost"
                )
                await cut
                stack, running = await up(world, sim, ports)
                done += 1
            else:
                world.disk.disarm()
            end = await visiting
            if end != "door":
                await sim.wait_view("door", timeout_s=PATIENCE_S)
            now = await settled(world, running)
            story = f"{done}/{cuts} {story}; the customer saw {end}"
            missing_cents, heard_missing_cents = await sides.check(now, story)
            if heard_missing_cents > 0:
                raise Broken(f"{story}: {heard_missing_cents} cents whose whole signal was heard are nowhere")
            if missing_cents > lost_cents + (COIN if "cut at" in story else 0):
                raise Broken(f"{story}: {missing_cents - lost_cents} cents were lost")
            lost_cents = max(lost_cents, missing_cents)
            if "no cut" in story and end == "take_ticket":  # the newest whole visit: the first writes most
                writes_a_visit = max(1, world.disk.writes - before)
                story += f"; {writes_a_visit} writes of the disk in a visit"
            print(f"{story}; {time.monotonic() - begun_s:.0f} s", flush=True)
    except (AssertionError, Broken, DeviceError, TimeoutError) as error:
        print(f"BROKEN {done}/{cuts}: {error}", flush=True)
        return 1
    finally:
        stack.close()
        world.disk.cut_now.set()  # whatever still waits for a cut has none to wait for
    print(
        f"{cuts} cuts, {now.spent_cents // COIN} tickets, {now.claimed_cents // COIN} claims, "
        f"{now.unclear_coins} unclear coins, {lost_cents // COIN} coins lost before their first edge was durable; "
        "all promises held",
        flush=True,
    )
    return 0


async def run(folder: Path, installation: Installation, said: argparse.Namespace) -> int:
    rng = random.Random(said.seed)
    fleet = installation.start_fleet()
    installation.start_cabin([ROOT / "demo" / "pictures" / "good.jpg"])
    world = World(folder, installation, said.synchronous, rng)
    socket = installation.folder / "cabin.sock"
    cabin = await asyncio.start_server(
        lambda *ends: carry(*ends, lambda: asyncio.open_unix_connection(str(socket))), "127.0.0.1", 0
    )
    clock = await asyncio.start_server(tell_time, "127.0.0.1", 0)
    ports = [server.sockets[0].getsockname()[1] for server in (cabin, clock)]
    async with cabin, clock, open_bench(socket) as sim:
        return await loop(world, sim, fleet["api"], ports, said.cuts, said.synchronous == "OFF", rng)


async def tell_time(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The cabin's clock, for the machine."""
    await reader.readexactly(1)
    writer.write(b"%d\n" % time.monotonic_ns())
    await writer.drain()
    writer.close()


def configure(installation: Installation, broker_url: str) -> None:
    """The machine's own configuration: state on the disk that is cut, broker and cabin outside."""
    toml = (installation.folder / "booth.toml").read_text()
    for old, new in (
        ("price_cents = 600", f"price_cents = {COIN}"),
        ("thanks_s = 3.0", "thanks_s = 0.2"),
        ('state_dir = "state"', 'state_dir = "/data"'),
        ('socket = "cabin.sock"', 'socket = "/run/cabin.sock"'),
        (broker_url, broker_url.replace("127.0.0.1", "10.0.2.2")),
    ):
        assert old in toml, f"{old} is not in the demo's configuration any more"
        toml = toml.replace(old, new)
    (installation.folder / "machine.toml").write_text(toml + "idle_s = 20.0\n[gate]\ndisk_free_mb = 10\n")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.rig.powercut", description=__doc__)
    parser.add_argument("--cuts", type=int, default=5)
    parser.add_argument("--synchronous", choices=["FULL", "OFF"], default="FULL", help="OFF must be seen to fail")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="keep everything here (else it is thrown away)")
    said = parser.parse_args()
    with ExitStack() as made:
        folder = said.folder or Path(made.enter_context(tempfile.TemporaryDirectory(prefix="ephoto-powercut-")))
        folder.mkdir(parents=True, exist_ok=True)
        broker = made.enter_context(brokers.start(brokers.available()[0], folder / "broker"))
        installation = Installation(folder / "i", broker.url, guidance_s=1.0)
        made.callback(installation.stop)
        configure(installation, broker.url)
        return asyncio.run(run(folder, installation, said))


if __name__ == "__main__":
    sys.exit(main())
