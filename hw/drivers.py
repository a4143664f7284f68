"""Opens the cabin that the configuration names: one driver for each device, never another in its place.

A driver's library is imported only where it was chosen. A device that is not there, or whose library is not installed,
opens all the same: its status says why, the gate stays closed, and it comes back by itself. Must never guess a driver.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from hw import cabin as devices
from hw import settings


@asynccontextmanager
async def open_cabin(chosen: settings.Cabin) -> AsyncIterator[devices.Cabin]:
    """The cabin's devices, closed (acceptor and lamps off) at the end."""
    if isinstance(chosen, settings.SimulatedCabin):
        async with _simulated(chosen.socket) as cabin:
            yield cabin
        return
    async with AsyncExitStack() as opened:
        simulated: devices.Cabin | None = None
        if any(isinstance(getattr(chosen, name), settings.Simulated) for name in settings.DEVICES):
            simulated = await opened.enter_async_context(_simulated(chosen.socket))
        found: dict[str, Any] = {
            name: getattr(simulated, name)
            if isinstance(getattr(chosen, name), settings.Simulated)
            else await opened.enter_async_context(_open(name, getattr(chosen, name)))
            for name in settings.DEVICES
        }
        yield devices.Cabin(**found, labels={name: label(getattr(chosen, name)) for name in settings.DEVICES})


@asynccontextmanager
async def open_device(chosen: settings.Cabin, name: str) -> AsyncIterator[Any]:
    """One device of the cabin by its name (`settings.DEVICES`), the others left alone: for a technician."""
    if isinstance(chosen, settings.Devices) and not isinstance(getattr(chosen, name), settings.Simulated):
        async with _open(name, getattr(chosen, name)) as device:
            yield device
    else:
        async with _simulated(chosen.socket) as cabin:
            yield getattr(cabin, name)


def _simulated(socket: str | None) -> AbstractAsyncContextManager[devices.Cabin]:
    from hw.sim.remote import open_cabin

    assert socket is not None, "checked with the configuration"
    return open_cabin(Path(socket))


def _open(name: str, chosen: settings.Strict) -> AbstractAsyncContextManager[Any]:
    """The driver of one device; each module's opener is the only thing that is known of it here."""
    match chosen:
        case settings.PulseCoins():
            from hw.coins.gpio import open_coins

            return open_coins(chosen)
        case settings.GpioLights():
            from hw.lights import open_lights

            return open_lights(chosen)
        case settings.CctalkCoins():
            from hw.coins.cctalk_acceptor import open_cctalk

            return open_cctalk(chosen)
        case settings.UsbPrinter() | settings.SerialPrinter() | settings.NetworkPrinter():
            from hw.printer.opening import open_printer

            return open_printer(chosen)
        case settings.Absent():
            from hw.none import open_none

            return open_none(name)
        case settings.EvdevPen():
            from hw.pen import open_pen

            return open_pen(chosen)
        case settings.Picamera() | settings.V4l2():
            from hw.camera.driver import open_camera

            return open_camera(chosen)
        case settings.TerminalPanel():
            from hw.panel import open_panel

            return open_panel(chosen)
    raise TypeError(f"{chosen!r} is no device's settings")


def label(chosen: object) -> str:
    """What a driver calls itself in health and `booth status`."""
    match chosen:
        case settings.Simulated():
            return "simulated"
        case settings.Absent():
            return "none"
        case settings.PulseCoins(model=model):
            return f"pulses, {model or 'own table'}"
        case settings.UsbPrinter() | settings.SerialPrinter() | settings.NetworkPrinter():
            return f"ESC/POS {chosen.__struct_config__.tag}, {chosen.profile}"
        case settings.Strict():
            return str(chosen.__struct_config__.tag)
    raise TypeError(f"{chosen!r} is no device's settings")
