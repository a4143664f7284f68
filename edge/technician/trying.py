"""`booth try DEVICE`: one device live in the technician's terminal, through the very driver that the booth uses.

Never beside a running booth. Coins that fall here are nobody's credit, those that fell before are the booth's, and no
picture is kept.
"""

import argparse
import asyncio
import signal
import sys
from contextlib import suppress
from pathlib import Path

from hw import settings
from hw.cabin import DeviceError, Health
from hw.drivers import open_device

from ..config import Config, load
from ..instance import AlreadyRunning, alone
from .shown import Shown
from .tries import TRIES, Try, Untold

BACK_S = 1.0
"""Between two tries to use a device that is gone."""


def run(args: argparse.Namespace) -> int:
    """Tries one device until its time is over or Ctrl-C; 0 where it was well at the end, 1 where not or not tried."""
    return on_device("booth try", args.device, TRIES[args.device], args, for_s=args.for_s)


def on_device(command: str, name: str, trying: Try, args: argparse.Namespace, *, for_s: float | None = None) -> int:
    """Does one thing with one device of the booth's cabin, as `run`; `command` is what an error is told by."""
    config = load(args.config)
    if isinstance(getattr(config.cabin, name, None), settings.Absent):
        print(f'{command}: this booth has no {name}: cabin.{name}.driver is "none"', file=sys.stderr)
        return 1
    try:
        with alone(Path(config.booth.state_dir)), Shown(as_json=args.json) as shown:
            return asyncio.run(_on_device(config, name, trying, args, shown, for_s))
    except (AlreadyRunning, OSError) as error:
        print(f"{command}: {error}", file=sys.stderr)
        return 1


async def _on_device(
    config: Config, name: str, trying: Try, args: argparse.Namespace, shown: Shown, for_s: float | None
) -> int:
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, over.set)
    if for_s is not None:
        loop.call_later(for_s, over.set)
    async with open_device(config.cabin, name) as device:
        work = asyncio.create_task(_again(trying, device, config, args, shown))
        end = asyncio.create_task(over.wait())
        await asyncio.wait((work, end), return_when=asyncio.FIRST_COMPLETED)
        for task in (work, end):
            task.cancel()
        await asyncio.gather(end, return_exceptions=True)
        try:
            with suppress(asyncio.CancelledError):
                await work  # its `finally` may still hear coins; what it died of is raised here
        except Untold as untold:
            shown.fact("refused", str(untold), why=str(untold))
            return 1
        status = device.status()
        status = await status if asyncio.iscoroutine(status) else status
        why = f": {status.why}" if status.why else ""
        shown.fact("end", f"at the end {status.health}{why}", health=status.health, why=status.why)
        return 0 if status.health is Health.WELL else 1


async def _again(trying: Try, device: object, config: Config, args: argparse.Namespace, shown: Shown) -> None:
    """A device that goes away is waited for: that is what a technician wants to see."""
    while True:
        try:
            await trying(device, config, args, shown)
        except DeviceError as error:
            if shown.said != str(error):
                shown.fact("gone", str(error), why=str(error))
            await asyncio.sleep(BACK_S)
        else:
            return
