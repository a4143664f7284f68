"""What differs between printers: what they are asked, how their bytes are read, how they prove a sheet. Data only.

A byte or bit that no manual explains is never "fine": the status is then UNKNOWN or FAULTY, with why.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from hw.cabin import Health, Paper, PrinterStatus
from hw.printer.escpos import CLEAR, INIT, STATUS_REQUESTS, Answers, answers, full_status_answers

NO_ANSWER = "no answer: switch it on, look at its cable; of a serial line compare baud and flow"
HOT = "head too hot, recovers by itself"


@dataclass(frozen=True)
class Reading:
    """A status as read. `recovers`: faulty, and it goes on by itself (a hot head); `at_exit`: a ticket lies there."""

    status: PrinterStatus
    recovers: bool = False
    at_exit: bool = False


@dataclass(frozen=True)
class Profile:
    """One family of printers.

    `setup`: sent before each job; `requests`: asks for the status; `complete`: all of it has come; `read`: what it
    says; `report`: what one unasked report says; `proof`: the process id of GS ( H, a sheet that is seen at the exit
    and then gone, or none; `clear`: makes it forget its buffers, `clear_answers`: and it says so; `put_out`: takes a
    sheet that nobody took away from the exit.
    """

    name: str
    setup: bytes
    requests: bytes
    answers: Callable[[bytes], Answers]
    complete: Callable[[Answers], bool]
    read: Callable[[Answers], Reading]
    report: Callable[[bytes], Reading]
    proof: Literal["process id", "exit", "none"]
    clear: bytes
    clear_answers: bool
    put_out: bytes = b""


Four = tuple[int, int, int, int]
"""The answers to DLE EOT 1-4; an automatic status is brought into the same shape."""


def _four_reader(judge: Callable[[Four], Reading], as_four: Callable[[bytes], Four]) -> Callable[[Answers], Reading]:
    """Reads the four answers, the newest automatic status laid over them: what either calls bad is bad."""

    def read(found: Answers) -> Reading:
        if found.garbage or found.rest:
            return _odd(found)
        if len(found.statuses) != 4:
            count = len(found.statuses)
            return _unknown(NO_ANSWER if not count else f"{count} of 4 status bytes came")
        one, two, three, four = found.statuses
        if found.reports:
            over = as_four(found.reports[-1])
            one, two, three, four = one | over[0], two | over[1], three | over[2], four | over[3]
        return judge((one, two, three, four))

    return read


def _four_came(found: Answers) -> bool:
    return len(found.statuses) >= 4 and not found.rest


def _odd(found: Answers) -> Reading:
    odd = (found.garbage + found.rest)[:8].hex(" ")
    return _unknown(f"answered bytes that are no status ({odd}): compare its profile, of a serial line baud and flow")


def _unknown(why: str) -> Reading:
    return Reading(PrinterStatus(Health.UNKNOWN, Paper.UNKNOWN, why))


def _told(paper: Paper, faults: tuple[tuple[int, str], ...], *, at_exit: bool = False) -> Reading:
    """The first fault that is set, else well."""
    for set_, why in faults:
        if set_:
            return Reading(PrinterStatus(Health.FAULTY, paper, why), why is HOT, at_exit)
    why = {Paper.OUT: "paper out", Paper.LOW: "paper low"}.get(paper, "")
    return Reading(PrinterStatus(Health.WELL, paper, why), at_exit=at_exit)


# --- Epson and what speaks like it -------------------------------------------------------------------------------


def _epson(four: Four) -> Reading:
    offline, cause, error, roll = four
    paper = Paper.OUT if cause & 0x20 or roll & 0x60 else Paper.LOW if roll & 0x0C else Paper.PRESENT
    return _told(paper, _faults(offline, cause, error, paper))


def _faults(offline: int, cause: int, error: int, paper: Paper) -> tuple[tuple[int, str], ...]:
    return (
        (cause & 0x04, "cover open"),
        (error & 0x08, "cutter jammed: clear the knife, then switch it off and on"),
        (error & 0x20, "unrecoverable error: switch it off and on"),
        (error & 0x40, HOT),
        (error & 0x04, "paper jammed or its mark not found: clear its way"),
        (cause & 0x40, "error without a cause"),
        (offline & 0x08 and paper is not Paper.OUT, "offline without a cause"),
    )


def _epson_report(report: bytes) -> Four:
    """GS a's four bytes [hardware: T88III app. G]: 1 offline, cover; 2 errors; 3 paper (0-1 near its end, 2-3 out)."""
    one, two, three, _ = report
    out = three & 0x0C
    cause = (one & 0x20) >> 3 | (0x20 if out else 0) | (0x40 if two & 0x68 else 0)
    return one & 0x08, cause, two & 0x68, (0x60 if out else 0) | (0x0C if three & 0x03 else 0)


def _epson_unasked(report: bytes) -> Reading:
    return _epson(_epson_report(report))


EPSON = Profile(
    name="epson",
    setup=INIT + b"\x1da\x0e",  # GS a: tells offline, errors and paper unasked
    requests=STATUS_REQUESTS,
    answers=answers,
    complete=_four_came,
    read=_four_reader(_epson, _epson_report),
    report=_epson_unasked,
    proof="process id",
    clear=CLEAR,
    clear_answers=True,
)

EPSON_NO_PROOF = Profile(
    name="epson-no-proof",
    setup=INIT + b"\x1da\x0e",
    requests=STATUS_REQUESTS,
    answers=answers,
    complete=_four_came,
    read=_four_reader(_epson, _epson_report),
    report=_epson_unasked,
    proof="none",
    clear=CLEAR,  # a T88III obeys it and says so; a clone that does neither leaves the result `unknown`
    clear_answers=True,
)

# --- Citizen PPU-700, with presenter -----------------------------------------------------------------------------


def _citizen(four: Four) -> Reading:
    """n = 4: 2 and 3 near the end, 5 end, 6 paper at the exit; n = 3: 2 presenter error [PPU-700 command reference]."""
    offline, cause, error, roll = four
    paper = Paper.OUT if cause & 0x20 or roll & 0x20 else Paper.LOW if roll & 0x0C else Paper.PRESENT
    return _told(paper, _faults(offline, cause, error, paper), at_exit=bool(roll & 0x40))


def _citizen_report(report: bytes) -> Four:
    """GS a's four bytes: the third is 0-1 near the end, 2 end, 3 paper at the exit [PPU-700 command reference]."""
    one, two, three, _ = report
    cause = (one & 0x20) >> 3 | (0x20 if three & 0x04 else 0) | (0x40 if two & 0x6C else 0)
    roll = (0x0C if three & 0x03 else 0) | (0x20 if three & 0x04 else 0) | (0x40 if three & 0x08 else 0)
    return one & 0x08, cause, two & 0x6C, roll


def _citizen_unasked(report: bytes) -> Reading:
    return _citizen(_citizen_report(report))


CITIZEN_PPU700 = Profile(
    name="citizen-ppu700",
    setup=INIT + b"\x1da\x0e",
    requests=STATUS_REQUESTS,
    answers=answers,
    complete=_four_came,
    read=_four_reader(_citizen, _citizen_report),
    report=_citizen_unasked,
    proof="exit",
    clear=CLEAR,
    clear_answers=True,
    put_out=b"\x1dR0",  # GS R 0: collects the sheet; obeyed where memory switch 4-4 is on
)

# --- Custom KPM, with ejector ------------------------------------------------------------------------------------


def _custom(report: bytes) -> Reading:
    """Paper, user, recoverable, fatal [DLE EOT 20: KPM210/216, KPM150]. A bit that no manual names is no good news."""
    paper_bits, user, recoverable, fatal = report
    odd = ((paper_bits & 0x1A, "paper"), (user & 0x90, "user"))
    paper = Paper.OUT if paper_bits & 0x01 else Paper.LOW if paper_bits & 0x44 else Paper.PRESENT
    for bits, which in odd:
        if bits:
            return _unknown(f"{which} status {report.hex(' ')} has bits that no manual explains")
    faults = (
        (user & 0x03, "cover open"),
        (fatal & 0x03, "cutter jammed or its cover open: clear the knife, then switch it off and on"),
        (fatal & 0xFC, f"unrecoverable error {fatal:02x}: switch it off and on"),
        (recoverable & 0x40, "paper jammed: clear its way"),
        (recoverable & 0x01, HOT),
        (recoverable & 0x08, "supply voltage wrong: look at its power supply"),
        (recoverable & 0xB6, f"error {recoverable:02x}: switch it off and on"),
    )
    return _told(paper, faults, at_exit=bool(paper_bits & 0x20))


def _custom_read(found: Answers) -> Reading:
    if found.garbage or found.rest:
        return _odd(found)
    return _custom(found.reports[-1]) if found.reports else _unknown(NO_ANSWER)


CUSTOM_KPM = Profile(
    name="custom-kpm",
    setup=INIT + b"\x1d\xe0\x0f",  # tells its full status unasked [KPM300 manual]
    requests=b"\x10\x04\x14",  # DLE EOT 20
    answers=full_status_answers,
    complete=lambda found: bool(found.reports) and not found.rest,
    read=_custom_read,
    report=_custom,
    proof="exit",
    clear=b"\x10\x05\x02",  # DLE ENQ 2: clears the buffers, without a word
    clear_answers=False,
    put_out=b"\x1de\x05",  # GS e 5: ejects the sheet
)

PROFILES = {profile.name: profile for profile in (EPSON, EPSON_NO_PROOF, CITIZEN_PPU700, CUSTOM_KPM)}
