"""What the uplink asks of the outbox, which the ledger keeps. The uplink itself stores nothing."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol


@dataclass(frozen=True)
class Item:
    """One event or deposit that has no receipt yet.

    `sha256` is of the exact signed text, as receipts name it; `signed` is the encoded messages.Signed of the event or
    of the deposit's manifest. `size` (bytes of enc ‖ ct) and `chunks` are a deposit's only.
    """

    kind: Literal["event", "deposit"]
    seq: int
    id: str
    sha256: str
    made_at: datetime
    signed: bytes
    size: int = 0
    chunks: int = 0


class Outbox(Protocol):
    """Called from the loop; each call is done with the disk when it returns."""

    def waiting(self, *, limit: int, after_seq: int = 0) -> list[Item]:
        """Up to `limit` items with a greater seq, oldest first, quarantined ones left out."""

    def sealed(self, deposit_id: str) -> bytes:
        """enc ‖ ct of a deposit. KeyError where it is gone."""

    def stored(self, item_id: str, sha256: str) -> bool:
        """The fleet has it: erases it. False, and nothing is changed, where no item has this id and hash."""

    def quarantine(self, item_id: str, sha256: str, why: str) -> bool:
        """The fleet refused it: keeps it sealed, out of `waiting`. False where no item has this id and hash."""

    async def changed(self) -> None:
        """Returns when something was added."""
