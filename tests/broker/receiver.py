"""The fleet's side as the contract asks for it, small: takes events and deposits, checks them, gives signed receipts.

And a watcher that sees all that a client may.
"""

import asyncio
import secrets
from collections import Counter
from collections.abc import Callable

import paho.mqtt.client as mqtt
from cryptography import x509
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge import messages, seal
from edge.messages import Topics
from edge.uplink.link import Address
from edge.uplink.outbox import Item

from .outbox import Keys, clock


class Client:
    """A paho client on the test's loop; conditions on it can be awaited."""

    def __init__(self, address: Address, name: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._address, self.name = address, name
        self._moved = asyncio.Condition()
        self._subscribed = asyncio.Event()
        self.refused: list[str] = []
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, name, protocol=mqtt.MQTTv5)
        self.client.reconnect_delay_set(1, 1)
        self.client.on_message = lambda _c, _u, message: self._soon(self._took, message)
        self.client.on_subscribe = lambda *_: self._soon(self._subscribed.set)
        self.client.on_publish = lambda _c, _u, mid, reason, _p: self._soon(self._published, str(reason), reason)
        self.topics: list[str] = []
        if address.tls is not None:
            self.client.tls_set(str(address.tls.ca), str(address.tls.certificate), str(address.tls.key))

    async def start(self) -> None:
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = 600
        self.client.on_connect = lambda *_: self._connected()
        self.client.connect_async(
            self._address.host, self._address.port, clean_start=mqtt.MQTT_CLEAN_START_FIRST_ONLY, properties=properties
        )
        self.client.loop_start()
        await asyncio.wait_for(self._subscribed.wait(), 20)

    def stop(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(30), self._moved:
            await self._moved.wait_for(true)

    def take(self, topic: str, payload: bytes, retain: bool) -> None:
        raise NotImplementedError

    def born(self) -> None:
        """Called in paho's thread with each connection."""

    def _connected(self) -> None:
        self.client.subscribe([(topic, SubscribeOptions(qos=1)) for topic in self.topics])
        self.born()

    def _soon(self, function: Callable[..., None], *args: object) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, *args)

    def _took(self, message: mqtt.MQTTMessage) -> None:
        self.take(message.topic, message.payload, message.retain)
        self.moved()

    def _published(self, text: str, reason: object) -> None:
        if reason.is_failure:  # type: ignore[attr-defined]
            self.refused.append(text)
        self.moved()

    def moved(self) -> None:
        async def tell() -> None:
            async with self._moved:
                self._moved.notify_all()

        self._telling = asyncio.ensure_future(tell())


class Watcher(Client):
    """Sees what any client could see."""

    def __init__(self, address: Address, name: str = "watcher", topic: str = "#") -> None:
        super().__init__(address, name)
        self.topics = [topic]
        self.seen: list[tuple[str, bytes]] = []

    def take(self, topic: str, payload: bytes, retain: bool) -> None:
        self.seen.append((topic, payload))


