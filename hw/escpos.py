"""ESC/POS, the receipt printer's language: commands out, status bytes in. Pure: bytes and values, no device.

It must never take an answer it does not understand for "fine": such an answer is `unknown`, with why.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hw.cabin import Health, Paper, PrinterStatus

BLOCK_ROWS = 400  # per GS v 0; blocks of 120 to 400 rows [T88III guide]
INIT = b"\x1b@" + b"\x1da\x00"  # ESC @; GS a 0: no unasked status
CUT = b"\x1dVA\x00"  # GS V 65 0: feed to the knife, cut
STATUS_REQUESTS = b"".join(bytes((0x10, 0x04, n)) for n in (1, 2, 3, 4))  # DLE EOT 1-4


def raster(rows: NDArray[np.bool_]) -> list[bytes]:
    """GS v 0 blocks of at most BLOCK_ROWS rows for a picture of H × W dots (True = black, W a multiple of 8)."""
    height, width = rows.shape
    if width % 8:
        raise ValueError(f"{width} dots wide: a raster row is made of whole bytes")
    blocks = []
    for top in range(0, height, BLOCK_ROWS):
        packed = np.packbits(rows[top : top + BLOCK_ROWS], axis=1)
        count = len(packed)
        head = bytes((0x1D, 0x76, 0x30, 0, width // 8 % 256, width // 8 // 256, count % 256, count // 256))
        blocks.append(head + packed.tobytes())
    return blocks


def process_id(job: int) -> tuple[bytes, bytes]:
    """(GS ( H command, the four bytes its answer carries) for a job number 0-9999 [Epson GS ( H]."""
    name = f"{job:04d}".encode("ascii")
    if len(name) != 4:
        raise ValueError(f"job {job}: four digits at most")
    return b"\x1d(H\x06\x00\x30\x30" + name, name


@dataclass(frozen=True)
class Answers:
    """What stood in the bytes a printer sent: status bytes and finished jobs in order, and what is neither.

    `rest`: the beginning of an answer whose end has not come yet.
    """

    statuses: tuple[int, ...]
    finished: tuple[bytes, ...]
    garbage: bytes
    rest: bytes


def answers(received: bytes) -> Answers:
    """Takes the bytes apart: 0xx1xx10 is a DLE EOT answer, 37 22 d1-d4 00 a finished job [T88III app. G, GS ( H]."""
    statuses: list[int] = []
    finished: list[bytes] = []
    garbage = bytearray()
    at = 0
    while at < len(received):
        byte = received[at]
        if byte == 0x37:
            proof = received[at : at + 7]
            if len(proof) < 7 and b"\x37\x22".startswith(proof[:2]):
                return Answers(tuple(statuses), tuple(finished), bytes(garbage), bytes(proof))
            if proof[:2] == b"\x37\x22" and proof[6] == 0:
                finished.append(proof[2:6])
                at += 7
                continue
            garbage.append(byte)
        elif byte & 0x93 == 0x12:
            statuses.append(byte)
        else:
            garbage.append(byte)
        at += 1
    return Answers(tuple(statuses), tuple(finished), bytes(garbage), b"")


def printer_status(found: Answers) -> PrinterStatus:
    """Reads the answers to STATUS_REQUESTS. Anything but four clean status bytes is UNKNOWN."""
    if found.garbage or found.rest:
        return _unknown(f"answered bytes that are no status: {(found.garbage + found.rest)[:8].hex(' ')}")
    if len(found.statuses) != 4:
        return _unknown("no answer" if not found.statuses else f"{len(found.statuses)} of 4 status bytes came")
    offline, cause, error, roll = found.statuses
    paper = Paper.OUT if cause & 0x20 or roll & 0x60 else Paper.LOW if roll & 0x0C else Paper.PRESENT
    for set_, why in (
        (cause & 0x04, "cover open"),
        (error & 0x08, "cutter jammed"),
        (error & 0x20, "unrecoverable error: switch it off and on"),
        (error & 0x40, "head too hot, recovers by itself"),
        (cause & 0x40, "error without a cause"),
        (offline & 0x08 and paper is not Paper.OUT, "offline without a cause"),
    ):
        if set_:
            return PrinterStatus(Health.FAULTY, paper, why)
    return PrinterStatus(Health.WELL, paper, {Paper.OUT: "paper out", Paper.LOW: "paper low"}.get(paper, ""))


def _unknown(why: str) -> PrinterStatus:
    return PrinterStatus(Health.UNKNOWN, Paper.UNKNOWN, why)
