"""Messages over the simulated cabin's socket: a JSON head and bytes, each with its length before it.

It must never trust a length, and never leave a broken stream open: after one wrong byte nothing can be believed.
"""

import asyncio
import itertools
import json
import logging
import struct
from collections.abc import Callable
from typing import Any

from hw.cabin import DeviceError, DeviceFault, DeviceMissing, DeviceSilent

log = logging.getLogger(__name__)

HEAD_MOST = 1 << 20  # a drawn stroke list; else a few hundred bytes
BODY_MOST = 64 << 20  # a full still of 4608 × 2592 is 36 MB
_LENGTHS = struct.Struct(">II")


class WireError(Exception):
    """The other side sent what is no message."""


class Link(asyncio.Protocol):
    """One connection. What arrives is told at once, in order: edges of coins come before the loop's timers.

    `told(head, body)` for messages that answer nothing, `lost(why)` once at the end.
    """

    def __init__(self, told: Callable[["Link", dict[str, Any], bytes], None], lost: Callable[["Link", str], None]):
        self._told = told
        self._lost = lost
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._numbers = itertools.count(1)
        self._asked: dict[int, asyncio.Future[tuple[dict[str, Any], bytes]]] = {}
        self._why = "the other side closed the connection"

    # --- speaking

    @property
    def open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def tell(self, head: dict[str, Any], body: bytes | memoryview = b"") -> None:
        """Sends one message; into the void if the connection is gone."""
        if self._transport is None or self._transport.is_closing():
            return
        packed = json.dumps(head, separators=(",", ":")).encode()
        if len(packed) > HEAD_MOST or len(body) > BODY_MOST:
            raise ValueError(f"{head.get('do', 'the answer')} is too large: {len(packed)} + {len(body)} bytes")
        self._transport.write(_LENGTHS.pack(len(packed), len(body)) + packed)
        if body:
            self._transport.write(body)

    async def ask(
        self, device: str, do: str, body: bytes | memoryview = b"", *, deadline_s: float | None = None, **args: Any
    ) -> tuple[dict[str, Any], bytes]:
        """Sends a question and awaits its answer. Raises what the other side raised; DeviceMissing, DeviceSilent."""
        if not self.open:
            raise DeviceMissing(device, "the cabin is not there")
        number = next(self._numbers)
        answer = asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        try:
            async with asyncio.timeout(deadline_s):
                self.tell({"ask": number, "device": device, "do": do, **args}, body)
                head, came = await answer
        except TimeoutError:
            raise DeviceSilent(device, f"no answer to {do} within {deadline_s:g} s") from None
        finally:
            del self._asked[number]
        if "error" in head:
            raise _error(device, head)
        return head, came

    def answer(self, asked: dict[str, Any], result: dict[str, Any] | Exception, body: bytes | memoryview = b"") -> None:
        """Answers what was asked: with a result, or with what went wrong; that may be its size."""
        if isinstance(result, Exception):
            text = result.why if isinstance(result, DeviceError) else str(result)
            result = {"error": type(result).__name__, "text": text}
        try:
            self.tell({"answers": asked["ask"], **result}, body)
        except ValueError as error:
            self.tell({"answers": asked["ask"], "error": "ValueError", "text": str(error)})

    def close(self, why: str) -> None:
        self._why = why
        if self._transport is not None:
            self._transport.close()

    # --- hearing

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        try:
            while self.open and (message := self._next()) is not None:
                head, body = message
                if isinstance(head.get("answers"), int):
                    answer = self._asked.get(head["answers"])
                    if answer is not None and not answer.done():  # who asked may have given up
                        answer.set_result((head, body))
                else:
                    self._told(self, head, body)
        except WireError as error:
            log.warning("closing the connection: %s", error)
            self.close(str(error))

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None:
            self._why = str(exc)
        self._buffer.clear()
        for asked in self._asked.values():
            if not asked.done():
                asked.set_result(({"error": "DeviceMissing", "text": self._why}, b""))
        self._lost(self, self._why)

    def _next(self) -> tuple[dict[str, Any], bytes] | None:
        if len(self._buffer) < _LENGTHS.size:
            return None
        head_size, body_size = _LENGTHS.unpack_from(self._buffer)
        if not 0 < head_size <= HEAD_MOST or body_size > BODY_MOST:
            raise WireError(f"a message of {head_size} + {body_size} bytes; {HEAD_MOST} + {BODY_MOST} at most")
        end = _LENGTHS.size + head_size + body_size
        if len(self._buffer) < end:
            return None
        packed = bytes(self._buffer[_LENGTHS.size : _LENGTHS.size + head_size])
        body = bytes(memoryview(self._buffer)[_LENGTHS.size + head_size : end])
        del self._buffer[:end]
        try:
            head = json.loads(packed)
        except ValueError as error:
            raise WireError(f"a head that is no JSON: {error}") from error
        if not isinstance(head, dict):
            raise WireError("a head that is no JSON object")
        return head, body


def _error(device: str, head: dict[str, Any]) -> Exception:
    kind, text = str(head["error"]), str(head.get("text", ""))
    kinds = {"DeviceMissing": DeviceMissing, "DeviceSilent": DeviceSilent, "DeviceFault": DeviceFault}
    if kind in kinds:
        return kinds[kind](device, text)
    return ValueError(text) if kind == "ValueError" else RuntimeError(f"{device} failed: {kind}: {text}")
