"""Takes in what booths say, one message at a time: believes only registered booths and their signatures.

Nothing that arrives can make it raise, but for a database that fails: what cannot be believed or read becomes an alert
without a word of its content. Runs in its caller's transaction; what it returns is to be sent after the commit.
"""

import logging
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType

from edge.messages import MAX_BODY_BYTES, BadMessage, Signed, Topics, decode
from edge.seal import SealError, check

from . import alerts
from .deposits import Deposits
from .events import Events
from .keyring import Keyring
from .presence import take_health, take_state
from .receipts import Receipts

log = logging.getLogger(__name__)

SERVER = "_srv"


@dataclass(frozen=True)
class Reply:
    """A message for `topic`, to be published once the transaction is committed."""

    topic: str
    body: bytes


class Intake:
    """`unfinished_bytes`: what one booth's chunks may take up while their deposits are not whole."""

    def __init__(self, db: sqlite3.Connection, keyring: Keyring, *, unfinished_bytes: int) -> None:
        receipts = Receipts(keyring.signer)
        self._db = db
        self._keyring = keyring
        self._deposits = Deposits(db, keyring, receipts, unfinished_bytes)
        self._events = Events(db, receipts)

    def take(self, topic: str, payload: bytes, *, retained: bool, now: datetime) -> Reply | None:
        """One message. sqlite3.Error passes through: the message is then not to be acknowledged."""
        booth = Topics.booth_of(topic)
        if booth is None or booth == SERVER:
            return None
        self._db.execute("SAVEPOINT message")
        try:
            body = self._take(booth, topic, payload, retained=retained, now=now)
        except (BadMessage, SealError) as error:
            self._undo()
            self._report(booth, "message_unfit", str(error), now)
            return None
        except sqlite3.Error:
            raise
        except Exception as error:
            # a fault of ours on one message must not stop the others; its text could hold content, so it is not told
            self._undo()
            log.exception("a message of kind %s was not taken in", topic.split("/")[3:4], exc_info=_place(error))
            self._report(booth, "intake_fault", f"{type(error).__name__} in the receiver, see its log", now)
            return None
        self._db.execute("RELEASE message")
        return None if body is None else Reply(Topics(booth).receipt, body)

    def _take(self, booth: str, topic: str, payload: bytes, *, retained: bool, now: datetime) -> bytes | None:
        key = self._keyring.booths.key(booth)
        if key is None:
            # one row for all of them: whoever speaks under many names must not fill the table
            alerts.raise_alert(self._db, "", "unknown_booth", f"{booth[:40]!r} is not registered", now)
            return None
        if len(payload) > MAX_BODY_BYTES:
            raise BadMessage(f"{len(payload)} bytes, at most {MAX_BODY_BYTES} are read")
        topics = Topics(booth)
        if topic == topics.state:
            take_state(self._db, booth, payload, retained=retained, now=now)
            return None
        if topic == topics.health:
            take_health(self._db, booth, payload, retained=retained, now=now)
            return None
        deposit = Topics.deposit_of(topic)
        if deposit is not None and deposit[1] is not None:
            return self._deposits.take_chunk(booth, deposit[0], deposit[1], payload, now)
        if deposit is None and topic != topics.event:
            raise BadMessage("a topic that is not read here")
        text = check(decode(Signed, payload), key)
        if deposit is not None:
            return self._deposits.take_manifest(booth, deposit[0], text, now)
        return self._events.take(booth, text, now)

    def _undo(self) -> None:
        self._db.execute("ROLLBACK TO message")
        self._db.execute("RELEASE message")

    def _report(self, booth: str, name: str, what: str, now: datetime) -> None:
        log.warning("a message was not taken in: %s", name)
        alerts.raise_alert(self._db, booth, name, what, now)


def _place(error: Exception) -> tuple[type[BaseException], BaseException, TracebackType | None]:
    """The traceback without the error's own words."""
    return Exception, Exception(type(error).__name__), error.__traceback__
