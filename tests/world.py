"""A whole booth in the test's process: simulated cabin, real drivers, ledger and judge, on a clock the test owns.

`async with world(tmp_path) as w:` starts the daemon; `w.sim` is the bench, `w.customer` does what a customer does.
`w.kill()` and `await w.restart()` are a SIGKILL and systemd. The uplink is left out: the outbox is looked at instead.
"""

import asyncio
import contextlib
import random
import sqlite3
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec, x25519

from edge import messages as m
from edge.booth import Booth
from edge.config import Config, convert
from edge.daemon import Daemon
from edge.deposit import Sealer
from edge.fields import overlay
from edge.gate import Gate
from edge.guide import Guide
from edge.inputs import Inputs
from edge.judge import load_models
from edge.ledger import Ledger
from edge.picture import Judging
from edge.portrait import Judge, Verdict
from edge.seal import BoothSigner, Envelope, unb64, unseal
from edge.watchdog import Watchdog
from hw.cabin import DeviceMissing
from hw.none import NoCoins, NoLights, NoPanel
from hw.sim.cabin import PAD_MM, SimCabin

PICTURES = Path(__file__).parent.parent / "demo" / "pictures"
GOOD, BAD = PICTURES / "good.jpg", PICTURES / "bad-smile.jpg"
PRICE_CENTS = 600
READING_S = 0.5
"""Before a tap: a tap is no answer to what nobody can have read yet."""


class CachedJudge:
    """The real judge, each picture judged once in the whole test run: the same picture gives the same verdict."""

    def __init__(self) -> None:
        self._judge = Judge(load_models())
        self._seen: dict[tuple[bytes, bool, int], Verdict] = {}
        self._portraits: dict[tuple[bytes, int], Any] = {}

    def look(self, rgb: Any, *, live: bool = False, shrunk: int = 1) -> Verdict:
        key = (rgb[::31, ::29].tobytes(), live, shrunk)
        if key not in self._seen:
            self._seen[key] = self._judge.look(rgb, live=live, shrunk=shrunk)
        return self._seen[key]

    def portrait(self, rgb: Any, verdict: Verdict, *, shrunk: int = 1) -> Any:
        key = (rgb[::31, ::29].tobytes(), shrunk)
        if key not in self._portraits:
            self._portraits[key] = self._judge.portrait(rgb, verdict, shrunk=shrunk)
        return self._portraits[key]


@cache
def judge() -> CachedJudge:
    return CachedJudge()


class TestClock:
    """The loop's time as calendar and boot time. `boot_id` changes with `reboot()`."""

    __test__ = False

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._start = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
        self._boots = 1
        self._booted_s = self._loop.time()
        self.is_trusted = True

    @property
    def boot_id(self) -> str:
        return f"boot-{self._boots}"

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._loop.time() - 1000)

    def boottime_s(self) -> float:
        return self._loop.time() - self._booted_s

    def trusted(self) -> bool:
        return self.is_trusted

    def reboot(self) -> None:
        self._boots += 1
        self._booted_s = self._loop.time()


class SilentUplink:
    """Takes health reports and sends nothing: these tests look into the outbox."""

    online = False

    def __init__(self) -> None:
        self.reports: list[Any] = []

    def health(self, report: Any) -> None:
        self.reports.append(report)

    async def run(self) -> None:
        await asyncio.get_running_loop().create_future()


@cache
def keys() -> tuple[ec.EllipticCurvePrivateKey, x25519.X25519PrivateKey, x25519.X25519PrivateKey]:
    """(booth identity, vault, index) of the test run."""
    return (
        ec.generate_private_key(ec.SECP256R1()),
        x25519.X25519PrivateKey.generate(),
        x25519.X25519PrivateKey.generate(),
    )


def sealer() -> Sealer:
    identity, vault, index = keys()
    return Sealer(BoothSigner(identity), vault.public_key(), index.public_key())


def config(folder: Path, price_cents: int = PRICE_CENTS, **visit: Any) -> Config:
    return convert(
        {
            "booth": {"id": "test-1", "place": "Gare de Test", "hotline": "0 800 000 000", "state_dir": str(folder),
                      "clock": "assume"},
            "keys": {"identity": "-", "vault": "-", "index": "-", "fleet": "-"},
            "broker": {"url": "mqtt://localhost:1"},
            "cabin": {"driver": "sim", "socket": "-"},
            "services": [
                {"id": "driving_licence", "price_cents": price_cents, "name_fr": "Permis de conduire",
                 "name_en": "Driving licence"},
                {"id": "residence_permit", "price_cents": 800, "name_fr": "Titre de séjour",
                 "name_en": "Residence permit"},
            ],
            "visit": visit,
            "gate": {"disk_free_mb": 10},
        }
    )  # fmt: skip


