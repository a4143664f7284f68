"""ESC/POS, the receipt printer's language: commands out, answers in. Pure: bytes and values, no device.

It must never lose a byte of an answer: what it does not understand stands in `garbage`, and garbage is never "fine".
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLOCK_ROWS = 400  # per GS v 0; blocks of 120 to 400 rows [T88III guide]
INIT = b"\x1b@"  # ESC @
CUT = b"\x1dVA\x00"  # GS V 65 0: feed to the knife, cut
STATUS_REQUESTS = b"".join(bytes((0x10, 0x04, n)) for n in (1, 2, 3, 4))  # DLE EOT 1-4
CLEAR = bytes((0x10, 0x14, 8, 1, 3, 20, 1, 6, 2, 8))  # DLE DC4 8: forget what is not printed, and say so


def raster(rows: NDArray[np.bool_], block_rows: int = BLOCK_ROWS) -> list[bytes]:
    """GS v 0 blocks of at most `block_rows` rows for a picture of H × W dots (True = black, W a multiple of 8)."""
    height, width = rows.shape
    if width % 8:
        raise ValueError(f"{width} dots wide: a raster row is made of whole bytes")
    blocks = []
    for top in range(0, height, block_rows):
        packed = np.packbits(rows[top : top + block_rows], axis=1)
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
    """What stood in the bytes a printer sent, each kind in order.

    `statuses`: one byte for each DLE EOT; `reports`: whole reports, four bytes each (Epson's automatic status, or
    Custom's full status without its head); `finished`: process ids; `cleared`: answers to CLEAR; `garbage`: what is
    none of these; `rest`: the beginning of an answer whose end has not come yet.
    """

    statuses: tuple[int, ...] = ()
    reports: tuple[bytes, ...] = ()
    finished: tuple[bytes, ...] = ()
    cleared: int = 0
    garbage: bytes = b""
    rest: bytes = b""


def answers(received: bytes) -> Answers:
    """Takes Epson's bytes apart [T88III app. G, GS ( H, DLE DC4 8].

    0xx1xx10 answers a DLE EOT; 0xx1xx00 and three of 0xx0xxxx are an automatic status; 37 22 d1-d4 00 is a finished
    job; 37 25 00 says that the buffers are empty.
    """
    statuses: list[int] = []
    reports: list[bytes] = []
    finished: list[bytes] = []
    garbage = bytearray()
    cleared = at = 0
    while at < len(received):
        head = received[at : at + 7]
        if _is_beginning(head):
            break
        if head[:2] == b"\x37\x22" and head[6] == 0:
            finished.append(head[2:6])
            at += 7
        elif head[:3] == b"\x37\x25\x00":
            cleared += 1
            at += 3
        elif _may_be_report(head[:4]):
            reports.append(head[:4])
            at += 4
        elif head[0] & 0x93 == 0x12:
            statuses.append(head[0])
            at += 1
        else:
            garbage.append(head[0])
            at += 1
    return Answers(tuple(statuses), tuple(reports), tuple(finished), cleared, bytes(garbage), received[at:])


def _is_beginning(head: bytes) -> bool:
    """Whether more bytes may still make these, the last that came, one whole answer."""
    if head[0] == 0x37:
        return head in (b"\x37", b"\x37\x25") or (head[:2] == b"\x37\x22" and len(head) < 7)
    return len(head) < 4 and _may_be_report(head)


def _may_be_report(head: bytes) -> bool:
    return head[0] & 0x93 == 0x10 and not any(byte & 0x90 for byte in head[1:])


def full_status_answers(received: bytes) -> Answers:
    """Takes Custom's bytes apart: 10 0F and four bytes, asked for (DLE EOT 20) or unasked [KPM210 manual]."""
    reports: list[bytes] = []
    garbage = bytearray()
    at = 0
    while at < len(received):
        head = received[at : at + 6]
        if len(head) < 6 and b"\x10\x0f".startswith(head[:2]):
            break
        if head[:2] == b"\x10\x0f":
            reports.append(head[2:])
            at += 6
        else:
            garbage.append(head[0])
            at += 1
    return Answers(reports=tuple(reports), garbage=bytes(garbage), rest=received[at:])
