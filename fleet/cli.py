"""`fleet`: the central side's commands. Reads arguments and prints; what happens is in the other files.

Exit statuses of every command: 0 done, 1 it failed (the last line says why), 2 wrong arguments or configuration,
3 refused with a reason, 4 what came back does not belong to the code.
"""

import argparse
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

from . import config, keys
from .config import Config

_BOOTH = re.compile(r"[a-z0-9][a-z0-9-]{2,39}")


def main(argv: list[str] | None = None) -> int:
    """The exit status of the command in `argv`."""
    args = _parser().parse_args(argv)
    status: int = args.run(args)
    return status


def _keys(args: argparse.Namespace) -> int:
    try:
        keys.make(args.dir, args.booth, args.host, datetime.now(UTC))
    except (keys.KeysExist, OSError) as error:
        print(f"fleet keys: {error}", file=sys.stderr)
        return 1
    print(f"Keys of a trial installation lie in {args.dir}. Keep {args.dir}/administration off the fleet's machine.")
    return 0


def _serve(args: argparse.Namespace) -> int:
    from . import serve

    loaded = _config(args)
    if loaded is None:
        return 2
    if args.check:
        return serve.check(loaded)
    return serve.run(loaded, json_ready=args.json_ready)


def _config(args: argparse.Namespace) -> Config | None:
    """The configuration; None once every fault is told."""
    try:
        return config.load(args.config)
    except config.ConfigError as error:
        for fault in error.faults:
            print(f"{error.path}: {fault}", file=sys.stderr)
        return None


def _booth_id(text: str) -> str:
    if not _BOOTH.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"{text!r}: a booth's id is 3 to 40 of a-z, 0-9 and -, and does not begin with -"
        )
    return text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fleet",
        description="The central side of the ePhoto booths.",
        epilog="Exit status: 0 done, 1 failed, 2 wrong arguments or configuration, 3 refused with a reason, "
        "4 what came back does not belong to the code.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    sub = commands.add_parser(
        "keys",
        help="make the keys of a trial installation",
        description="Makes a CA and every key of a trial installation in DIR. Overwrites nothing.",
    )
    sub.add_argument("dir", type=Path, metavar="DIR", help="a new or empty folder")
    sub.add_argument(
        "--booth", type=_booth_id, action="append", required=True, metavar="ID", help="a booth's id; may be repeated"
    )
    sub.add_argument(
        "--host",
        action="append",
        default=[],
        metavar="NAME",
        help="a further name or address of the broker and the fleet, besides localhost; may be repeated",
    )
    sub.set_defaults(run=_keys)

    sub = commands.add_parser(
        "serve",
        help="receive from the booths and answer the administration",
        description="Runs receiver, vault, redemption API (mutual TLS) and pages until Ctrl-C. Needs no vault key.",
    )
    _config_option(sub)
    sub.add_argument("--check", action="store_true", help="only check the configuration, the keys and the database")
    sub.add_argument(
        "--json-ready", action="store_true", help="print the line with the addresses, once ready, as one JSON object"
    )
    sub.set_defaults(run=_serve)
    return parser


def _config_option(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--config", type=Path, default=Path("fleet.toml"), metavar="FILE", help="default: fleet.toml in this folder"
    )


if __name__ == "__main__":
    sys.exit(main())
