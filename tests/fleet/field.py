"""`fleet serve` as a process beside a real broker, and a booth's bare connection to it."""

import json
import queue
import select
import signal
import ssl
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from demo.broker import Broker
from edge.messages import Receipt

from .booth import Booth, Made

PATIENCE_S = 20.0
FLEET = [sys.executable, "-m", "fleet.cli"]


@dataclass
class Served:
    """One `fleet serve` in `folder`. `keys` lacks the administration's part: it is out of this process's reach."""

    folder: Path
    keys: Path
    broker: Broker
    process: subprocess.Popen[str] | None = None
    ready: dict[str, str] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        return self.folder / "fleet.toml"

    @property
    def database(self) -> Path:
        return self.folder / "fleet.db"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def configure(self) -> None:
        tls = f'ca = "{self.keys}/ca/cert.pem"\n'
        mqtt_tls = f'cert = "{self.keys}/fleet/mqtt-cert.pem"\nkey = "{self.keys}/fleet/mqtt-key.pem"\n'
        self.config.write_text(
            f'[mqtt]\nurl = "{self.broker.url}"\n{tls + mqtt_tls if self.broker.tls else ""}'
            '[vault]\ndatabase = "fleet.db"\n'
            f'[keys]\nsigning = "{self.keys}/fleet/signing.pem"\nindex = ["{self.keys}/fleet/index.pem"]\n'
            f'peppers = ["{self.keys}/fleet/pepper"]\nbooths = "{self.keys}/fleet/booths"\n'
            f'[api]\nlisten = "127.0.0.1:0"\n{tls}cert = "{self.keys}/fleet/api-cert.pem"\n'
            f'key = "{self.keys}/fleet/api-key.pem"\ncallers = ["prefecture"]\n'
            '[page]\nlisten = "127.0.0.1:0"\n[visits]\nlisten = "127.0.0.1:0"\ncontact = "01 02 03 04 05"\n'
        )

    def start(self) -> None:
        command = [*FLEET, "serve", "--config", str(self.config), "--json-ready"]
        with (self.folder / "log").open("a") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], PATIENCE_S)
        line = self.process.stdout.readline() if readable else ""
        assert line, f"fleet serve said nothing: {self.log}"
        self.ready = json.loads(line)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)

    def command(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """`fleet …` as a person calls it."""
        config = [] if arguments[0] in ("redeem", "keys") else ["--config", str(self.config)]
        return subprocess.run([*FLEET, *arguments, *config], input=stdin, capture_output=True, text=True, check=False)


class BoothLink:
    """A booth's connection: publishes what it is told and collects receipts."""

    def __init__(self, broker: Broker, booth: Booth) -> None:
        self.booth = booth
        self.receipts: queue.Queue[Receipt] = queue.Queue()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, booth.id, protocol=mqtt.MQTTv5)
        if broker.tls is not None:
            context = ssl.create_default_context(cafile=booth.keys / "ca/cert.pem")
            here = booth.keys / "booths" / booth.id
            context.load_cert_chain(here / "cert.pem", here / "key.pem")
            self.client.tls_set_context(context)
        self.client.on_message = self._on_message
        session = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        session.SessionExpiryInterval = 3600
        self.client.connect(broker.host, broker.port, clean_start=False, properties=session)
        self.client.subscribe(booth.topics.receipt, qos=1)
        self.client.loop_start()

    def _on_message(self, _client: Any, _user: Any, message: mqtt.MQTTMessage) -> None:
        self.receipts.put(self.booth.receipt(message.payload))

    def send(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> None:
        self.client.publish(topic, payload, qos, retain).wait_for_publish(PATIENCE_S)

    def deliver(self, made: Made) -> None:
        """Sends a deposit and its printed ticket until both are stored."""
        word = self.booth.word(made)
        for topic, payload in [*made.messages, (self.booth.topics.event, word)]:
            self.send(topic, payload)
        stored: set[str] = set()
        while len(stored) < 2:
            receipt = self.receipts.get(timeout=PATIENCE_S)
            if receipt.result == "stored":
                stored.add(receipt.item)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def until(holds: Any, what: str) -> Any:
    """Asks until it holds: for what a page or a table shows, which cannot be awaited."""
    end_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < end_s:
        value = holds()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"never: {what}")
