"""Notes everything that a client can see on the broker, as one JSON object a line. Believes and decodes nothing."""

import asyncio
import base64
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion


class Watcher:
    """`heard(topic, payload)` is called on the loop for each message, after it was written to `path`."""

    def __init__(self, url: str, path: Path, heard: Callable[[str, bytes], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._out = path.open("a", encoding="utf-8")
        self._heard = heard
        self.ready = asyncio.Event()
        self.messages = 0
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.on_connect = self._connected
        self._client.on_subscribe = self._subscribed
        self._client.on_message = self._received
        where = urlsplit(url)
        self._client.connect(where.hostname or "localhost", where.port or 1883)
        self._client.loop_start()

    def _connected(self, client: mqtt.Client, *_: Any) -> None:
        client.subscribe("#", qos=1)

    def _subscribed(self, *_: Any) -> None:
        self._loop.call_soon_threadsafe(self.ready.set)

    def _received(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        self._loop.call_soon_threadsafe(self._note, message)

    def _note(self, message: mqtt.MQTTMessage) -> None:
        if self._out.closed:
            return  # it arrived while we stopped
        self.messages += 1
        row: dict[str, Any] = {"at": time.time(), "topic": message.topic, "qos": message.qos, "retain": message.retain}
        try:
            row["json"] = json.loads(bytes(message.payload))
        except ValueError:
            row["base64"] = base64.b64encode(bytes(message.payload)).decode()
        self._out.write(json.dumps(row, ensure_ascii=False) + "\n")
        self._out.flush()
        self._heard(message.topic, bytes(message.payload))

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        self._out.close()
