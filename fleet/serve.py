"""`fleet serve`: receiver, redemption API, pages and erasure in one process. Dies whole when a part of it fails.

Works without the vault's private key: no line of this process reads it.
"""

import asyncio
import logging
import signal
import sqlite3
import ssl
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import msgspec
from aiohttp import web

from edge.seal import SealError

from . import keyring, pages
from .api import Api, server_context
from .buckets import Buckets
from .config import Config
from .erasure import erase_due
from .keyring import Keyring
from .pepper import PepperError
from .receiver import Broker, Receiver
from .store import StoreError, StoreThread

log = logging.getLogger(__name__)

ERASE_EVERY_S = 60.0
BROKER_AWAITED_S = 10.0
"""The ready line waits this long for the broker; without it the API serves all the same."""


class CannotServe(Exception):
    """Why it does not start or had to end."""


@dataclass(frozen=True)
class Ready:
    """Where it listens. `mqtt`: whether the broker has taken the subscriptions yet."""

    api: str
    page: str
    visits: str
    broker: str
    mqtt: str

    def line(self, *, as_json: bool) -> str:
        if as_json:
            return msgspec.json.encode(self).decode()
        return (
            f"ready: redemption {self.api}, booths {self.page}, visits {self.visits}, broker {self.broker} {self.mqtt}"
        )


@dataclass(frozen=True)
class _Parts:
    """What was opened and proven usable, before anything listens."""

    keys: Keyring
    tls: ssl.SSLContext
    store: StoreThread
    receiver: Receiver


def clock() -> datetime:
    return datetime.now(UTC)


def opened(config: Config, failed: Callable[[str], None]) -> _Parts:
    """Reads every key and opens the database. CannotServe names what cannot be used."""
    tables = config.tables
    try:
        keys = keyring.load(
            config.path(tables.keys.signing),
            config.paths(tables.keys.index),
            config.paths(tables.keys.peppers),
            config.path(tables.keys.booths),
        )
        tls = server_context(config.path(tables.api.ca), config.path(tables.api.cert), config.path(tables.api.key))
        database = config.path(tables.vault.database)
        receiver = Receiver(
            _broker(config),
            database,
            keys,
            unfinished_bytes=tables.vault.unfinished_mb_per_booth * 1_000_000,
            version=version("ephoto-booth"),
            clock=clock,
            failed=failed,
        )
        return _Parts(keys, tls, StoreThread(database), receiver)
    except (SealError, PepperError, StoreError, sqlite3.Error, OSError) as error:
        raise CannotServe(str(error)) from None


async def serve(config: Config, *, json_ready: bool) -> None:
    """Until SIGTERM or SIGINT. CannotServe where it cannot start or go on."""
    loop = asyncio.get_running_loop()
    over: asyncio.Future[str] = loop.create_future()

    def end(why: str) -> None:
        if not over.done():
            over.set_result(why)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end, "")
    parts = opened(config, lambda why: _tell(loop, end, why))
    tables, store = config.tables, parts.store
    api = Api(
        store=store,
        keyring=parts.keys,
        callers=tuple(tables.api.callers),
        buckets=Buckets(tables.api.burst, tables.api.per_minute),
        clock=clock,
        monotonic_s=time.monotonic,
    )
    operator = pages.operator_app(store, parts.keys.booths, clock)
    visits = pages.visits_app(store, tables.visits.contact, clock)
    try:
        async with (
            _listening(api.app(), tables.api.listen, parts.tls) as api_at,
            _listening(operator, tables.page.listen) as page_at,
            _listening(visits, tables.visits.listen) as visits_at,
        ):
            parts.receiver.start()
            subscribed = await asyncio.to_thread(parts.receiver.subscribed.wait, BROKER_AWAITED_S)
            ready = Ready(api_at, page_at, visits_at, tables.mqtt.url, "connected" if subscribed else "connecting")
            print(ready.line(as_json=json_ready), flush=True)
            async with asyncio.TaskGroup() as tasks:
                erasing = tasks.create_task(_erase(store))
                why = await over
                erasing.cancel()
            await asyncio.to_thread(parts.receiver.stop)
    finally:
        store.close()
    if why:
        raise CannotServe(why)


def run(config: Config, *, json_ready: bool) -> int:
    """The exit status."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    try:
        asyncio.run(serve(config, json_ready=json_ready))
    except CannotServe as error:
        print(f"fleet serve: {error}", file=sys.stderr)
        return 1
    return 0


def check(config: Config) -> int:
    """Opens everything that `run` would open, and nothing listens. The exit status."""
    try:
        opened(config, failed=lambda _why: None).store.close()
    except CannotServe as error:
        print(f"fleet serve: {error}", file=sys.stderr)
        return 1
    print("The configuration, the keys and the database can be used.")
    return 0


async def _erase(store: StoreThread) -> None:
    while True:
        done = await store.ask(lambda db: erase_due(db, clock()))
        if done.expired or done.deposits or done.rows:
            log.info("expired=%d erased_deposits=%d dropped_rows=%d", done.expired, done.deposits, done.rows)
        await asyncio.sleep(ERASE_EVERY_S)


@asynccontextmanager
async def _listening(app: web.Application, listen: str, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Serves `app` on host:port and yields its URL with the port it really has. CannotServe where it cannot listen."""
    host, port = listen.rsplit(":", 1)
    # no access log: who may redeem and what came of it is logged by the API itself, a URL never is
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host.strip("[]"), int(port), ssl_context=tls)
        try:
            await site.start()
        except OSError as error:
            raise CannotServe(f"cannot listen on {listen}: {error.strerror}") from None
        bound = runner.addresses[0][1]
        yield f"{'https' if tls else 'http'}://{host}:{bound}"
    finally:
        await runner.cleanup()


def _tell(loop: asyncio.AbstractEventLoop, end: Callable[[str], None], why: str) -> None:
    """From the receiver's thread into the loop."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(end, why)


def _broker(config: Config) -> Broker:
    def path(text: str | None) -> Path | None:
        return None if text is None else config.path(text)

    mqtt = config.tables.mqtt
    return Broker(mqtt.url, path(mqtt.ca), path(mqtt.cert), path(mqtt.key))
