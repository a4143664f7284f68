"""Receives from the broker over MQTT 5: acknowledges a message only after its own commit, then sends the receipts.

paho's thread only enqueues; one writer thread takes batches, commits each once and owns everything that is published.
What is lost between commit and receipt costs nothing: the booth asks again and gets the same answer.
"""

import logging
import queue
import sqlite3
import ssl
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge.messages import State, Topics, encode

from .intake import SERVER, Intake, Reply
from .keyring import Keyring
from .receipts import new_id, this_boot
from .store import open_store, writing

log = logging.getLogger(__name__)

SESSION_S = 7 * 86400
RECEIPT_EXPIRY_S = 86400
KEEPALIVE_S = 45
BATCH = 200
"""Messages in one commit, and the most that the broker hands over without our acknowledgement."""
RECEIPTS_AT_A_TIME = 16
"""In paho's hands: it ignores the broker's Receive Maximum, whose least usual value is 20."""
MAX_RECEIPTS_WAITING = 20_000
MAX_HEALTH_WAITING = 2_000
MAX_PACKET_BYTES = 128 * 1024


@dataclass(frozen=True)
class Broker:
    """`url`: mqtt://host[:port], or mqtts:// with the three PEM files."""

    url: str
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


@dataclass(frozen=True)
class _Arrived:
    """`connection`: the count of connections when it came; an acknowledgement must not cross to the next one."""

    message: mqtt.MQTTMessage
    connection: int


