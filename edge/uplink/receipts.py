"""Which receipts are believed. Pure; says nothing of a message's content when it does not believe it."""

from collections.abc import Sequence

from ..messages import BadMessage, Receipt, Signed, decode
from ..seal import SealError, VerifyKey, check


def believed(payload: bytes, booth: str, fleet_keys: Sequence[VerifyKey]) -> Receipt:
    """The receipt in `payload`, if one of the fleet's keys signed it for this booth.

    BadMessage or SealError else. Whether an item with its id and hash exists is the outbox's to say.
    """
    signed = decode(Signed, payload)
    for key in fleet_keys:
        try:
            text = check(signed, key)
        except SealError:
            continue
        receipt = decode(Receipt, text)
        if receipt.booth != booth:
            raise BadMessage("Receipt: for another booth")
        return receipt
    raise SealError("the signature is by none of the fleet's keys")
