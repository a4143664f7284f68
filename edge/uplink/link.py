"""One MQTT 5 connection to the broker, kept up, and publishes that can be awaited. Knows nothing of booths or outboxes.

paho runs in its own thread and only enqueues into the loop; no thread reaches further in. A client lives as long as
its connection, so that paho's memory-only queue never holds what the outbox still owes, and gets two messages at a time
at most. Never retries a message: what was not acknowledged is the caller's to send again.
"""

import asyncio
import logging
import random as randomness
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

log = logging.getLogger(__name__)

WINDOW = 2
"""Messages in paho's hands at a time: it keeps them in memory only and ignores the broker's Receive Maximum."""
MAX_RECEIVED_BYTES = 128 * 1024
"""The broker is told to send no longer packet: the longest body is half of it."""
PACKET_OVERHEAD_BYTES = 64
"""More than a PUBLISH has besides topic and payload: fixed header 5, topic length 2, id 2, our properties 34."""


@dataclass(frozen=True)
class Tls:
    """PEM files; the certificate's common name is the booth's name on the broker."""

    ca: Path
    certificate: Path
    key: Path


@dataclass(frozen=True)
class Address:
    """The broker. Without `tls` the connection is plain: for the demo and for tests on loopback."""

    host: str
    port: int
    tls: Tls | None = None


@dataclass(frozen=True)
class LinkPace:
    """The link's delays in seconds, and why (shared figures: docs/uplink.md)."""

    keepalive_s: int = 60  # a dead 4G link is noticed after twice this; 45 s would cost an idle booth 60 kB a day more
    session_s: int = 7 * 86400  # receipts wait for a booth that is away
    will_delay_s: int = 45  # a reconnect within it shows no outage
    reconnect_first_s: float = 1.0  # full jitter below a ceiling that doubles …
    reconnect_last_s: float = 300.0  # … to here: 10,000 booths must not come back at once
    settled_s: float = 3.0  # a connection that lasted this long starts the ceiling anew
    open_s: float = 60.0  # name, TCP, TLS and CONNACK together
    ack_s: float = 120.0  # a PUBACK; longer means that the broker is half-alive. 64 KiB at 10 kbit/s take 52 s
    goodbye_s: float = 2.0


@dataclass(frozen=True)
class Outgoing:
    """A message to publish. `expiry_s` is the broker's to obey while it cannot deliver."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False
    expiry_s: int | None = None
    content_type: str | None = "application/json"

    @property
    def size(self) -> int:
        """Bytes on the broker's scale, never less than what paho will make of it."""
        return len(self.topic.encode()) + len(self.payload) + PACKET_OVERHEAD_BYTES


class PublishError(Exception):
    """A message that was not acknowledged."""


class LinkDown(PublishError):
    """The connection ended; `in_flight` says whether the message had been handed over."""

    def __init__(self, why: str, *, in_flight: bool = False) -> None:
        super().__init__(why)
        self.in_flight = in_flight


class Refused(PublishError):
    """The broker acknowledged with a failure (an access list, a quota)."""


class TooLarge(PublishError):
    """Longer than the broker takes; it was not handed over."""


class _Client(mqtt.Client):
    """paho's client whose thread tells how it ended, whatever ended it."""

    gone: Callable[[str], None]
    given_up = False

    def loop_forever(self, timeout: float = 1.0, retry_first_connection: bool = False) -> MQTTErrorCode:
        code = MQTTErrorCode.MQTT_ERR_UNKNOWN
        try:
            self.reconnect()  # blocks for name, TCP and TLS: in this thread it may
            if self.given_up:  # meanwhile another connection may be up, which this one must not take over
                raise ConnectionAbortedError("came too late")
            code = super().loop_forever(timeout, retry_first_connection=False)
            why = mqtt.error_string(code)
        except Exception as error:  # a broker's broken packet raises here too: it ends the connection, not the booth
            why = f"{type(error).__name__}: {error}"
        self.gone(why)
        return code