class Receiver(Client):
    """The fleet. `rejects` names items to refuse, `silent` withholds what settles an item."""

    def __init__(self, address: Address, keys: Keys, name: str = "_srv") -> None:
        super().__init__(address, name)
        self.topics = [
            Topics.FLEET_EVENTS,
            Topics.FLEET_MANIFESTS,
            Topics.FLEET_CHUNKS,
            Topics.FLEET_STATES,
            Topics.FLEET_HEALTH,
        ]
        self._keys, self._signer = keys, keys.fleet
        self.silent = False
        self.said: list[bool] = []
        self.rejects: dict[str, str] = {}
        self.events: Counter[str] = Counter()
        self.historical: set[str] = set()
        self.manifests: dict[str, tuple[str, messages.Manifest]] = {}
        self.asked: Counter[str] = Counter()
        self.chunks: dict[str, dict[int, bytes]] = {}
        self.chunk_count: Counter[tuple[str, int]] = Counter()
        self.order: list[str] = []
        self.whole: dict[str, bytes] = {}
        self.completed: Counter[str] = Counter()
        self.states: list[messages.State] = []
        self.health: list[bytes] = []
        self.client.will_set(Topics.SERVER_STATE, self._state(False), 1, True)

    def born(self) -> None:
        self.say(True)

    def say(self, online: bool) -> None:
        self.client.publish(Topics.SERVER_STATE, self._state(online), 1, True)

    def receipt(self, booth: str, kind: str, item: Item | None = None, **fields: object) -> messages.Receipt:
        values: dict[str, object] = {
            "id": secrets.token_hex(16), "ts": clock(), "boot": "fleet-1", "seq": 1, "booth": booth, "item": kind,
            "result": "stored",
        }  # fmt: skip
        if item is not None:
            values |= {"item_id": item.id, "sha256": item.sha256}
        return messages.Receipt(**(values | fields))  # type: ignore[arg-type]

    def send(self, receipt: messages.Receipt, signer: seal.Signer | None = None) -> None:
        body = messages.encode(seal.sign(receipt, signer or self._signer))
        self.client.publish(Topics(receipt.booth).receipt, body, 1)

    def take(self, topic: str, payload: bytes, retain: bool) -> None:
        booth = Topics.booth_of(topic) or ""
        deposit = Topics.deposit_of(topic)
        if topic == Topics.SERVER_STATE:
            self.said.append(messages.decode(messages.State, payload).online)
            return  # its own word: the filter for the booths' states fits it too
        if topic == Topics(booth).state:
            self.states.append(messages.decode(messages.State, payload))
        elif topic == Topics(booth).health:
            self.health.append(payload)
        elif topic == Topics(booth).event:
            text, historical = self._checked(booth, payload)
            event = messages.decode(messages.Event, text)
            self.events[event.id] += 1
            self.order.append(event.id)
            if historical:
                self.historical.add(event.id)
            self._answer(booth, "event", event.id, text)
        elif deposit is not None and deposit[1] is None:
            text, _ = self._checked(booth, payload)
            self.manifests[deposit[0]] = text, messages.decode(messages.Manifest, text)
            self.asked[deposit[0]] += 1
            self._consider(booth, deposit[0], asked=True)
        elif deposit is not None and deposit[1] is not None:
            self.chunks.setdefault(deposit[0], {})[deposit[1]] = payload
            self.chunk_count[deposit] += 1
            self.order.append(deposit[0])
            self._consider(booth, deposit[0])

    def _consider(self, booth: str, deposit: str, *, asked: bool = False) -> None:
        if deposit not in self.manifests:
            return
        text, manifest = self.manifests[deposit]
        have = self.chunks.get(deposit, {})
        missing = [number for number in range(manifest.chunks) if number not in have]
        if not missing:
            body = b"".join(have[number] for number in range(manifest.chunks))
            assert seal.digest(body) == manifest.sha256
            if deposit not in self.whole:
                self.completed[deposit] += 1
            self.whole[deposit] = body
            self._answer(booth, "deposit", deposit, text)
        elif deposit in self.rejects:
            self._answer(booth, "deposit", deposit, text)
        elif asked:
            self._answer(booth, "deposit", deposit, text, result="missing", missing=missing)

    def _answer(self, booth: str, kind: str, item_id: str, text: str, **fields: object) -> None:
        if self.silent and fields.get("result") != "missing":
            return
        if item_id in self.rejects:
            fields = {"result": "rejected", "why": self.rejects[item_id]}
        self.send(self.receipt(booth, kind, item_id=item_id, sha256=seal.digest(text), **fields))

    def _checked(self, booth: str, payload: bytes) -> tuple[str, bool]:
        signed = messages.decode(messages.Signed, payload)
        certificate = x509.load_pem_x509_certificate((self._keys.folder / f"fleet/booths/{booth}.pem").read_bytes())
        return seal.check(signed, certificate.public_key()), signed.historical  # type: ignore[arg-type]

    def _state(self, online: bool) -> bytes:
        return messages.encode(
            messages.State(id=secrets.token_hex(16), ts=clock(), boot="fleet-1", seq=0, online=online, booth="_srv")
        )
