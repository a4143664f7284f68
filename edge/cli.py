"""The command `booth`, for the technician at the device: run, check, judge, look. Exit 0 well, 1 not, 2 misuse."""

import argparse
import asyncio
import json
import logging
import sqlite3
import sys
from datetime import timedelta
from io import TextIOWrapper
from pathlib import Path

from hw.cabin import Scene

from . import __version__, judge
from . import code as codes
from .clock import SystemClock
from .config import DEFAULT_CONFIG, BadConfig, load
from .health import kept_at, last_report

DEVICES = ("camera", "coins", "lights", "pen", "printer")
"""What `booth try` shows live."""


def main(arguments: list[str] | None = None) -> int:
    """Parses and runs one subcommand; answers its exit status."""
    parser = argparse.ArgumentParser(prog="booth", description="The ePhoto booth's software, on the device.")
    parser.add_argument("--version", action="version", version=f"booth {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="run the booth until it is stopped (what systemd starts)")
    _config_option(run)
    run.add_argument("--verbose", action="store_true", help="also log what is of use only while repairing")
    run.set_defaults(do=_run)

    config = commands.add_parser("config", help="look at the configuration")
    check = config.add_subparsers(dest="what", required=True, metavar="check").add_parser(
        "check", help="check the configuration file and name every fault"
    )
    _config_option(check)
    check.set_defaults(do=_config_check)

    judging = commands.add_parser("judge", help="judge pictures by the photo norm and say why")
    judge.add_arguments(judging)
    judging.set_defaults(do=judge.run)

    code = commands.add_parser("code", help="look at an ePhoto code")
    check = code.add_subparsers(dest="what", required=True, metavar="check").add_parser(
        "check", help="say whether a code is well formed, and which character looks wrong"
    )
    check.add_argument("code", nargs="?", help="left out: read from standard input, which other users cannot see")
    check.set_defaults(do=_code_check)

    ticket = commands.add_parser("ticket", help="draw a sample ticket as the printer would print it")
    _config_option(ticket)
    ticket.add_argument("--out", type=Path, default=Path("ticket.png"), help="the PNG to write (ticket.png)")
    ticket.set_defaults(do=_ticket)

    status = commands.add_parser("status", help="what the running booth last said of itself")
    _config_option(status)
    status.add_argument("--json", action="store_true", help="the report as it is")
    status.set_defaults(do=_status)

    devices = commands.add_parser("devices", help="what is plugged in, and what each configured device says")
    _config_option(devices)
    devices.add_argument("--json", action="store_true", help="one JSON object instead of the tables")
    devices.set_defaults(do=_devices)

    trying = commands.add_parser("try", help="see one device live: camera, coins, lights, pen, printer")
    _config_option(trying)
    trying.add_argument("device", choices=DEVICES, help="which device")
    trying.add_argument("--json", action="store_true", help="one JSON object a line instead of the picture")
    trying.add_argument("--for", dest="for_s", type=float, metavar="SECONDS", help="end by itself (else: Ctrl-C)")
    trying.add_argument("--scene", choices=[scene.value for scene in Scene], help="lights: hold this scene")
    trying.add_argument("--print", dest="prints", action="store_true", help="printer: print a sample ticket first")
    trying.set_defaults(do=_try)

    args = parser.parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a terminal that lacks ✓ or é shows a question mark for it
            stream.reconfigure(errors="replace")
    try:
        return int(args.do(args))
    except BadConfig as error:
        print(error, file=sys.stderr)
        return 1


def _config_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, default=DEFAULT_CONFIG, metavar="FILE", help=f"({DEFAULT_CONFIG})")


def _run(args: argparse.Namespace) -> int:
    logging.basicConfig(
        level=logging.DEBUG if args.verbose else logging.INFO,
        format="%(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    config = load(args.config)
    from .instance import AlreadyRunning, alone
    from .ledger_schema import LedgerTooNew
    from .seal import SealError
    from .start import run

    try:
        with alone(Path(config.booth.state_dir)):
            asyncio.run(run(config))
    except (AlreadyRunning, SealError, LedgerTooNew, OSError, sqlite3.Error) as error:
        print(f"booth: {error}", file=sys.stderr)
        return 1
    return 0


def _config_check(args: argparse.Namespace) -> int:
    config = load(args.config)
    driver = config.cabin.__struct_config__.tag
    print(f"{args.config}: well. Booth {config.booth.id}, {len(config.services)} service(s), cabin {driver}")
    return 0


def _code_check(args: argparse.Namespace) -> int:
    text = args.code if args.code is not None else sys.stdin.readline()
    found = codes.read(text)
    if isinstance(found, codes.Mistyped):
        where = f" (look at character {found.position})" if found.position else ""
        print(f"mistyped: {found.why}{where}", file=sys.stderr)
        return 1
    print(f"well formed: {codes.shown(found)}. Whether it is live, only the fleet knows (fleet explain -)")
    return 0


def _ticket(args: argparse.Namespace) -> int:
    from PIL import Image

    from .technician.sample import sample_rows

    rows = sample_rows(load(args.config))
    try:
        Image.fromarray(~rows).save(args.out, dpi=(203, 203))
    except OSError as error:
        print(f"{args.out}: cannot be written ({error.strerror})", file=sys.stderr)
        return 1
    print(
        f"{args.out}: a sample ticket, {rows.shape[0]} rows ({rows.shape[0] / 203 * 25.4:.0f} mm); its code is not live"
    )
    return 0


STALE = timedelta(minutes=3)
MACHINE = (
    "warnings", "power", "soc_celsius", "memory_free_mb", "cma_free_mb", "disk_free_mb", "disk_used_percent",
    "disk_eol", "disk_errors", "modem", "modem_percent", "door_open",
)  # fmt: skip
"""What of the report is the machine's own (hw/host.py), in the order a technician reads it."""


def _status(args: argparse.Namespace) -> int:
    from datetime import datetime

    config = load(args.config)
    report = last_report(config)
    if report is None:
        print(
            f"{kept_at(config)}: no report; is the booth running (systemctl status booth), and are you root?",
            file=sys.stderr,
        )
        return 1
    if args.json:
        print(json.dumps(report, indent=2))
        return 0
    now, at = SystemClock("assume").now(), datetime.fromisoformat(report["at"])
    age = now - at
    print(f"report of {report['at']}" + (": OLD, the booth is not running or hangs" if age > STALE else ""))
    print(f"takes money: {'yes' if report['gate_open'] else 'no'}")
    for key, value in report.items():
        if key.startswith("gate_") and key.endswith("_ok"):
            name = key.removeprefix("gate_").removesuffix("_ok")
            word = {True: "well", False: "FAULTY", None: "not known"}[value]
            since = report.get(f"gate_{name}_since") or at - timedelta(seconds=report[f"gate_{name}_s"])
            print(f"  {name:8} {word:10} since {since}  {report.get(f'gate_{name}_why', '')}".rstrip())
    print(f"link to the fleet: {'up' if report['uplink_online'] else 'down'}; outbox: {report['outbox_items']} item(s)")
    machine = {name: report[name] for name in MACHINE if name in report}
    print("machine: " + (", ".join(f"{name} {value}" for name, value in machine.items()) or "not known"))
    return 0 if report["gate_open"] and age <= STALE else 1


def _devices(args: argparse.Namespace) -> int:
    from .technician import devices

    return devices.run(args)


def _try(args: argparse.Namespace) -> int:
    from .technician import trying

    return trying.run(args)


if __name__ == "__main__":
    sys.exit(main())
