"""The simulated cabin as a process: one booth and any number of benches behind a Unix socket, in real time.

It outlives a killed booth as a real cabin does, and must never fall over what anybody sends.
"""

import argparse
import asyncio
import dataclasses
import logging
import os
import random
import signal
from collections.abc import Collection, Coroutine
from pathlib import Path
from typing import Any

from hw.cabin import DeviceError, Edge, Scene, View
from hw.sim.cabin import SimCabin
from hw.sim.camera import Picture
from hw.sim.coins import CoinRecord, Inserted
from hw.sim.journal import Entry
from hw.sim.paper import Sheet
from hw.sim.wire import Link, WireError

log = logging.getLogger(__name__)

BEAT_S = 1.0
DEVICES = ("camera", "coins", "pen", "printer", "lights", "panel")
PICTURES = (".jpg", ".jpeg", ".png", ".webp")


class CabinProcess:
    """The cabin and who is connected to it.

    `folder`: the pictures it plays, and where relative names are looked for; `out`: where papers are kept.
    """

    def __init__(self, rng: random.Random, folder: Path, out: Path, *, panel: bool) -> None:
        found = sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES)
        self.sim = SimCabin(rng, pictures=found, panel=panel, connected=False)
        self._folder = folder
        self._out = out
        self._booth: Link | None = None
        self._benches: set[Link] = set()
        self._work: dict[asyncio.Task[None], Link | None] = {}
        self._tasks = asyncio.TaskGroup()
        self.sim.journal.follow(self._follow)

    async def serve(self, socket: Path, stop: asyncio.Event) -> None:
        async with self._tasks:
            server = await asyncio.get_running_loop().create_unix_server(lambda: Link(self._told, self._lost), socket)
            log.info("cabin listens on %s", socket)
            try:
                while not stop.is_set():
                    self._beat()
                    try:
                        async with asyncio.timeout(BEAT_S):
                            await stop.wait()
                    except TimeoutError:
                        continue  # the next beat
            finally:
                server.close()
                for task in self._work:
                    task.cancel()
                for link in [*self._benches, *([self._booth] if self._booth else [])]:
                    link.close("the cabin stops")

    # --- who comes, who goes

    def _told(self, link: Link, head: dict[str, Any], body: bytes) -> None:
        do = head.get("do")
        if do == "hello" and link is not self._booth and link not in self._benches:
            self._come(link, head.get("role"))
        elif link is self._booth and do == "enable":
            self._enable(head.get("for_s"))
        elif link is self._booth and do == "heard" and isinstance(head.get("seq"), int):
            self.sim.coins.heard(head["seq"])
        elif isinstance(head.get("ask"), int) and (link is self._booth or link in self._benches):
            self._do(self._serve(link, head, body), link)
        else:
            raise WireError(f"not understood: {str(head)[:80]}")

    def _come(self, link: Link, role: object) -> None:
        if role == "bench":
            self._benches.add(link)
            for entry in self.sim.journal.entries:
                link.tell(_entry(entry))
        elif role == "booth":
            if self._booth is not None:
                raise WireError("another booth is connected")
            self._booth = link
            self.sim.journal.note("daemon.came")
            pen, panel = self.sim.pen, self.sim.panel
            link.tell({"do": "cabin", "pad_mm": [pen.width_mm, pen.height_mm], "panel": panel.present})
            self.sim.coins.listen(_BoothLines(link), acknowledges=True)
            self._beat()  # a booth that has heard that the acceptor is well has its lines as well
            self._do(self._pass_samples(link), link)
        else:
            raise WireError(f"hello as {role!r}: booth or bench")

    def _lost(self, link: Link, why: str) -> None:
        self._benches.discard(link)
        if link is self._booth:
            log.info("the booth is gone: %s", why)
            self._leave()

    def _leave(self) -> None:
        gone, self._booth = self._booth, None
        for task, whose in self._work.items():
            if whose is gone:
                task.cancel()
        self.sim.let_go()

    def _do(self, work: Coroutine[Any, Any, None], whose: Link | None) -> None:
        task = self._tasks.create_task(work)
        self._work[task] = whose
        task.add_done_callback(self._work.pop)

    # --- what the booth is told

    def _beat(self) -> None:
        if self._booth is not None:
            sim = self.sim
            said = {
                "camera": sim.camera.status(),
                "lights": sim.lights.status(),
                "coins": sim.coins.status(),
                "pen": sim.pen.status(),
                "panel": sim.panel.status(),
            }
            self._booth.tell({"do": "beat", "status": {name: [its.health, its.why] for name, its in said.items()}})

    async def _pass_samples(self, link: Link) -> None:
        while True:
            try:
                async for sample in self.sim.pen.samples():
                    link.tell({"do": "sample", **dataclasses.asdict(sample)})
            except DeviceError as gone:
                link.tell({"do": "pen_gone", "why": gone.why})
                await self.sim.pen.plugged_in()

    def _follow(self, entry: Entry) -> None:
        for bench in self._benches:
            bench.tell(_entry(entry))
        if entry.what.endswith(".fault"):
            self._beat()
        if entry.what == "printer.sheet":
            self._do(self._keep_paper(entry.data["n"]), None)

    async def _keep_paper(self, n: int) -> None:
        sheet = (await self.sim.printer.papers())[n - 1]
        (self._out / f"paper-{n}.png").write_bytes(sheet.png)
        (self._out / f"paper-{n}.escpos").write_bytes(sheet.escpos)

    def _enable(self, for_s: object) -> None:
        if not isinstance(for_s, int | float):
            raise WireError("enable without for_s")
        try:
            self.sim.coins.enable(for_s)
        except DeviceError as gone:
            log.info("%s", gone)  # the booth learns it by lines_gone

    # --- what is asked

    async def _serve(self, link: Link, head: dict[str, Any], body: bytes) -> None:
        try:
            work = self._for_booth if link is self._booth else self._for_bench
            result, out = await work(head, body)
        except (DeviceError, ValueError) as error:
            link.answer(head, error)
        except Exception as error:  # whoever asks wrongly hears it; the cabin goes on
            log.exception("a request failed")
            link.answer(head, error)
        else:
            link.answer(head, result, out)

    async def _for_booth(self, head: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
        sim = self.sim
        match head.get("device"), head.get("do"):
            case "camera", "frame":
                frame = await sim.camera.frame_after(int(head["after_ns"]))
                return {"at_ns": frame.at_ns, "shape": frame.rgb.shape}, frame.rgb.tobytes()
            case "camera", "still":
                still = await sim.camera.still()
                facts = {"exposure_us": still.exposure_us, "gain": still.gain, "focal_px": still.focal_px}
                if isinstance(still.picture, bytes):
                    return {"at_ns": still.at_ns, "shape": None, **facts}, still.picture
                return {"at_ns": still.at_ns, "shape": still.picture.shape, **facts}, still.picture.tobytes()
            case "lights", "show":
                await sim.lights.show(Scene(head["scene"]), for_s=float(head["for_s"]))
            case "printer", "write":
                return {"took": await sim.printer.write(body, deadline_s=float(head["within_s"]))}, b""
            case "printer", "read":
                return {}, await sim.printer.read(deadline_s=float(head["within_s"]))
            case "printer", "reset":
                await sim.printer.reset()
            case "panel", "show":
                step, sound = str(head["step"]), head["sound"]
                await sim.panel.show(View(step, tuple(head["lines"]), body or None, sound, tuple(head["fields"])))
            case device, do:
                raise ValueError(f"a booth asks no {device}.{do}")
        return {}, b""

    async def _for_bench(self, head: dict[str, Any], _body: bytes) -> tuple[dict[str, Any], bytes]:
        name, do = str(head.get("device")), str(head.get("do"))
        device: Any = getattr(self.sim, name) if name in DEVICES else None
        if device is None or do not in device.VERBS:
            raise ValueError(f"a bench has no {name}.{do}")
        args = list(head["args"])
        if name == "camera" and do in ("show", "play"):
            picture = args[0]
            args[0] = self._here(picture) if isinstance(picture, str) else [self._here(one) for one in picture]
        return pack(await getattr(device, do)(*args, **head["kwargs"]))

    def _here(self, picture: str) -> Picture:
        return self._folder / picture


class _BoothLines:
    """The booth's ears, over the socket."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def lines_came(self, at_ns: int, low: Collection[str] = ()) -> None:
        self._link.tell({"do": "lines_came", "at_ns": at_ns, "low": list(low)})

    def edge(self, edge: Edge) -> None:
        self._link.tell({"do": "edge", **dataclasses.asdict(edge)})

    def lines_gone(self, why: str) -> None:
        self._link.tell({"do": "lines_gone", "why": why})


def _entry(entry: Entry) -> dict[str, Any]:
    return {"do": "entry", **dataclasses.asdict(entry)}


def pack(result: object) -> tuple[dict[str, Any], bytes]:
    """A verb's result as (head, body)."""
    match result:
        case None:
            return {"is": "nothing"}, b""
        case bytes():
            return {"is": "bytes"}, result
        case Inserted() | CoinRecord():
            return {"is": type(result).__name__, "value": dataclasses.asdict(result)}, b""
        case list():
            sheets: list[Sheet] = result
            facts = [[sheet.n, sheet.whole, len(sheet.rows), len(sheet.escpos)] for sheet in sheets]
            return {"is": "sheets", "value": facts}, b"".join(s.rows.tobytes() + s.escpos for s in sheets)
        case _:
            return {"is": "value", "value": result}, b""


def main() -> None:
    """`python -m hw.sim`: the cabin until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m hw.sim", description="A simulated cabin behind a Unix socket.")
    parser.add_argument("--socket", type=Path, required=True, help="where booths and benches connect")
    parser.add_argument("--pictures", type=Path, required=True, help="folder of the pictures that the camera plays")
    parser.add_argument("--out", type=Path, required=True, help="folder for the papers that come out")
    parser.add_argument("--seed", type=int, default=1, help="of bounce, jitter and noise")
    parser.add_argument("--no-panel", action="store_true", help="a booth without a screen")
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="cabin: %(message)s")
    if not chosen.pictures.is_dir():
        parser.error(f"no folder {chosen.pictures}")
    os.umask(0o077)  # portraits pass through the socket
    chosen.out.mkdir(parents=True, exist_ok=True)
    try:
        asyncio.run(_main(chosen))
    finally:
        chosen.socket.unlink(missing_ok=True)


async def _main(chosen: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    rng = random.Random(chosen.seed)  # noqa: S311 -- bounce and noise that can be repeated
    cabin = CabinProcess(rng, chosen.pictures, chosen.out, panel=not chosen.no_panel)
    await cabin.serve(chosen.socket, stop)
