"""Makes the fleet's signed receipts. Decides nothing: what is stored, missing or rejected is said by intake."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Literal

from edge.messages import Receipt, encode
from edge.seal import Signer, sign


def this_boot() -> str:
    """The kernel's boot id."""
    return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()


def new_id() -> str:
    """A message's id: 128 random bits."""
    return secrets.token_hex(16)


@dataclass(frozen=True)
class Item:
    """What a receipt is about: `sha256` of the exact signed text of the event or manifest."""

    booth: str
    kind: Literal["deposit", "event"]
    id: str
    sha256: str


class Receipts:
    """One for each process: numbers its receipts."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self._boot = this_boot()
        self._seq = count()

    def make(
        self,
        item: Item,
        result: Literal["stored", "missing", "rejected"],
        now: datetime,
        *,
        why: str = "",
        missing: list[int] | None = None,
    ) -> bytes:
        """The body of one `down/receipt`."""
        receipt = Receipt(
            id=new_id(),
            ts=now,
            boot=self._boot,
            seq=next(self._seq),
            booth=item.booth,
            item=item.kind,
            item_id=item.id,
            sha256=item.sha256,
            result=result,
            missing=missing or [],
            why=why,
        )
        return encode(sign(receipt, self._signer))