class Connection:
    """One connection from CONNECT to its end. All methods belong to the loop's thread."""

    def __init__(
        self,
        address: Address,
        client_id: str,
        will: Outgoing,
        *,
        pace: LinkPace,
        context: ssl.SSLContext | None,
        received: Callable[[str, bytes], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._pace = pace
        self._received = received
        self._over = asyncio.Event()
        self.why = ""
        self._connack: asyncio.Future[None] = self._loop.create_future()
        self._subacks: dict[int, asyncio.Future[None]] = {}
        self._acks: dict[int, asyncio.Future[None]] = {}
        self._slots = asyncio.Semaphore(WINDOW)
        self.max_packet_bytes: int | None = None
        self.resumed = False

        client = _Client(CallbackAPIVersion.VERSION2, client_id, protocol=mqtt.MQTTv5, reconnect_on_failure=False)
        client.gone = lambda why: self._soon(self._end, why)
        client.on_connect = lambda _c, _u, flags, reason, properties: self._soon(
            self._opened, flags.session_present, reason, properties
        )
        client.on_disconnect = lambda _c, _u, _flags, reason, _p: self._soon(self._told, reason)
        client.on_subscribe = lambda _c, _u, mid, reasons, _p: self._soon(self._subscribed, mid, reasons)
        client.on_publish = lambda _c, _u, mid, reason, _p: self._soon(self._acknowledged, mid, reason)
        client.on_message = lambda _c, _u, message: self._soon(self._received, message.topic, message.payload)
        client.connect_timeout = 10.0
        if context is not None:
            client.tls_set_context(context)
        client.will_set(
            will.topic,
            will.payload,
            will.qos,
            will.retain,
            _properties(PacketTypes.WILLMESSAGE, WillDelayInterval=pace.will_delay_s),
        )
        client.connect_async(
            address.host,
            address.port,
            keepalive=pace.keepalive_s,
            clean_start=False,
            properties=_properties(
                PacketTypes.CONNECT,
                SessionExpiryInterval=pace.session_s,
                ReceiveMaximum=20,
                MaximumPacketSize=MAX_RECEIVED_BYTES,
            ),
        )
        self._client = client

    async def open(self, topics: list[str]) -> None:
        """Connects and subscribes. LinkDown or Refused where the broker or the network does not let it."""
        self._client.loop_start()
        await self._within(self._pace.open_s, self._connack)
        result, mid = self._client.subscribe([(topic, SubscribeOptions(qos=1)) for topic in topics])
        if result != MQTTErrorCode.MQTT_ERR_SUCCESS or mid is None:
            raise LinkDown(mqtt.error_string(result))
        self._subacks[mid] = self._loop.create_future()
        await self._within(self._pace.ack_s, self._subacks[mid])

    async def publish(self, out: Outgoing) -> None:
        """Returns with the broker's acknowledgement (QoS 0: when written out). Raises a PublishError else."""
        if self.max_packet_bytes is not None and out.size > self.max_packet_bytes:
            raise TooLarge(f"{out.size} bytes, the broker takes {self.max_packet_bytes}")
        await self._slots.acquire()
        if self._over.is_set():
            self._slots.release()  # wakes the next one waiting, who finds the same
            raise LinkDown(self.why)
        properties = _properties(PacketTypes.PUBLISH)
        if out.content_type is not None:
            properties.ContentType = out.content_type
        if out.expiry_s is not None:
            properties.MessageExpiryInterval = out.expiry_s
        info = self._client.publish(out.topic, out.payload, out.qos, out.retain, properties)
        # the thread's callback comes through the loop: never before this line is done
        self._acks[info.mid] = future = self._loop.create_future()
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._settle(info.mid, LinkDown(mqtt.error_string(info.rc)))
        await self._within(self._pace.ack_s, future)

    @property
    def is_over(self) -> bool:
        return self._over.is_set()

    async def over(self) -> None:
        """Waits for the end; `why` then says why."""
        await self._over.wait()

    def cut(self, why: str) -> None:
        """Ends it without a word to the broker, which then publishes the will."""
        self._end(why)
        self._client.given_up = True
        connected = self._client.socket()
        if connected is not None:
            try:
                socket.socket.shutdown(connected, socket.SHUT_RDWR)  # type: ignore[arg-type]
            except OSError:
                log.debug("the socket was closed already")

    async def leave(self) -> None:
        """Says DISCONNECT, so that no will is published, and waits for the end."""
        self._client.disconnect()
        try:
            await asyncio.wait_for(self._over.wait(), self._pace.goodbye_s)
        except TimeoutError:
            self.cut("left without an answer")

    async def _within(self, limit_s: float, future: "asyncio.Future[None]") -> None:
        try:
            async with asyncio.timeout(limit_s):
                await future
        except TimeoutError:
            self.cut(f"the broker did not answer within {limit_s:.0f} s")
            raise LinkDown(self.why, in_flight=True) from None

    def _soon(self, function: Callable[..., None], *args: Any) -> None:
        """The one thing that paho's thread does: enqueue."""
        try:
            self._loop.call_soon_threadsafe(function, *args)
        except RuntimeError:
            log.debug("the loop is closed, nobody is left to be told")

    def _opened(self, resumed: bool, reason: ReasonCode, properties: Properties) -> None:
        if reason.is_failure:
            self._end(f"the broker refuses the connection: {reason}")
            return
        self.resumed = resumed
        self.max_packet_bytes = getattr(properties, "MaximumPacketSize", None)
        if getattr(properties, "ReceiveMaximum", WINDOW) < WINDOW:
            self._slots = asyncio.Semaphore(1)
        if not self._connack.done():
            self._connack.set_result(None)

    def _told(self, reason: ReasonCode) -> None:
        if not self.why and reason.is_failure:
            self.why = f"disconnected: {reason}"

    def _subscribed(self, mid: int, reasons: list[ReasonCode]) -> None:
        future = self._subacks.pop(mid)
        refused = [str(reason) for reason in reasons if reason.is_failure]
        if not future.done():
            if refused:
                future.set_exception(Refused(f"the broker refuses a subscription: {', '.join(refused)}"))
            else:
                future.set_result(None)

    def _acknowledged(self, mid: int, reason: ReasonCode) -> None:
        self._settle(mid, Refused(str(reason)) if reason.is_failure else None)

    def _settle(self, mid: int, error: PublishError | None) -> None:
        future = self._acks.pop(mid, None)
        if future is None:
            return  # its connection's end was told first
        self._slots.release()
        if not future.done():
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(None)

    def _end(self, why: str) -> None:
        if self._over.is_set():
            return
        self.why = self.why or why
        self._over.set()
        for future in [self._connack, *self._subacks.values()]:
            if not future.done():
                future.set_exception(LinkDown(self.why))
            future.exception()  # nobody may be waiting for it any more
        for mid in list(self._acks):
            future = self._acks[mid]
            self._settle(mid, LinkDown(self.why, in_flight=True))
            if not future.cancelled():
                future.exception()


class Link:
    """Keeps one connection up for as long as `run` runs."""

    def __init__(
        self,
        address: Address,
        client_id: str,
        *,
        topics: list[str],
        state: Callable[[bool], Outgoing],
        received: Callable[[str, bytes], None],
        up: Callable[[Connection], None],
        down: Callable[[str], None],
        random: randomness.Random,
        pace: LinkPace,
    ) -> None:
        """`state(online)` makes birth, last will and goodbye. `up` is told each connection that is ready, `down`
        the end of each attempt. Raises OSError or ssl.SSLError for unusable TLS files."""
        self._address, self._client_id = address, client_id
        self._topics = topics
        self._state, self._received, self._up, self._down = state, received, up, down
        self._random, self._pace = random, pace
        self._context = _context(address.tls) if address.tls is not None else None

    async def run(self) -> None:
        """Never returns. When cancelled it says goodbye, so that the fleet knows at once."""
        ceiling_s = self._pace.reconnect_first_s
        last_why = ""
        while True:
            why, lasted_s = await self._one()
            self._down(why)
            if why != last_why:
                log.warning("the uplink is down: %s", why)
                last_why = why
            if lasted_s >= self._pace.settled_s:
                ceiling_s = self._pace.reconnect_first_s
            await asyncio.sleep(self._random.uniform(0, ceiling_s))
            ceiling_s = min(ceiling_s * 2, self._pace.reconnect_last_s)

    async def _one(self) -> tuple[str, float]:
        """One connection from its start to its end: why it ended, and for how many seconds it was up."""
        clock = asyncio.get_running_loop().time
        up_s: float | None = None
        connection = Connection(
            self._address,
            self._client_id,
            self._state(False),
            pace=self._pace,
            context=self._context,
            received=self._received,
        )
        try:
            await connection.open(self._topics)
            await connection.publish(self._state(True))
            up_s = clock()
            log.info("the uplink is up")
            self._up(connection)
            await connection.over()
        except PublishError as error:
            connection.cut(str(error))
        except asyncio.CancelledError:
            await self._goodbye(connection, was_up=up_s is not None)
            self._down("stopped")
            raise
        return connection.why, 0.0 if up_s is None else clock() - up_s

    async def _goodbye(self, connection: Connection, *, was_up: bool) -> None:
        if not was_up:
            connection.cut("stopped")
            return
        try:
            async with asyncio.timeout(self._pace.goodbye_s):
                await connection.publish(self._state(False))
        except (PublishError, TimeoutError) as error:
            log.info("no goodbye was said: %s", error)
        await connection.leave()


def _properties(kind: int, **values: object) -> Properties:
    properties = Properties(kind)  # type: ignore[no-untyped-call]
    for name, value in values.items():
        setattr(properties, name, value)
    return properties


def _context(tls: Tls) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(tls.ca))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(tls.certificate, tls.key)
    return context
