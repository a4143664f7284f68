"""`booth judge --watch` at the cabin: the live guidance on the very camera that the booth uses.

Never beside a running booth, and no frame is kept.
"""

import argparse
import asyncio

from hw.cabin import Camera

from ..config import Config
from ..portrait import Guidance, Judge
from ..texts import Texts
from .shown import Shown, view
from .trying import on_device


def run(args: argparse.Namespace, judge: Judge, texts: Texts) -> int:
    """Says each new instruction until Ctrl-C, a terminal shows the view above it; 0 where the camera was well, else 1.

    `args` are those of `booth judge`. BadConfig where the configuration has faults.
    """

    async def watch(camera: Camera, config: Config, args: argparse.Namespace, shown: Shown) -> None:
        guidance, said = Guidance(), ""
        async for frame in camera.frames():
            verdict = await asyncio.to_thread(judge.look, frame.rgb, live=True)
            guidance.see(verdict, frame.at_ns / 1e9)
            line = guidance.line
            words = texts(line.key, **line.params)
            if line.key != said:
                shown.fact("instruction", words, key=line.key, words=words)
                said = line.key
            if shown.draws:
                shown.live(view(frame.rgb).append(words))

    return on_device("booth judge --watch", "camera", watch, args)