class Customer:
    """What a customer does, by the names of the fields."""

    def __init__(self, sim: SimCabin, config: Config) -> None:
        self._sim = sim
        self.fields = overlay([s.id for s in config.services], *PAD_MM, config.fields)

    async def tap(self, name: str, *, at_once: bool = False) -> None:
        """Reads first, unless `at_once`."""
        await asyncio.sleep(0 if at_once else READING_S)
        box = self.fields[name]
        await self._sim.pen.tap(box.x_mm + box.width_mm / 2, box.y_mm + box.height_mm / 2)

    async def sign(self) -> None:
        box = self.fields["signature"]
        await self._sim.pen.sign(box.x_mm + 3, box.y_mm + 3, box.width_mm - 6, box.height_mm - 6)

    async def pay(self, *coins: int) -> None:
        for cents in coins:
            await self._sim.coins.insert(cents)

    async def to_paid(self, *coins: int) -> None:
        """From the door to the shots."""
        await self._sim.wait_view("door")
        await self.tap("service.driving_licence")
        await self._sim.wait_view("pay")
        await self._sim.wait("coins.enabled")
        await self.pay(*(coins or (200, 200, 200)))

    async def to_commit(self, *coins: int) -> None:
        """A whole visit of somebody who does all right, to the `yes` that commits."""
        await self.to_paid(*coins)
        await self.from_shots()

    async def from_shots(self) -> None:
        await self._sim.wait_view("accepted")
        await self.tap("yes")
        await self._sim.wait_view("sign")
        await self.sign()
        await self.tap("yes")
        await self._sim.wait_view("confirm")
        await self.tap("yes")


class World:
    def __init__(
        self,
        folder: Path,
        config: Config,
        seed: int,
        pictures: list[Any],
        panel: bool,
        connect: Callable[..., sqlite3.Connection],
        judging: Judging | None,
        absent: frozenset[str],
    ) -> None:
        self.rng = random.Random(seed)
        self.folder = folder
        self.config = config
        self.clock = TestClock()
        self.sim = SimCabin(random.Random(seed + 1), pictures=pictures, panel=panel)
        self.customer = Customer(self.sim, config)
        self.uplink = SilentUplink()
        self.ledger: Ledger
        self.booth: Booth
        self._connect = connect
        self._absent = absent
        self._judging: Judging = judging or judge()
        self._task: asyncio.Task[None] | None = None

    def open_ledger(self) -> Ledger:
        return Ledger(
            self.folder / "ledger.db",
            booth=self.config.booth.id,
            sealer=sealer(),
            clock=self.clock,
            token_bytes=self.rng.randbytes,
            connect=self._connect,
        )

    async def start(self) -> None:
        self.ledger = self.open_ledger()
        none: dict[str, Any] = {"coins": NoCoins, "lights": NoLights, "panel": NoPanel}
        cabin = replace(self.sim.cabin, **{name: none[name]() for name in self._absent})
        self.booth = Booth(
            self.config, cabin, self.ledger, Guide(cabin), self._judging, self.clock,
            Gate(self.clock.now()), Inputs(),
        )  # fmt: skip
        self._task = asyncio.create_task(Daemon(self.booth, self.uplink, Watchdog()).run())  # type: ignore[arg-type]

    async def kill(self) -> BaseException | None:
        """SIGKILL: nothing of the daemon runs any more, what it had not committed is gone. Answers what it died of."""
        assert self._task is not None
        self.sim.kill()
        with contextlib.suppress(sqlite3.Error):
            self.ledger.close()  # a task that was about to go on writes nothing more
        self._task.cancel()
        (result,) = await asyncio.gather(self._task, return_exceptions=True)
        self._task = None
        return result if isinstance(result, BaseException) and not _of_the_kill(result) else None

    async def restart(self) -> None:
        self.sim.connect()
        await self.start()

    @property
    def running(self) -> bool:
        return self._task is not None

    @property
    def task(self) -> "asyncio.Task[None]":
        assert self._task is not None, "the daemon runs"
        return self._task

    # --- what the fleet would see ------------------------------------------------------------------------------

    def events(self) -> list[m.Event]:
        return [
            m.decode(m.Event, m.decode(m.Signed, item.signed).signed)
            for item in self.ledger.outbox.waiting(limit=10_000)
            if item.kind == "event"
        ]

    def data(self, kind: type) -> list[Any]:
        return [event.data for event in self.events() if isinstance(event.data, kind)]

    def deposits(self) -> list[m.VaultContent]:
        """Every deposit that waits, opened with the vault's private key."""
        found = []
        for item in self.ledger.outbox.waiting(limit=10_000):
            if item.kind == "deposit":
                manifest = m.decode(m.Manifest, m.decode(m.Signed, item.signed).signed)
                plain = unseal(Envelope(manifest.header, self.ledger.outbox.sealed(item.id)), keys()[1])
                found.append(msgspec.msgpack.decode(plain, type=m.VaultContent))
                unseal(Envelope(manifest.index_header, unb64(manifest.index)), keys()[2])
        return found


def _of_the_kill(error: BaseException) -> bool:
    """A task that was about to go on when the kill came finds devices and ledger gone before it is cancelled."""
    if isinstance(error, BaseExceptionGroup):
        return all(_of_the_kill(inner) for inner in error.exceptions)
    if isinstance(error, sqlite3.ProgrammingError):
        return "closed database" in str(error)
    return isinstance(error, DeviceMissing) and "this daemon was killed" in str(error)


@contextlib.asynccontextmanager
async def world(
    folder: Path,
    *,
    seed: int = 1,
    pictures: list[Any] | None = None,
    panel: bool = True,
    connect: Callable[..., sqlite3.Connection] = sqlite3.connect,
    judging: Judging | None = None,
    price_cents: int = PRICE_CENTS,
    absent: frozenset[str] = frozenset(),
    **visit: Any,
) -> AsyncIterator[World]:
    w = World(folder, config(folder, price_cents, **visit), seed, pictures or [GOOD], panel, connect, judging, absent)
    await w.start()
    try:
        yield w
    finally:
        died_of = await w.kill() if w.running else None
        if died_of is not None and not isinstance(died_of, asyncio.CancelledError):
            raise died_of
