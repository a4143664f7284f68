"""In the machine: the booth on the disk that loses what was not flushed, its cabin and broker outside.

usage: python -m tests.rig.powercut.guest CABIN_PORT CLOCK_PORT FULL|OFF
What the ledger holds is told to the host, on the port `ledger`, whenever it changes. The booth runs in a time namespace
whose clocks are the cabin's: edges carry the kernel's time, and a cabin's kernel is the booth's own.
"""

import asyncio
import json
import logging
import os
import socket
import sqlite3
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from edge import start
from edge.config import load
from tests.rig.powercut.relay import carry

HOST = "10.0.2.2"  # QEMU's user network: this host's loopback
DATA = Path("/data")
CONFIG = Path("/rig/machine.toml")
PORT = Path("/dev/virtio-ports/ledger")
LOOK_S = 0.3
TOTALS = "SELECT coins_cents, spent_cents, claimed_credit_cents, credit_cents, unclear_coins FROM totals"
WAITING = "SELECT count(*) FROM outbox WHERE quarantined IS NULL"


def call(*command: str) -> None:
    subprocess.run(command, check=True)


def main(cabin_port: str, clock_port: str, synchronous: str) -> int:
    call("modprobe", "virtio_net")
    call("busybox", "ifconfig", "eth0", "10.0.2.15", "netmask", "255.255.255.0", "up")
    DATA.mkdir(exist_ok=True)
    call("mount", "-t", "ext4", "-o", "noatime", "/dev/vdc", str(DATA))
    os.unshare(os.CLONE_NEWTIME)
    ahead = cabin_ahead_ns(int(clock_port))
    lines = (f"{name} {ahead // 10**9} {ahead % 10**9}\n" for name in ("monotonic", "boottime"))
    Path("/proc/self/timens_offsets").write_text("".join(lines))
    # only children live in the new namespace
    return subprocess.run(
        [sys.executable, "-m", __spec__.name, "booth", cabin_port, synchronous], check=False
    ).returncode


def cabin_ahead_ns(clock_port: int) -> int:
    """How far the cabin's CLOCK_MONOTONIC is ahead of ours: asked several times, the quickest answer counts."""
    answers = []
    for _ in range(5):
        with socket.create_connection((HOST, clock_port)) as asked:
            before_ns = time.monotonic_ns()
            asked.sendall(b"?")
            there_ns = int(asked.makefile().readline())
            after_ns = time.monotonic_ns()
            answers.append((after_ns - before_ns, there_ns - (before_ns + after_ns) // 2))
    return min(answers)[1]


async def booth(cabin_port: int, synchronous: str) -> None:
    far = partial(asyncio.open_connection, HOST, cabin_port)
    await asyncio.start_unix_server(lambda *ends: carry(*ends, far), "/run/cabin.sock")
    telling = asyncio.create_task(tell())
    await start.run(load(CONFIG), connect=partial(connect, synchronous))
    telling.cancel()


class Careless(sqlite3.Connection):
    """What a ledger would be that does not wait for the disk: the loop must see it fail."""

    def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:  # type: ignore[override]
        return super().execute(sql.replace("synchronous = FULL", "synchronous = OFF"), *parameters)


def connect(synchronous: str, *args: Any, **kwargs: Any) -> sqlite3.Connection:
    return sqlite3.connect(*args, **kwargs, factory=Careless if synchronous == "OFF" else sqlite3.Connection)


async def tell() -> None:
    """The ledger's sums and its outbox, one line a change."""
    said = ""
    while True:
        now = await asyncio.to_thread(held)
        if now and now != said:
            await asyncio.to_thread(PORT.write_text, now + "\n")
            said = now
        await asyncio.sleep(LOOK_S)


def held() -> str:
    """ "" while the ledger is being made."""
    try:
        db = sqlite3.connect(f"file:{DATA}/ledger.db?mode=ro", uri=True)
        try:
            return json.dumps({"totals": db.execute(TOTALS).fetchone(), "outbox": db.execute(WAITING).fetchone()[0]})
        finally:
            db.close()
    except sqlite3.OperationalError:
        return ""


if __name__ == "__main__":
    if sys.argv[1] == "booth":
        logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
        asyncio.run(booth(int(sys.argv[2]), sys.argv[3]))
    else:
        sys.exit(main(*sys.argv[1:]))
