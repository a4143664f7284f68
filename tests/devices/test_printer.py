"""Printers on a real USB bus that cannot serve: one line each, that says what to do, in `booth devices` as in health.

Run it in the rig: python -m tests.rig run --no-systemd 'pytest tests/devices/test_printer.py'
"""

import asyncio
import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hw.cabin import DeviceError
from hw.sim.usb_gadget import PRINTER, SERIAL_PORT
from tests.contract.printer_lines import line_rig
from tests.technician.conftest import ROOT, TOML

ROWS = np.random.default_rng(3).random((1300, 576)) < 0.3
RIGHT = {"vendor": 0x04B8, "product": 0x0E28, "serial": "RIG0001"}
OTHERS = "\n".join(f'{name} = {{ driver = "none" }}' for name in ("coins", "lights", "panel"))
ABSENT = '\ncamera = { driver = "v4l2", device = "/dev/absent", still_px = [640, 480] }\npen = { driver = "evdev" }\n'


async def says(folder: Path, **wrong: object) -> dict[str, Any]:
    """What `booth devices` says of the configured printer."""
    keys = ", ".join(f"{key} = {json.dumps(value)}" for key, value in (RIGHT | wrong).items())
    cabin = f'driver = "devices"\n{OTHERS}{ABSENT}printer = {{ driver = "usb", {keys} }}\n'
    config = folder / "booth.toml"
    (folder / "k.pem").write_text("a key")
    (folder / "state").mkdir(exist_ok=True)
    config.write_text(TOML.replace('driver = "sim"\n', cabin).replace("price_cents = 600", "price_cents = 0"))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "edge.cli", "devices", "--json", "--config", str(config),
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert out, err.decode()
    (printer,) = (each for each in json.loads(out)["configured"] if each["device"] == "printer")
    assert "\n" not in printer["why"]
    return dict(printer)


async def appears(node: Path) -> Path:
    """The node, once udev made it."""
    async with asyncio.timeout(30):
        while not await asyncio.to_thread(node.exists):  # noqa: ASYNC110 -- udev tells nobody here
            await asyncio.sleep(0.05)
    return node


@pytest.mark.parametrize(
    ("wrong", "named"),
    [({"vendor": 0x1234}, "no USB 1234:0e28 RIG0001"), ({"serial": "OTHER"}, "no USB 04b8:0e28 OTHER")],
)
def test_wrong_ids_are_told_with_the_printer_that_is_there(tmp_path: Path, wrong: dict[str, Any], named: str) -> None:
    async def story() -> None:
        async with line_rig("usb", tmp_path):
            told = await says(tmp_path, **wrong)
            assert told["health"] == "faulty"
            assert named in told["why"] and "04b8:0e28 RIG0001: plug the right one in, or correct" in told["why"]

    asyncio.run(story())


def test_a_printer_that_answers_nothing_is_not_known_and_says_what_to_look_at(tmp_path: Path) -> None:
    async def story() -> None:
        async with line_rig("usb", tmp_path) as rig:
            await rig.bench.printer.silent()
            told = await says(tmp_path)
            assert told["health"] == "unknown" and "no answer" in told["why"] and "look at its cable" in told["why"]

    asyncio.run(story())


def test_a_printer_that_another_process_holds_is_told_so(tmp_path: Path) -> None:
    async def story() -> None:
        async with line_rig("usb", tmp_path) as rig:
            assert (await rig.cabin.printer.status()).ready
            told = await says(tmp_path)
            assert told["health"] == "faulty" and "is held by another process: end it" in told["why"]
            assert (await rig.cabin.printer.status()).ready  # and who held it still does

    asyncio.run(story())


@pytest.mark.parametrize("functions", [(SERIAL_PORT, PRINTER), (PRINTER, SERIAL_PORT)])
def test_a_printer_that_is_a_serial_port_as_well_prints_and_leaves_that_to_the_kernel(
    tmp_path: Path, functions: tuple[str, ...]
) -> None:
    """Interfaces 0 and 1 are the serial port's and 2 is the printer's, or 0 is and the kernel holds 1 and 2."""

    async def story() -> None:
        async with line_rig("usb", tmp_path, functions=functions) as rig:
            await appears(Path("/dev/ttyACM0"))  # again, after the bus reset of the opening
            printing = asyncio.create_task(rig.cabin.printer.print(ROWS))
            await rig.bench.wait("printer.row")
            await rig.kill()
            with suppress(DeviceError):
                await printing
            await rig.connect()
            assert (await rig.cabin.printer.print(~ROWS)).outcome == "printed"
            await rig.bench.wait("printer.sheet")
            assert np.array_equal((await rig.bench.printer.papers())[-1].rows, ~ROWS)
            await appears(Path("/dev/ttyACM0"))

    asyncio.run(story())


def test_a_printer_that_the_kernels_own_driver_holds_is_taken_from_it(tmp_path: Path) -> None:
    async def story() -> None:
        async with line_rig("usb", tmp_path) as rig:
            node = await appears(Path("/dev/usb/lp0"))
            held = os.open(node, os.O_RDWR | os.O_NONBLOCK)  # as CUPS' backend or a `cat` does
            try:
                assert (await rig.cabin.printer.status()).ready
            finally:
                os.close(held)
            await rig.kill()
            assert (await says(tmp_path))["health"] == "well"

    asyncio.run(story())
