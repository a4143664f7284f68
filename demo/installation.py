"""A whole installation in one folder, as the field has it on three machines: keys, configurations, the commands to run.

Used by the demo and by the tests that run the real processes.
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from fleet import keys

BOOTH = "demo-1"
PRICE_CENTS = 600
START_S = 30.0

BOOTH_TOML = """\
[booth]
id = "{booth}"
place = "Gare de la Démo, hall 2"
hotline = "0 800 000 000"
operator = "ePhoto Démo"
state_dir = "state"
status_url = "{status_url}"
clock = "assume"

[keys]
identity = "keys/booths/{booth}/key.pem"
vault = "keys/public/vault.pem"
index = "keys/public/index.pem"
fleet = "keys/public/fleet.pem"

[broker]
url = "{broker}"
{broker_tls}
[cabin]
driver = "sim"
socket = "cabin.sock"

[[services]]
id = "driving_licence"
price_cents = {price}
name_fr = "Permis de conduire"
name_en = "Driving licence"

[[services]]
id = "residence_permit"
price_cents = {price}
name_fr = "Titre de séjour"
name_en = "Residence permit"

[visit]
guidance_s = {guidance_s}
result_s = 5.0
thanks_s = 3.0
"""

FLEET_TOML = """\
[mqtt]
url = "{broker}"
{fleet_tls}
[vault]
database = "vault.db"

[keys]
signing = "keys/fleet/signing.pem"
index = ["keys/fleet/index.pem"]
peppers = ["keys/fleet/pepper"]
booths = "keys/fleet/booths"

[api]
ca = "keys/ca/cert.pem"
cert = "keys/fleet/api-cert.pem"
key = "keys/fleet/api-key.pem"
callers = ["prefecture"]
listen = "127.0.0.1:0"

[page]
listen = "127.0.0.1:0"

[visits]
listen = "127.0.0.1:{visits_port}"
"""


class Failed(Exception):
    """A part did not start or ended with an error; the text says which and what it said last."""


class Installation:
    """Keys and configurations under `folder`, for a broker at `url` (mqtt://… or mqtts://…)."""

    def __init__(self, folder: Path, url: str, *, guidance_s: float = 4.0, visits_port: int | None = None) -> None:
        self.folder = folder
        self._processes: list[subprocess.Popen[str]] = []
        self._logs: list[IO[str]] = []
        keys.make(folder / "keys", [BOOTH], [], datetime.now(UTC))
        (folder / "state").mkdir()
        port = visits_port or _free_port()
        tls = url.startswith("mqtts:")
        (folder / "booth.toml").write_text(
            BOOTH_TOML.format(
                booth=BOOTH,
                broker=url,
                price=PRICE_CENTS,
                guidance_s=guidance_s,
                status_url=f"http://127.0.0.1:{port}/visit/",
                broker_tls=_tls(f"keys/booths/{BOOTH}", "certificate", "cert.pem", "key.pem") if tls else "",
            )
        )
        (folder / "fleet.toml").write_text(
            FLEET_TOML.format(
                broker=url,
                visits_port=port,
                fleet_tls=_tls("keys/fleet", "cert", "mqtt-cert.pem", "mqtt-key.pem") if tls else "",
            )
        )

    def start_fleet(self) -> dict[str, Any]:
        """`fleet serve`; answers its addresses once it is ready."""
        command = [sys.executable, "-m", "fleet.cli", "serve", "--config", "fleet.toml", "--json-ready"]
        process = self._start("fleet", command, stdout=subprocess.PIPE)
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise Failed(f"the fleet server did not start: {self._last_words('fleet')}")
        return dict(json.loads(line))

    def start_cabin(self, pictures: Sequence[Path]) -> None:
        """The simulated cabin as a process of its own; the camera shows the first picture."""
        shown = self.folder / "pictures"
        shown.mkdir(exist_ok=True)
        for number, picture in enumerate(pictures):
            (shown / f"{number}{picture.suffix}").write_bytes(picture.read_bytes())
        (self.folder / "papers").mkdir(exist_ok=True)
        self._start("cabin", [sys.executable, "-m", "hw.sim", "--socket", "cabin.sock", "--pictures", "pictures",
                              "--out", "papers", "--seed", "1"])  # fmt: skip

    def start_booth(
        self, program: Sequence[str] = ("-m", "edge.cli", "run", "--config"), **environment: str
    ) -> subprocess.Popen[str]:
        """`booth run`; back when it says READY on systemd's notification socket, or was killed before."""
        path = self.folder / "notify.sock"
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
            notified.bind(str(path))
            notified.settimeout(0.2)
            command = [sys.executable, *program, "booth.toml"]
            process = self._start("booth", command, environment={"NOTIFY_SOCKET": str(path.resolve()), **environment})
            deadline = time.monotonic() + START_S
            while time.monotonic() < deadline:
                try:
                    if b"READY=1" in notified.recv(4096):
                        return process
                except TimeoutError:
                    if process.poll() is not None:
                        break
        if process.poll() is None or process.returncode >= 0:
            raise Failed(f"the booth did not become ready: {self._last_words('booth')}")
        return process

    def stop(self) -> None:
        """Ends every process, the latest first, and waits for it."""
        for process in reversed(self._processes):
            if process.poll() is None:
                process.terminate()
        for process in reversed(self._processes):
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()
        for log in self._logs:
            log.close()

    def redeem(self, code: str, api: str, out: str, *options: str) -> subprocess.CompletedProcess[str]:
        """`fleet redeem` as the administration runs it, with the code on its standard input."""
        command = [sys.executable, "-m", "fleet.cli", "redeem", "--url", api, "--ca", "keys/ca/cert.pem",
                   "--cert", "keys/administration/cert.pem", "--key", "keys/administration/key.pem",
                   "--vault-key", "keys/administration/vault-key.pem",
                   "--booth-cert", f"keys/booths/{BOOTH}/cert.pem", "--out", out, *options]  # fmt: skip
        return subprocess.run(
            command, cwd=self.folder, input=code + "\n", capture_output=True, text=True, timeout=60, check=False
        )

    def _start(
        self, name: str, command: Sequence[str], *, stdout: int | None = None, environment: dict[str, str] | None = None
    ) -> subprocess.Popen[str]:
        log = (self.folder / f"{name}.log").open("a")
        self._logs.append(log)
        process = subprocess.Popen(
            command, cwd=self.folder, env=os.environ | (environment or {}), stdout=stdout or log, stderr=log, text=True
        )
        self._processes.append(process)
        return process

    def _last_words(self, name: str) -> str:
        lines = (self.folder / f"{name}.log").read_text().splitlines()
        return " | ".join(lines[-3:]) or "nothing"


def _tls(folder: str, name: str, certificate: str, key: str) -> str:
    return f'ca = "keys/ca/cert.pem"\n{name} = "{folder}/{certificate}"\nkey = "{folder}/{key}"\n'


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
