"""The lamps on GPIO lines: scenes as levels, by hardware PWM, software PWM or on and off.

Must never leave the capture's light on because nobody turned it off: it falls back by itself, while the loop hangs too.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path

from hw import cabin, gpio, settings
from hw.cabin import DeviceMissing, Health, Scene, Status
from hw.pwm import PwmChannel
from hw.scenes import LEVELS

log = logging.getLogger(__name__)

HARDWARE_HZ = 25_000  # 250 periods in an exposure of 10 ms, bands of 0.4 % at most (calc)
SOFTWARE_HZ = 1_000  # lgpio's own thread; seen by the eye as steady, by a camera not

Dim = Callable[[float], None]


@asynccontextmanager
async def open_lights(chosen: settings.GpioLights) -> AsyncIterator[cabin.Lights]:
    """The lamps, dark at first and at the end. They open whether their lines are there or not, and they come back."""
    lights = GpioLights(chosen)
    async with gpio.kept(lights.stay_open(), lights.tried):
        yield lights


class GpioLights:
    """Lights protocol."""

    def __init__(self, chosen: settings.GpioLights, root: Path = Path("/")) -> None:
        self._chosen = chosen
        self._root = root
        self._why = "not opened"
        self._gone = asyncio.Event()
        self._dims: dict[str, Dim] = {}
        self._scene: Scene | None = None
        self._stands_s = 0.0
        self._hold: gpio.Hold | None = None
        self.tried = asyncio.Event()  # whether they are there is known

    def status(self) -> Status:
        return Status(Health.FAULTY, self._why) if self._why else Status(Health.WELL)

    async def show(self, scene: Scene, *, for_s: float = 30.0) -> None:
        """As the protocol says. Returns for CAPTURE when the light has warmed up. DeviceMissing."""
        if self._hold is None:
            raise DeviceMissing("lights", self._why)
        now_s = asyncio.get_running_loop().time()
        if scene is not self._scene:
            self._stands_s = now_s + self._chosen.warm_up_ms / 1000
        try:
            if scene is Scene.IDLE:
                self._hold.end()
            else:
                self._hold.keep(partial(self._light, scene), for_s=for_s)
        except DeviceMissing as gone:
            self._lose(gone)
            raise
        if scene is Scene.CAPTURE:
            await asyncio.sleep(self._stands_s - now_s)

    async def stay_open(self) -> None:
        """Takes the lines and watches them, again and again, until it is cancelled."""
        while True:
            self._gone.clear()
            with ExitStack() as held:
                try:
                    self._open(held)
                except DeviceMissing as missing:
                    self._why = missing.why
                    self.tried.set()
                    await asyncio.sleep(gpio.RETRY_S)
                    continue
                self._why = ""
                self.tried.set()
                while self._hold is not None:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(gpio.RETRY_S):
                            await self._gone.wait()
                    self._look()

    # --- inside

    def _open(self, held: ExitStack) -> None:
        by_pwm = {name: lamp for name, lamp in self._chosen.lamps.items() if lamp.pwm == "hardware"}
        by_line = {name: lamp for name, lamp in self._chosen.lamps.items() if lamp.pwm != "hardware"}
        dims: dict[str, Dim] = {}
        taken: dict[str, str] = {}
        for name, lamp in by_pwm.items():
            channel = PwmChannel(
                "lights",
                lamp.pin,
                frequency_hz=lamp.frequency_hz or HARDWARE_HZ,
                active_high=lamp.active_high,
                root=self._root,
            )
            if channel.name in taken:
                raise DeviceMissing(
                    "lights", f"lamps {taken[channel.name]} and {name} share {channel.name} on this board: move one"
                )
            taken[channel.name] = name
            dims[name] = channel.dim
        if by_line:
            chip = gpio.find_chip("lights", self._chosen.chip)
            gpio.check_free("lights", chip, [lamp.pin for lamp in by_line.values()])
            outputs = gpio.Lines("lights", chip)
            held.callback(outputs.close)
            for name, lamp in by_line.items():
                if lamp.pwm == "software":
                    hz = lamp.frequency_hz or SOFTWARE_HZ
                    dims[name] = outputs.dimmer(lamp.pin, active_high=lamp.active_high, frequency_hz=hz)
                else:
                    dims[name] = partial(_switch, outputs.switch(lamp.pin, active_high=lamp.active_high))
        self._dims = dims
        hold = gpio.Hold("lights", partial(self._light, Scene.IDLE))
        held.callback(self._darken, hold)
        hold.end()
        self._hold = hold
        log.info("lights: %s", ", ".join(f"{name}={lamp.pin}" for name, lamp in self._chosen.lamps.items()))

    def _light(self, scene: Scene) -> None:
        """Sets every lamp; called in whatever thread, one at a time by the hold."""
        own = self._chosen.levels.get(scene, {})
        for name, dim in self._dims.items():
            dim(own.get(name, LEVELS[scene].get(name, 0.0)))
        self._scene = scene

    def _look(self) -> None:
        """Whether the lines still take a level: a chip tells nobody that it is gone."""
        if self._hold is None or self._scene is None:
            return
        try:
            self._hold.do(lambda: self._light(self._scene or Scene.IDLE))
        except DeviceMissing as gone:
            self._lose(gone)

    def _lose(self, gone: DeviceMissing) -> None:
        self._hold = None
        self._why = gone.why
        self._gone.set()

    def _darken(self, hold: gpio.Hold) -> None:
        hold.close()
        self._hold, self._scene = None, None
        self._why = self._why or "closed"
        with suppress(DeviceMissing):
            for dim in self._dims.values():
                dim(0.0)


def _switch(turn: Callable[[bool], None], level: float) -> None:
    turn(level >= 0.5)
