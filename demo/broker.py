"""A real MQTT broker on loopback for the demo and the tests: mosquitto where it is installed, else iotcore's wheel.

Runs it as a process of its own on a free port, with the field's own configuration from provisioning/broker. Never
listens on another address than 127.0.0.1.
"""

import os
import pwd
import shutil
import socket
import string
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Literal

Kind = Literal["mosquitto", "iotcore"]
CONFIG = Path(__file__).resolve().parent.parent / "provisioning" / "broker"
HOST = "127.0.0.1"
MAX_PACKET_BYTES = 128 * 1024
START_S = 10.0
"""A broker is up in 0.1 s here; a Pi under load takes longer."""


class NoBroker(Exception):
    """The broker cannot be had or did not come up. The text says why, with the last lines of its log."""


@dataclass(frozen=True)
class BrokerTls:
    """PEM files: `ca` signs the clients' and the broker's certificates; `certificate` names 127.0.0.1 or localhost."""

    ca: Path
    certificate: Path
    key: Path


def available() -> list[Kind]:
    """The brokers that can be started here, the preferred one first."""
    kinds: list[Kind] = []
    if _mosquitto() is not None:
        kinds.append("mosquitto")
    if find_spec("iotcore") is not None:
        kinds.append("iotcore")
    return kinds


class Broker:
    """One running broker. `kill` is a power cut; `restart` brings it back on the same port with the same folder."""

    def __init__(self, kind: Kind, folder: Path, port: int, tls: BrokerTls | None, max_packet_bytes: int) -> None:
        self.kind, self.folder, self.port, self.tls = kind, folder, port, tls
        self.host = HOST
        self._max_packet_bytes = max_packet_bytes
        self._process: subprocess.Popen[bytes] | None = None
        self._log = folder / "broker.log"

    @property
    def url(self) -> str:
        return f"{'mqtts' if self.tls else 'mqtt'}://{self.host}:{self.port}"

    def start(self) -> None:
        """Returns once it takes connections. NoBroker where it ends before or takes longer than START_S."""
        command = self._mosquitto() if self.kind == "mosquitto" else self._iotcore()
        if _answers(self.host, self.port):
            raise NoBroker(f"port {self.port} is taken: something answers there already")
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        for _ in range(int(START_S / 0.02)):
            if _answers(self.host, self.port):
                return
            try:
                code = self._process.wait(0.02)  # waits between two tries, and sees it die
            except subprocess.TimeoutExpired:
                continue
            raise NoBroker(f"{self.kind} ended with status {code} at its start: {self._last_words()}")
        self.kill()
        raise NoBroker(f"{self.kind} takes no connection on port {self.port} after {START_S:.0f} s")

    def stop(self) -> None:
        """Ends it in order; a second call does nothing."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def kill(self) -> None:
        """Ends it at once (SIGKILL)."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def __enter__(self) -> "Broker":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _mosquitto(self) -> list[str]:
        program = _mosquitto()
        if program is None:
            raise NoBroker("mosquitto is not installed: apt install mosquitto")
        values = {
            "port": str(self.port),
            "listen": self.host,
            "data": str(self.folder),
            "log_dest": "stderr",
            "max_packet_bytes": str(self._max_packet_bytes),
            "acl": str(CONFIG / "acl"),
        }
        text = (CONFIG / "mosquitto.conf").read_text()
        if self.tls is None:
            text += "listener $port $listen\nallow_anonymous true\n"
        else:
            text += (CONFIG / "listener.conf").read_text()
            values |= {"ca": str(self.tls.ca), "certificate": str(self.tls.certificate), "key": str(self.tls.key)}
        # started by root it would become the user `mosquitto`, who can read nothing here
        text += f"user {pwd.getpwuid(os.geteuid()).pw_name}\n"
        config = self.folder / "mosquitto.conf"
        config.write_text(string.Template(text).substitute(values))
        return [program, "-c", str(config)]

    def _iotcore(self) -> list[str]:
        if find_spec("iotcore") is None:
            raise NoBroker("iotcore is not installed: it comes with the extra `demo`")
        if self.tls is not None:
            raise NoBroker("iotcore is started without TLS here: it has no access list by certificate")
        config = self.folder / "iotcore.toml"
        config.write_text(
            "id = 0\n"
            "[router]\nid = 0\nmax_connections = 1000\nmax_outgoing_packet_count = 200\n"
            "max_segment_size = 104857600\nmax_segment_count = 10\n"
            f'[v5.1]\nname = "v5"\nlisten = "{self.host}:{self.port}"\nnext_connection_delay_ms = 1\n'
            "[v5.1.connections]\nconnection_timeout_ms = 10000\nmax_inflight_count = 200\n"
            f"max_payload_size = {self._max_packet_bytes}\n"
        )
        return [sys.executable, "-m", "iotcore", "--config", str(config), "--log-level", "ERROR"]

    def _last_words(self) -> str:
        return " / ".join(self._log.read_text(errors="replace").splitlines()[-3:])


def start(
    kind: Kind,
    folder: Path,
    *,
    port: int = 0,
    tls: BrokerTls | None = None,
    max_packet_bytes: int = MAX_PACKET_BYTES,
) -> Broker:
    """A running broker, to be used in a `with`; it keeps its files in `folder`, and `port` 0 picks a free one.

    NoBroker where it cannot be had or does not start.
    """
    folder.mkdir(parents=True, exist_ok=True)
    broker = Broker(kind, folder, port or free_port(), tls, max_packet_bytes)
    broker.start()
    return broker


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.create_server((HOST, 0)) as server:
        return int(server.getsockname()[1])


def _mosquitto() -> str | None:
    # Debian puts it where only root's PATH looks
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


def _answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False
