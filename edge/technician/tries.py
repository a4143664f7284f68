"""What each device shows while it is tried: one coroutine for a device, over hw's protocols.

Each ends with the device's own error where it goes away, and is called again when it may be back. Must never say of a
device that is not there what it would be like, and never hear a coin that is the booth's to tell.
"""

import argparse
import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from itertools import cycle
from typing import Any

from rich.text import Text

from hw.cabin import (
    Camera,
    Coin,
    CoinAcceptor,
    CoinEvent,
    DeviceError,
    DeviceFault,
    DeviceMissing,
    Edge,
    Frame,
    Glitch,
    Health,
    Lights,
    Pen,
    PenSample,
    Printer,
    Scene,
    UnclearCoin,
)
from hw.camera.jpeg import opened, quality_of
from hw.coins.cctalk_counted import CountedEvents

from ..config import Config
from ..fields import Rectangle, overlay, tapped
from ..picture import UnreadablePictureError, read_picture
from .drawing import Canvas, sharpness
from .sample import sample_rows
from .shown import COLUMNS, Shown, view

ACCEPT_S = 3.0
DRAIN_S = 4.0
"""A coin that was validated before the slot closed still sends its pulses (hardware.md, 1: 2 s and the longest)."""
SCENE_S = 3.0
STILL_S = 3.0
STATUS_S = 1.0


class Untold(Exception):
    """The device knows of coins that a booth must take into its ledger first; the text says how."""


Try = Callable[[Any, Config, argparse.Namespace, Shown], Coroutine[Any, Any, None]]


async def _camera(camera: Camera, config: Config, args: argparse.Namespace, shown: Shown) -> None:
    """Frames a second, their age and sharpness; every few seconds a still with its exposure."""
    arrived: deque[float] = deque(maxlen=30)
    next_still_s = time.monotonic() + STILL_S
    async for frame in camera.frames():
        arrived.append(time.monotonic())
        if shown.draws:
            shown.live(_view(frame, arrived))
        if arrived[-1] > next_still_s:
            await _still(camera, _rate(arrived), shown)
            next_still_s = time.monotonic() + STILL_S
            arrived.clear()


async def _still(camera: Camera, frames_per_s: float, shown: Shown) -> None:
    asked_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    still = await camera.still()
    quality, rgb = None, still.picture
    if isinstance(rgb, bytes):
        try:
            quality, rgb = quality_of(opened(rgb)), read_picture(rgb)
        except (ValueError, UnreadablePictureError) as error:
            raise DeviceFault("camera", str(error)) from error
    height, width = rgb.shape[:2]
    after_ms, sharp = (still.at_ns - asked_ns) / 1e6, sharpness(rgb)
    form = "" if quality is None else f" as JPEG of quality {quality}"
    exposure = "exposure not told" if still.exposure_us is None else f"{still.exposure_us / 1000:g} ms"
    gain = "" if still.gain is None else f", gain {still.gain:.2f}"
    shown.fact(
        "still",
        f"{frames_per_s:.1f} frames/s; still {width} × {height}{form}, {exposure}{gain}, "
        f"exposed {after_ms:.0f} ms after asking, sharpness {sharp:.1f}",
        frames_per_s=round(frames_per_s, 1),
        width_px=width,
        height_px=height,
        jpeg_quality=quality,
        exposure_us=still.exposure_us,
        gain=still.gain,
        after_ms=round(after_ms),
        sharpness=round(sharp, 2),
    )


def _view(frame: Frame, arrived: deque[float]) -> Text:
    age_ms = (time.clock_gettime_ns(time.CLOCK_BOOTTIME) - frame.at_ns) / 1e6
    text = view(frame.rgb)
    text.append(f"{_rate(arrived):.1f} frames/s, {age_ms:.0f} ms old, sharpness {sharpness(frame.rgb):.1f}, "
                f"lightness {frame.rgb.mean() / 2.55:.0f} %")  # fmt: skip
    return text


def _rate(arrived: deque[float]) -> float:
    spent_s = arrived[-1] - arrived[0] if len(arrived) > 1 else 0.0
    return (len(arrived) - 1) / spent_s if spent_s else 0.0


async def _lights(lights: Lights, config: Config, args: argparse.Namespace, shown: Shown) -> None:
    """One scene after the other, or the one asked for."""
    for scene in cycle([Scene(args.scene)] if args.scene else list(Scene)):
        await lights.show(scene, for_s=SCENE_S + 1)
        shown.fact("scene", f"scene {scene.value}", scene=scene.value)
        await asyncio.sleep(SCENE_S)