class Receiver:
    """Runs from `start` to `stop` in threads of its own. Where it cannot go on it calls `failed`, from its thread."""

    def __init__(
        self,
        broker: Broker,
        database: Path,
        keyring: Keyring,
        *,
        unfinished_bytes: int,
        version: str,
        clock: Callable[[], datetime],
        failed: Callable[[str], None],
    ) -> None:
        """OSError or ssl.SSLError for unusable TLS files."""
        self._database, self._keyring, self._unfinished_bytes = database, keyring, unfinished_bytes
        self._version, self._clock, self._failed = version, clock, failed
        self._inbox: queue.SimpleQueue[_Arrived | int | None] = queue.SimpleQueue()
        self._waiting: deque[Reply] = deque(maxlen=MAX_RECEIPTS_WAITING)
        self._sent: set[int] = set()
        self._connections = 0
        self._boot = this_boot()
        self._writer = threading.Thread(target=self._write, name="receiver", daemon=True)
        self.subscribed = threading.Event()
        self._client = self._made(broker)

    def start(self) -> None:
        """Returns at once; `subscribed` is set when the broker has taken the subscriptions."""
        self._writer.start()
        self._client.loop_start()

    def stop(self) -> None:
        """Writes what has arrived, says goodbye to the broker, ends the threads."""
        self._inbox.put(None)
        self._writer.join()
        if self._client.is_connected():
            self._publish_state(online=False).wait_for_publish(2)
        self._client.disconnect()
        self._client.loop_stop()

    def _made(self, broker: Broker) -> mqtt.Client:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, SERVER, protocol=mqtt.MQTTv5, manual_ack=True)
        url = urlsplit(broker.url)
        if url.scheme == "mqtts":
            context = ssl.create_default_context(cafile=broker.ca)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            if broker.certificate is not None:
                context.load_cert_chain(broker.certificate, broker.key)
            client.tls_set_context(context)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.reconnect_delay_set(1, 30)
        client.will_set(Topics.SERVER_STATE, self._state(online=False), 1, retain=True)
        properties = _properties(
            PacketTypes.CONNECT,
            SessionExpiryInterval=SESSION_S,
            ReceiveMaximum=BATCH,
            MaximumPacketSize=MAX_PACKET_BYTES,
        )
        port = url.port or (8883 if url.scheme == "mqtts" else 1883)
        client.connect_async(url.hostname or "", port, KEEPALIVE_S, clean_start=False, properties=properties)
        return client

    # paho's thread: these only enqueue

    def _on_connect(self, _client: Any, _user: Any, _flags: Any, reason: ReasonCode, _properties: Any) -> None:
        if reason.is_failure:
            log.warning("the broker refuses the connection: %s", reason)
            return
        log.info("connected to the broker")
        self._connections += 1
        topics = (Topics.FLEET_EVENTS, Topics.FLEET_MANIFESTS, Topics.FLEET_CHUNKS, Topics.FLEET_STATES)
        wanted = [(topic, SubscribeOptions(qos=1)) for topic in topics]
        self._client.subscribe([*wanted, (Topics.FLEET_HEALTH, SubscribeOptions(qos=0))])

    def _on_subscribe(self, _client: Any, _user: Any, _mid: int, reasons: list[ReasonCode], _properties: Any) -> None:
        refused = [str(reason) for reason in reasons if reason.is_failure]
        if refused:
            self._failed(f"the broker refuses a subscription: {', '.join(refused)}")
            return
        self._publish_state(online=True)
        self.subscribed.set()

    def _on_disconnect(self, _client: Any, _user: Any, _flags: Any, reason: ReasonCode, _properties: Any) -> None:
        log.warning("disconnected from the broker: %s", reason)

    def _on_message(self, _client: Any, _user: Any, message: mqtt.MQTTMessage) -> None:
        # QoS 1 is bounded by our Receive Maximum, health reports are not: the next one comes in a minute
        if message.qos > 0 or self._inbox.qsize() < MAX_HEALTH_WAITING:
            self._inbox.put(_Arrived(message, self._connections))

    def _on_publish(self, _client: Any, _user: Any, mid: int, reason: ReasonCode, _properties: Any) -> None:
        if reason.is_failure:
            log.error("the broker refuses what the fleet publishes: %s", reason)
        self._inbox.put(mid)

    # the writer's thread

    def _write(self) -> None:
        try:
            db = open_store(self._database)
            intake = Intake(db, self._keyring, unfinished_bytes=self._unfinished_bytes)
            while self._batch(db, intake):
                pass
            db.close()
        except Exception as error:
            # nothing of this batch was acknowledged: it comes again after a restart
            log.exception("the receiver ends")
            self._failed(f"the receiver ended: {type(error).__name__}: {error}")

    def _batch(self, db: sqlite3.Connection, intake: Intake) -> bool:
        """One commit. False when it is time to stop."""
        arrived: list[_Arrived] = []
        go_on = True
        got = self._inbox.get()
        while True:
            if got is None:
                go_on = False
            elif isinstance(got, int):
                self._sent.discard(got)
            else:
                arrived.append(got)
            if not go_on or len(arrived) >= BATCH:
                break
            try:
                got = self._inbox.get_nowait()
            except queue.Empty:
                break
        if arrived:
            with writing(db):
                now = self._clock()
                for one in arrived:
                    message = one.message
                    reply = intake.take(_topic(message), bytes(message.payload), retained=message.retain, now=now)
                    if reply is not None:
                        self._waiting.append(reply)
            for one in arrived:
                if one.connection == self._connections:
                    self._client.ack(one.message.mid, one.message.qos)
        self._send()
        return go_on

    def _send(self) -> None:
        while self._waiting and len(self._sent) < RECEIPTS_AT_A_TIME:
            reply = self._waiting.popleft()
            properties = _properties(
                PacketTypes.PUBLISH, MessageExpiryInterval=RECEIPT_EXPIRY_S, ContentType="application/json"
            )
            info = self._client.publish(reply.topic, reply.body, 1, properties=properties)
            if info.rc in (MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_NO_CONN):
                self._sent.add(info.mid)

    def _publish_state(self, *, online: bool) -> mqtt.MQTTMessageInfo:
        return self._client.publish(Topics.SERVER_STATE, self._state(online=online), 1, retain=True)

    def _state(self, *, online: bool) -> bytes:
        state = State(
            id=new_id(),
            ts=self._clock(),
            boot=self._boot,
            seq=self._connections,
            online=online,
            booth=SERVER,
            version=self._version,
        )
        return encode(state)


def _topic(message: mqtt.MQTTMessage) -> str:
    try:
        return message.topic
    except UnicodeDecodeError:
        return ""  # is no topic of ours


def _properties(kind: int, **values: object) -> Properties:
    properties = Properties(kind)  # type: ignore[no-untyped-call]
    for name, value in values.items():
        setattr(properties, name, value)
    return properties
