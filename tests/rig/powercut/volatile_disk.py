"""A disk with a volatile write cache, as a cheap card has: what was not flushed at a power cut may be lost.

An NBD server [NetworkBlockDevice protocol, fixed newstyle] for one QEMU at a time. QEMU's own caches would survive a
SIGKILL on this host's side, so that killing it alone proves little.
"""

import random
import socket
import struct
import threading
from dataclasses import dataclass
from pathlib import Path

PIECE = 4096  # what a card writes whole
_MAGIC, _OPTION, _REPLY = 0x4E42444D41474943, 0x49484156454F5054, 0x3E889045565A9
_EXPORT_NAME_GO, _INFO, _ABORT = 7, 6, 2
_READ, _WRITE, _DISCONNECT, _FLUSH = 0, 1, 2, 3
_HAS_FLAGS, _SEND_FLUSH, _SEND_FUA = 1, 4, 8
_FUA = 1


@dataclass(frozen=True)
class Cut:
    """What became of the unflushed pieces of 4 KiB, and how many writes were waiting for their flush."""

    kept: int
    lost: int
    writes: int


class VolatileDisk:
    """`image`: a file that holds the disk's stable content, written at each cut. `rng` decides what a cut loses."""

    def __init__(self, image: Path, path: Path, rng: random.Random) -> None:
        self.cut_now = threading.Event()
        self.writes = 0
        self._image = image
        self._rng = rng
        self._stable = bytearray(image.read_bytes())
        self._current = bytearray(self._stable)
        self._pending: list[tuple[int, bytes]] = []
        self._cut_at: int | None = None
        self._turn = threading.Lock()
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen(1)
        threading.Thread(target=self._serve, daemon=True, name="volatile disk").start()

    def arm(self, writes: int) -> None:
        """The power goes at the `writes`-th write from now on: it and all later ones stay unanswered."""
        with self._turn:
            self._cut_at = self.writes + writes

    def disarm(self) -> None:
        with self._turn:
            self._cut_at = None

    def cut(self, keep: float = 0.5) -> Cut:
        """The power is off (QEMU is dead): of each unflushed piece chance decides whether it reached the disk."""
        with self._turn:
            writes, kept, lost = len(self._pending), 0, 0
            for offset, data in self._pending:
                for at in range(0, len(data), PIECE):
                    piece = data[at : at + PIECE]
                    if self._rng.random() < keep:
                        self._stable[offset + at : offset + at + len(piece)] = piece
                        kept += 1
                    else:
                        lost += 1
            self._pending.clear()
            self._current = bytearray(self._stable)
            self._cut_at = None
            self.cut_now.clear()
            self._image.write_bytes(self._stable)
        return Cut(kept, lost, writes)

    # --- the protocol ------------------------------------------------------------------------------------------

    def _serve(self) -> None:
        while True:
            client, _ = self._server.accept()
            with client:
                try:
                    self._greet(client)
                    self._transmit(client)
                except ConnectionError:
                    continue  # QEMU was killed

    def _greet(self, client: socket.socket) -> None:
        client.sendall(struct.pack(">QQH", _MAGIC, _OPTION, 1))
        _exactly(client, 4)
        while True:
            _, option, length = struct.unpack(">QII", _exactly(client, 16))
            _exactly(client, length)
            if option in (_INFO, _EXPORT_NAME_GO):
                about = struct.pack(">HQH", 0, len(self._current), _HAS_FLAGS | _SEND_FLUSH | _SEND_FUA)
                client.sendall(struct.pack(">QIII", _REPLY, option, 3, len(about)) + about)
                client.sendall(struct.pack(">QIII", _REPLY, option, 1, 0))
                if option == _EXPORT_NAME_GO:
                    return
            elif option == _ABORT:
                client.sendall(struct.pack(">QIII", _REPLY, option, 1, 0))
                raise ConnectionError
            else:
                client.sendall(struct.pack(">QIII", _REPLY, option, 0x80000001, 0))

    def _transmit(self, client: socket.socket) -> None:
        while True:
            _, flags, kind, handle, offset, length = struct.unpack(">IHHQQI", _exactly(client, 28))
            data = _exactly(client, length) if kind == _WRITE else b""
            if kind == _DISCONNECT:
                return
            with self._turn:
                if not self._take(kind, flags, offset, data):
                    return
                answer = bytes(self._current[offset : offset + length]) if kind == _READ else b""
            client.sendall(struct.pack(">IIQ", 0x67446698, 0, handle) + answer)

    def _take(self, kind: int, flags: int, offset: int, data: bytes) -> bool:
        """Does one request; False where the power went at it."""
        if kind == _WRITE:
            self.writes += 1
            self._current[offset : offset + len(data)] = data
            self._pending.append((offset, data))
            if self._cut_at is not None and self.writes >= self._cut_at:
                self.cut_now.set()
                return False
            if flags & _FUA:
                self._flushed([self._pending.pop()])
        elif kind == _FLUSH:
            self._flushed(self._pending)
            self._pending = []
        return True

    def _flushed(self, writes: list[tuple[int, bytes]]) -> None:
        for offset, data in writes:
            self._stable[offset : offset + len(data)] = data


def _exactly(client: socket.socket, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        more = client.recv(count - len(data))
        if not more:
            raise ConnectionError
        data += more
    return bytes(data)
