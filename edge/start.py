"""From a configuration to a running daemon: opens keys, ledger, cabin, models, uplink. Nothing is opened elsewhere."""

import asyncio
import logging
import random
import secrets
import signal
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from hw.cabin import Rgb
from hw.door import open_door
from hw.host import HostReader, disk_of

from . import __version__
from .booth import Booth
from .clock import SystemClock
from .config import Config
from .daemon import Daemon
from .deposit import Sealer
from .gate import Gate
from .guide import Guide
from .inputs import Inputs
from .ledger import Ledger
from .picture import Judging
from .portrait import Verdict
from .seal import BoothSigner, load_sealing, load_verify
from .uplink.link import Address, Tls
from .uplink.uplink import Uplink
from .watchdog import Watchdog

log = logging.getLogger("booth")


class OneAtATime:
    """The judge for several threads: a live frame that nobody waits for any more may still be looked at when the still
    comes, and the networks serve one thread at a time."""

    def __init__(self, judge: Judging) -> None:
        self._judge = judge
        self._turn = threading.Lock()

    def look(self, rgb: Rgb, *, live: bool = False, shrunk: int = 1) -> Verdict:
        with self._turn:
            return self._judge.look(rgb, live=live, shrunk=shrunk)

    def portrait(self, rgb: Rgb, verdict: Verdict, *, shrunk: int = 1) -> Rgb:
        with self._turn:
            return self._judge.portrait(rgb, verdict, shrunk=shrunk)


async def run(
    config: Config,
    *,
    connect: Callable[..., sqlite3.Connection] = sqlite3.connect,
    sealing: type[Sealer] = Sealer,
) -> None:
    """Runs the booth until SIGTERM or SIGINT. SealError, LedgerTooNew, DeviceError and OSError as they come.

    `connect` and `sealing` stand in for the disk and the seal where a test or the demo must witness them."""
    from hw.drivers import open_cabin

    from .judge import load_models
    from .portrait import Judge

    watchdog = Watchdog()
    clock = SystemClock(config.booth.clock)
    sealer = sealing(
        BoothSigner.from_file(Path(config.keys.identity)),
        load_sealing(Path(config.keys.vault)),
        load_sealing(Path(config.keys.index)),
    )
    ledger = Ledger(
        Path(config.booth.state_dir) / "ledger.db",
        booth=config.booth.id,
        sealer=sealer,
        clock=clock,
        token_bytes=secrets.token_bytes,
        connect=connect,
    )
    uplink = Uplink(
        config.booth.id,
        broker_address(config),
        ledger.outbox,
        [load_verify(Path(config.keys.fleet))],
        boot=clock.boot_id,
        version=__version__,
        clock=clock.now,
        random=random.Random(secrets.randbits(64)),  # noqa: S311  jitter, no secret
        alert=ledger.alert,
    )
    judge = OneAtATime(Judge(load_models()))
    async with open_cabin(config.cabin) as cabin, open_door(config.cabin) as door:
        host = HostReader(disk_of(Path(config.booth.state_dir)), door=door)
        booth = Booth(config, cabin, ledger, Guide(cabin), judge, clock, Gate(clock.now()), Inputs(), host)
        daemon = asyncio.create_task(Daemon(booth, uplink, watchdog).run())
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, daemon.cancel)
        try:
            await daemon
        except asyncio.CancelledError:
            log.info("stopped")
        finally:
            watchdog.stopping()
            ledger.close()


def broker_address(config: Config) -> Address:
    """The broker that the configuration names."""
    url, broker = urlsplit(config.broker.url), config.broker
    secure = url.scheme == "mqtts"
    tls = Tls(Path(broker.ca or ""), Path(broker.certificate or ""), Path(broker.key or "")) if secure else None
    return Address(url.hostname or "localhost", url.port or (8883 if secure else 1883), tls)
