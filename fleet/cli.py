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


def _redeem(args: argparse.Namespace) -> int:
    from . import desk

    return desk.redeem_code(args)


def _explain(args: argparse.Namespace) -> int:
    from . import desk

    loaded = _config(args)
    return 2 if loaded is None else desk.explain(args, loaded)


def _booths(args: argparse.Namespace) -> int:
    from . import desk

    loaded = _config(args)
    return 2 if loaded is None else desk.booths(args, loaded)


def _refund(args: argparse.Namespace) -> int:
    from . import desk

    loaded = _config(args)
    return 2 if loaded is None else desk.refund(args, loaded)


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


def _request_id(text: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{32}", text):
        raise argparse.ArgumentTypeError(f"{text!r}: a request id is 32 of 0-9 and a-f")
    return text


def _cents(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,7}", text):
        raise argparse.ArgumentTypeError(f"{text!r}: an amount in cents, 0 to 9999999")
    return int(text)


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

    sub = commands.add_parser(
        "redeem",
        help="redeem a code at the fleet and open its deposit (the administration's client)",
        description="Reads one code on standard input, redeems it once, opens the deposit with the vault's private "
        "key, writes portrait and signature, then confirms, whereupon the fleet erases its copy. A refused code "
        "ends with status 3 and why; a deposit that does not belong to the code with 4.",
    )
    sub.add_argument("--vault-key", type=Path, required=True, metavar="FILE", help="the vault's private key (PEM)")
    sub.add_argument("--url", required=True, help="the redemption API: https://host:port")
    sub.add_argument("--ca", type=Path, required=True, metavar="FILE", help="the installation's CA certificate")
    sub.add_argument("--cert", type=Path, required=True, metavar="FILE", help="the caller's certificate")
    sub.add_argument("--key", type=Path, required=True, metavar="FILE", help="the caller's private key")
    sub.add_argument("--booth-cert", type=Path, metavar="FILE", help="the booth's certificate: compared with the seal")
    sub.add_argument(
        "--out", type=Path, metavar="DIR", help="where the pictures go; default: a folder named by the visit"
    )
    sub.add_argument("--request-id", type=_request_id, metavar="ID", help="ask again for an answer that was lost")
    sub.add_argument("--no-confirm", action="store_true", help="do not confirm: the fleet keeps its copy for 72 h")
    sub.add_argument("--json", action="store_true", help="print one JSON object")
    sub.set_defaults(run=_redeem)

    sub = commands.add_parser(
        "explain",
        help="tell what happened to a visit or a code",
        description="Tells in plain sentences, with times, what happened to the visit whose number stands on the "
        "ticket, or to the code on standard input.",
    )
    sub.add_argument("visit", metavar="VISIT|-", help="the visit number, or - to read a code on standard input")
    _config_option(sub)
    sub.set_defaults(run=_explain)

    sub = commands.add_parser("booths", help="list the booths, or the claims that are open")
    sub.add_argument("--claims", action="store_true", help="list the open claims instead")
    _config_option(sub)
    sub.set_defaults(run=_booths)

    sub = commands.add_parser(
        "refund",
        help="close a claim whose money was given back",
        description="Closes a claim. A ticket's claim revokes its code, and is refused once the code was used.",
    )
    sub.add_argument("claim", metavar="CLAIM", help="the claim's number")
    sub.add_argument("--cents", type=_cents, metavar="N", help="the amount, where it was not known")
    _config_option(sub)
    sub.set_defaults(run=_refund)
    return parser


def _config_option(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--config", type=Path, default=Path("fleet.toml"), metavar="FILE", help="default: fleet.toml in this folder"
    )


if __name__ == "__main__":
    sys.exit(main())
