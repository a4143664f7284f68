"""`booth devices`: what is there, with stable names, and what the configuration would use.

Where the booth runs its own last report is shown; else each configured device is opened, asked, and let go.
Never opens what a running booth holds.
"""

import argparse
import asyncio
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
from rich.table import Table

from hw import settings
from hw.cabin import Health, Paper, PrinterStatus
from hw.camera.driver import HEARD_S, OPEN_S
from hw.drivers import open_cabin
from hw.found import Found, found

from ..config import BadConfig, Config, load
from ..health import last_report
from ..instance import running
from .shown import console

ASK_S = 6.0
"""A device is known by then: what is not there is missed at once, a printer answers within 1 s."""
OPENING = Health.UNKNOWN, "is being opened"
"""What the camera's driver says until it knows. On a Pi 4 that takes some 5 s, more behind a slow card."""
OPENING_S = OPEN_S + HEARD_S
"""It knows by then: its own limits for the opening and for the first frame."""
LOOK_S = 0.2
WORDS = {Health.WELL: "[green]well[/]", Health.FAULTY: "[red]FAULTY[/]", Health.UNKNOWN: "[yellow]not known[/]"}


@dataclass(frozen=True)
class Answer:
    """What a configured device said of itself."""

    device: str
    driver: str
    health: Health
    why: str


class NotReported(Exception):
    """The running booth holds its devices and has not said how they are."""


def run(args: argparse.Namespace) -> int:
    """Prints everything; 0 where each configured device is well, 1 where one is not or the configuration is faulty."""
    there = found(Path("/"))
    try:
        config = load(args.config)
    except BadConfig as error:
        print(error, file=sys.stderr)
        config = None
    answers: list[Answer] = []
    if config is not None:
        try:
            answers = asyncio.run(_answers(config))
        except (OSError, NotReported) as error:
            print(f"booth devices: {error}", file=sys.stderr)
    if args.json:
        used = [{**asdict(each), "used": config is not None and uses(config.cabin, each)} for each in there]
        print(json.dumps({"found": used, "configured": [asdict(answer) for answer in answers]}))
    else:
        _print(there, config, answers)
    return 0 if answers and all(answer.health is Health.WELL for answer in answers) else 1


def uses(cabin: settings.Cabin, each: Found) -> bool:
    """Whether the configuration chooses this: every setting that it gives fits, and the driver is the one it is for."""
    if isinstance(cabin, settings.SimulatedCabin) or not each.settings:
        return False
    chosen = msgspec.to_builtins(getattr(cabin, each.device))
    return bool(each.settings["driver"] == chosen["driver"]) and all(
        chosen.get(key) in (None, value) for key, value in each.settings.items()
    )


async def _answers(config: Config) -> list[Answer]:
    names = settings.DEVICES
    if running(Path(config.booth.state_dir)):
        report = last_report(config)
        if report is None:
            raise NotReported("the booth runs and has not reported yet: ask again in a minute")
        return [Answer(name, "", *_reported(report, name)) for name in names if f"gate_{name}_ok" in report]
    async with open_cabin(config.cabin) as cabin:
        asked = await asyncio.gather(*(_ask(getattr(cabin, name)) for name in names))
        return [Answer(name, cabin.labels[name], *said) for name, said in zip(names, asked, strict=True)]


def _reported(report: dict[str, Any], name: str) -> tuple[Health, str]:
    words = {True: Health.WELL, False: Health.FAULTY, None: Health.UNKNOWN}
    why = report.get(f"gate_{name}_why", "")
    return words[report[f"gate_{name}_ok"]], f"{why} (the running booth's report)".strip()


async def _ask(device: Any) -> tuple[Health, str]:
    """What one device says within ASK_S, a camera that is being opened within OPENING_S; one that is not well yet has
    until then to become it."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    while True:
        status = device.status()
        said = _printer(await status) if asyncio.iscoroutine(status) else (status.health, status.why)
        if said[0] is Health.WELL or loop.time() - began_s > (OPENING_S if said == OPENING else ASK_S):
            return said
        await asyncio.sleep(LOOK_S)


def _printer(status: PrinterStatus) -> tuple[Health, str]:
    """A printer without paper prints nothing, however well it is; paper that is not known is not paper."""
    if status.health is not Health.WELL or status.ready:
        return status.health, status.why
    return Health.UNKNOWN if status.paper is Paper.UNKNOWN else Health.FAULTY, status.why or f"paper {status.paper}"


def _print(there: list[Found], config: Config | None, answers: list[Answer]) -> None:
    out = console()
    table = Table("device", "", "name", "what it is", "in the configuration", title="found here", title_justify="left")
    for each in there:
        used = "▶" if config is not None and uses(config.cabin, each) else ""
        table.add_row(each.device, used, each.name, each.what, toml(each))
    if there:
        out.print(table)
    else:
        out.print("nothing found here: no camera, GPIO chip, pen, printer or serial adapter")
    if answers:
        table = Table("device", "driver", "says", "why", title="configured", title_justify="left")
        for answer in answers:
            table.add_row(answer.device, answer.driver, WORDS[answer.health], answer.why)
        out.print(table)


def toml(each: Found) -> str:
    """The line that chooses it, to be pasted below [cabin]."""
    if not each.settings:
        return ""
    hexadecimal = ("vendor", "product")
    values = (f"{key} = {value:#06x}" if key in hexadecimal else f"{key} = {json.dumps(value)}"
              for key, value in each.settings.items())  # fmt: skip
    return f"{each.device} = {{ {', '.join(values)} }}"
