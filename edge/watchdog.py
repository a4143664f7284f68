"""systemd's readiness and watchdog: says READY, and goes on pinging only while the daemon is really alive.

Its own few lines on the datagram socket; a library would bring more than it saves (device.md).
"""

import logging
import os
import socket

log = logging.getLogger("booth")


class Watchdog:
    """Speaks to $NOTIFY_SOCKET where there is one; silent elsewhere (demo, tests)."""

    def __init__(self) -> None:
        self._address = os.environ.pop("NOTIFY_SOCKET", "")

    def ready(self) -> None:
        self._say("READY=1")

    def alive(self) -> None:
        """Only to be called where loop, ledger and cabin were just seen working."""
        self._say("WATCHDOG=1")

    def stopping(self) -> None:
        self._say("STOPPING=1")

    def _say(self, text: str) -> None:
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
            try:
                out.sendto(text.encode(), address)
            except OSError as error:  # nobody listens: if that is systemd, its watchdog acts on the silence
                log.debug("not told %s: %s", text, error)
