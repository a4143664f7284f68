"""Real brokers: iotcore always, mosquitto plain and with TLS and its access list where it is installed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from demo.broker import Broker, BrokerTls, available, start
from edge.uplink.link import Address, Tls
from fleet import keys as fleet_keys

from .outbox import Keys

BOOTHS = ["lyon-03", "nice-01"]


@dataclass(frozen=True)
class Field:
    """A broker and who may come to it how."""

    broker: Broker
    keys: Keys

    def address(self, who: str, port: int | None = None) -> Address:
        """`who` is a booth, `fleet` or `observer`; `port` goes through a proxy."""
        folder = self.keys.folder
        if self.broker.tls is None:
            return Address("127.0.0.1", port or self.broker.port)
        cert, key = {
            "fleet": ("fleet/mqtt-cert.pem", "fleet/mqtt-key.pem"),
            "observer": ("observer/cert.pem", "observer/key.pem"),
        }.get(who, (f"booths/{who}/cert.pem", f"booths/{who}/key.pem"))
        return Address("127.0.0.1", port or self.broker.port, Tls(folder / "ca/cert.pem", folder / cert, folder / key))


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    folder = tmp_path_factory.mktemp("installation") / "keys"
    fleet_keys.make(folder, BOOTHS, [], datetime.now(UTC))
    return Keys(folder)


def started(kind: str, folder: Path, keys: Keys, **options: int) -> Broker:
    name = kind.removesuffix("-tls")
    if name not in available():
        pytest.skip(f"left out: {name} is not installed")
    tls = None
    if kind.endswith("-tls"):
        tls = BrokerTls(keys.folder / "ca/cert.pem", keys.folder / "broker/cert.pem", keys.folder / "broker/key.pem")
    return start(name, folder, tls=tls, **options)


@pytest.fixture(params=["iotcore", "mosquitto", "mosquitto-tls"])
def field(request: pytest.FixtureRequest, tmp_path: Path, keys: Keys) -> Iterator[Field]:
    with started(request.param, tmp_path / "broker", keys) as broker:
        yield Field(broker, keys)


@pytest.fixture
def tls_field(tmp_path: Path, keys: Keys) -> Iterator[Field]:
    with started("mosquitto-tls", tmp_path / "broker", keys) as broker:
        yield Field(broker, keys)