async def _coins(coins: CoinAcceptor, config: Config, args: argparse.Namespace, shown: Shown) -> None:
    """Coins as they fall, unclear ones with their edges; the slot closes at the end and what is in flight is heard.

    Untold where coins fell before.
    """
    events = coins.events()
    renewing = asyncio.create_task(_keep_open(coins, events, shown))
    hearing = asyncio.create_task(_hear(events, shown))
    try:
        await asyncio.wait((renewing, hearing), return_when=asyncio.FIRST_COMPLETED)
    finally:
        renewing.cancel()
        with suppress(DeviceError):
            await coins.refuse()
        if not hearing.done():
            await asyncio.wait((hearing,), timeout=DRAIN_S)
            hearing.cancel()
        for ended in await asyncio.gather(renewing, hearing, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended


def _check_told(events: AsyncIterator[CoinEvent]) -> None:
    """Untold where hearing them would take a customer's coin from the booth, whose counter they move on.

    Whoever asks goes on in the same step: the acceptor may appear in the next.
    """
    if isinstance(events, CountedEvents) and events.missed:
        raise Untold(
            f"coins: {events.missed} fell while no booth listened, and would be lost here: start the booth once "
            "(systemctl start booth), so that its ledger has them; then stop it and try again"
        )


async def _keep_open(coins: CoinAcceptor, events: AsyncIterator[CoinEvent], shown: Shown) -> None:
    _check_told(events)
    said = False
    while True:
        await coins.accept(for_s=ACCEPT_S)
        if not said and coins.status().health is Health.WELL:
            said = True
            text = "the slot is open; coins that fall now are nobody's credit: take them out of the box again"
            shown.fact("open", text)
        await asyncio.sleep(ACCEPT_S / 3)


async def _hear(events: AsyncIterator[CoinEvent], shown: Shown) -> None:
    _check_told(events)
    total_cents = glitches = unclear = 0
    async for event in events:
        match event:
            case Coin(cents=cents):
                total_cents += cents
                text = f"coin {cents / 100:.2f} €, {total_cents / 100:.2f} € in all"
                shown.fact("coin", text, cents=cents, total_cents=total_cents)
            case UnclearCoin(why=why, edges=edges):
                unclear += 1
                text = f"unclear coin: {why}; edges in ms: {_marks(edges)}"
                shown.fact("unclear_coin", text, why=why, edges=_marks(edges))
            case Glitch():
                glitches += 1
                shown.fact("glitch", f"glitch, too short for a coin ({glitches} so far)", glitches=glitches)
        shown.live(Text(f"{total_cents / 100:.2f} €   unclear {unclear}   glitches {glitches}", "bold"))


def _marks(edges: tuple[Edge, ...]) -> str:
    return " ".join(
        f"{edge.line}{'↑' if edge.rising else '↓'}{(edge.at_ns - edges[0].at_ns) / 1e6:.1f}" for edge in edges
    )


async def _pen(pen: Pen, config: Config, args: argparse.Namespace, shown: Shown) -> None:
    """The strokes as they are drawn, and the field that a tap meets."""
    wide, high = pen.width_mm, pen.height_mm
    fields = overlay([service.id for service in config.services], wide, high, config.fields)
    canvas = Canvas(COLUMNS, max(4, round(COLUMNS * high / wide / 2)), wide, high)
    samples = pen.samples()
    if (status := pen.status()).health is not Health.WELL:  # the size is not its own yet
        raise DeviceMissing("pen", status.why)
    shown.fact("pad", f"a pad of {wide:.0f} × {high:.0f} mm", width_mm=wide, height_mm=high)
    stroke: list[PenSample] = []
    async for sample in samples:
        if sample.contact:
            stroke.append(sample)
            canvas.line_to(sample.x_mm, sample.y_mm)
            if shown.draws:
                where = f"{sample.x_mm:6.1f} mm {sample.y_mm:6.1f} mm  pressure {sample.pressure:.2f}"
                shown.live(Text(f"{canvas.text()}\n{where}"))
            continue
        canvas.lift()
        if stroke:
            _stroke(stroke, sample.broken, fields, shown)
        stroke = []


def _stroke(stroke: list[PenSample], cut: bool, fields: dict[str, Rectangle], shown: Shown) -> None:
    spent_s = (stroke[-1].at_ns - stroke[0].at_ns) / 1e9
    rate = round((len(stroke) - 1) / spent_s) if spent_s else 0
    broken = cut or any(sample.broken for sample in stroke)
    field = tapped(fields, stroke)
    what = f"tap on {field}" if field else "stroke"
    pressure = round(max(sample.pressure for sample in stroke), 3)
    shown.fact(
        "stroke",
        f"{what}: {len(stroke)} samples, {rate}/s, pressure up to {pressure:.2f}{', BROKEN' if broken else ''}",
        field=field,
        samples=len(stroke),
        samples_per_s=rate,
        pressure=pressure,
        broken=broken,
    )


async def _printer(printer: Printer, config: Config, args: argparse.Namespace, shown: Shown) -> None:
    """The status whenever it changes; with --print a sample ticket first, and what became of it."""
    if args.prints:
        result = await printer.print(sample_rows(config))
        text = f"sample ticket: {result.outcome}{': ' if result.why else ''}{result.why} ({result.rows} rows sent)"
        shown.fact("ticket", text, outcome=result.outcome, why=result.why, rows=result.rows)
        args.prints = False
    said = None
    while True:
        status = await printer.status()
        if status != said:
            text = f"printer {status.health}, paper {status.paper}{': ' if status.why else ''}{status.why}"
            shown.fact("status", text, health=status.health, paper=status.paper, why=status.why)
            said = status
        await asyncio.sleep(STATUS_S)


TRIES: dict[str, Try] = {"camera": _camera, "lights": _lights, "coins": _coins, "pen": _pen, "printer": _printer}
