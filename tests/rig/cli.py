"""The rig's command line. Its status is the status of the command in the machine."""

import argparse
import sys
from pathlib import Path

from tests.rig import image
from tests.rig.machine import Machine, boot, run


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.rig", description=__doc__)
    commands = parser.add_subparsers(dest="do", required=True)
    commands.add_parser("build", help="build the machine's image where it is missing, and say where it is")
    for name, what in (("run", "run a command in the machine"), ("shell", "a shell in the machine")):
        command = commands.add_parser(name, help=what)
        command.add_argument("--no-systemd", action="store_true", help="udev only: boots in half the time")
        command.add_argument("--memory", type=int, default=1536, metavar="MB")
        command.add_argument("--limit", type=float, default=900, metavar="S", help="end it after so many seconds")
        command.add_argument("--share", type=Path, metavar="DIR", help="a folder that is /rig in the machine")
        if name == "run":
            command.add_argument("command", nargs=argparse.REMAINDER, help="one word is a shell's line")
    said = parser.parse_args()
    try:
        ready = image.ready()
        if said.do == "build":
            print(ready.folder)
            return
        machine = Machine(systemd=not said.no_systemd, memory_mb=said.memory, limit_s=said.limit)
        if said.do == "run":
            if not said.command:
                parser.error("run: what?")
            sys.exit(run(machine, ready, said.command, share=said.share))
        # a terminal of its own, so that editing and Ctrl-C work as everywhere
        shell = 'python3 -c \'import pty; pty.spawn(["bash", "-i"])\''
        with boot(machine, ready, [shell], share=said.share, stdin=sys.stdin.fileno()) as running:
            sys.exit(running.wait())
    except image.RigError as error:
        sys.exit(f"rig: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
