"""A link that loses answers, for the administration's client."""

import socket
import threading


class LosesAnswers:
    """A TCP relay that passes requests on and drops the answers of its first connections."""

    def __init__(self, port: int, lost: int) -> None:
        self._port, self._lost = port, lost
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.connections = 0
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            far = socket.create_connection(("127.0.0.1", self._port))
            asked = threading.Event()
            threading.Thread(target=self._up, args=(near, far, asked), daemon=True).start()
            threading.Thread(target=self._down, args=(far, near, self.connections <= self._lost), daemon=True).start()

    def _up(self, near: socket.socket, far: socket.socket, asked: threading.Event) -> None:
        while data := _received(near):
            far.sendall(data)
        far.close()

    def _down(self, far: socket.socket, near: socket.socket, lose: bool) -> None:
        """The handshake passes; what is longer than any part of it is the answer."""
        passed = 0
        while data := _received(far):
            passed += len(data)
            if lose and passed > 10_000:
                near.shutdown(socket.SHUT_RDWR)
                return
            near.sendall(data)

    def close(self) -> None:
        self._listener.close()


def _received(far: socket.socket) -> bytes:
    try:
        return far.recv(65536)
    except OSError:
        return b""
