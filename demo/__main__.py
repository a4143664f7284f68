"""`make demo`: a broker, the fleet, a simulated booth and one customer with a real face, from coin to redeemed code.

Everything runs as the real processes; what it made lies under .demo/. Never a sleep: each step awaits its event.
"""

import argparse
import asyncio
import contextlib
import hashlib
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from demo import broker as brokers
from demo.installation import Failed, Installation
from demo.narrate import line
from demo.play import Played, play
from demo.watcher import Watcher

ROOT = Path(__file__).parent.parent
PICTURES = ROOT / "demo" / "pictures"
BAD, GOOD = PICTURES / "bad-smile.jpg", PICTURES / "good.jpg"


def say(text: str) -> None:
    print(text, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make demo", description="One customer's visit, end to end.")
    parser.add_argument("--once", action="store_true", help="end by itself after the visit")
    parser.add_argument("--broker", metavar="mqtt://HOST:PORT", help="use a broker that already runs")
    parser.add_argument("--folder", type=Path, default=ROOT / ".demo", help="what the demo makes lies here (.demo)")
    args = parser.parse_args()
    if args.broker and not re.fullmatch(r"mqtt://[^/:\s]+(:\d+)?", args.broker):
        say(f"demo: {args.broker!r} is no broker; say BROKER=mqtt://host:port")
        return 2
    shutil.rmtree(args.folder, ignore_errors=True)
    args.folder.mkdir(parents=True)
    try:
        return asyncio.run(demo(args.folder.resolve(), args.broker, once=args.once))
    except (Failed, brokers.NoBroker, TimeoutError, OSError) as error:
        say(f"demo: {error}\nThe logs of the parts lie in {args.folder}/*.log")
        return 1


async def demo(folder: Path, url: str | None, *, once: bool) -> int:
    with contextlib.ExitStack() as stack:
        if url is None:
            kind = brokers.available()[0]
            started = stack.enter_context(brokers.start(kind, folder / "broker"))
            url = started.url
            say(f"==> broker: {kind} at {url}")
        else:
            say(f"==> broker: {url}")
        heard: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()

        def hear(topic: str, body: bytes) -> None:
            heard.put_nowait((topic, body))
            if (told := line(topic, body)) is not None:
                say(f"  broker    {told}")

        watcher = Watcher(url, folder / "messages.jsonl", hear)
        stack.callback(watcher.stop)
        async with asyncio.timeout(15):
            await watcher.ready.wait()
        installation = Installation(folder, url)
        stack.callback(installation.stop)
        fleet = await asyncio.to_thread(installation.start_fleet)
        say(f"==> fleet: redemption {fleet['api']}, booths {fleet['page']}")
        await asyncio.to_thread(installation.start_cabin, [BAD, GOOD])
        began = time.monotonic()
        await asyncio.to_thread(installation.start_booth, (str(ROOT / "demo" / "booth.py"),))
        ready_s = time.monotonic() - began
        say(f"==> booth: ready after {ready_s:.2f} s")
        played = await play(folder, installation, heard, GOOD, fleet["api"], say)
        _verdicts(folder)
        summary = _summary(folder, url, fleet, ready_s, played)
        ok = _report(folder, summary, watcher.messages)
        if not once and ok:
            say(f"\nIt stays up: booths {fleet['page']}, broker {url}, redemption {fleet['api']}. Ctrl-C ends it.")
            await _interrupted()
        return 0 if ok else 1


def _verdicts(folder: Path) -> None:
    """The two shots with frame, marks and findings drawn on them, by `booth judge`."""
    for number, picture in ((1, BAD), (2, GOOD)):
        out = folder / "judged"
        subprocess.run(
            [sys.executable, "-m", "edge.cli", "judge", "--out", str(out), str(picture)],
            check=False, capture_output=True,
        )  # fmt: skip
        drawn = next(iter(out.glob(f"{picture.stem}*.png")), None)
        if drawn is None:
            raise Failed(f"booth judge drew nothing for {picture.name}")
        drawn.replace(folder / f"verdict-{number}.png")
    shutil.rmtree(folder / "judged")


def _summary(folder: Path, url: str, fleet: dict[str, str], ready_s: float, played: Played) -> dict[str, object]:
    redeemed = hashlib.sha256((folder / "redeemed" / "portrait.jpg").read_bytes()).hexdigest()
    summary: dict[str, object] = {
        "code": played.code,
        "portrait_sha256": {"sealed": (folder / "sealed.txt").read_text(), "redeemed": redeemed},
        "broker": url,
        "fleet": {"redemption": fleet["api"], "page": fleet["page"]},
        "seconds": {
            "start_to_ready": round(ready_s, 3),
            "commit_to_receipt": round(played.commit_to_receipt_s, 3),
            "ticket_to_redeemable": round(played.ticket_to_redeemable_s, 3),
            "whole_visit": round(played.visit_s, 3),
        },
    }
    (folder / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    return summary


def _report(folder: Path, summary: dict[str, object], messages: int) -> bool:
    hashes, seconds = summary["portrait_sha256"], summary["seconds"]
    assert isinstance(hashes, dict) and isinstance(seconds, dict)
    same = bool(hashes["sealed"] == hashes["redeemed"])
    say(f"\nportrait sealed   {hashes['sealed']}\nportrait redeemed {hashes['redeemed']}  "
        + ("equal, byte for byte" if same else "DIFFERENT"))  # fmt: skip
    for name, value in seconds.items():
        say(f"{name.replace('_', ' '):22} {value:6.2f} s")
    for name, what in (
        ("ticket.png", "the ticket"), ("verdict-1.png", "the refused shot"), ("verdict-2.png", "the accepted shot"),
        ("messages.jsonl", f"all {messages} messages on the broker"), ("redeemed/", "what the administration got"),
        ("summary.json", "the figures"),
    ):  # fmt: skip
        say(f"{folder / name}   {what}")
    return same


async def _interrupted() -> None:
    stopped = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stopped.set)
    await stopped.wait()


if __name__ == "__main__":
    sys.exit(main())
