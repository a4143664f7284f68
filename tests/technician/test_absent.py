"""Devices that are configured and not there: one line each, the same in `booth devices`, in the log and in health."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from demo.installation import Installation
from tests.technician.conftest import ROOT
from tests.technician.conftest import booth as command

CABIN = """
[cabin]
driver = "devices"
panel = { driver = "none" }
coins = { driver = "pulse", model = "DG600F", lines = { coin = 17 }, enable_pin = 27, chip = "pinctrl-moon" }
lights = { driver = "gpio", lamps.face = { pin = 6, pwm = "software" }, chip = "pinctrl-sun" }
pen = { driver = "evdev", device = "/dev/input/by-id/absent" }
camera = { driver = "v4l2", device = "/dev/v4l/by-id/absent", still_px = [640, 480] }
printer = { driver = "usb", vendor = 0x1234, product = 0x5678 }

"""
DEVICES = ("camera", "printer", "lights", "pen", "coins")


async def booth(*arguments: str, **environment: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "edge.cli", *arguments, cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "RUNTIME_DIRECTORY"} | environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def devices(config: Path) -> dict[str, str]:
    """Why each device cannot be used, as `booth devices` has it."""
    process = await booth("devices", "--json", "--config", str(config))
    out, err = await process.communicate()
    assert out, err.decode()
    return {each["device"]: each["why"] for each in json.loads(out)["configured"] if each["device"] in DEVICES}


async def log_and_health(config: Path) -> tuple[list[str], dict[str, Any]]:
    """The log of a booth until it is ready and knows of every device, and its health report then."""
    process = await booth("run", "--config", str(config))
    kept = config.parent / "state" / "health.json"
    assert process.stderr is not None
    lines: list[str] = []
    try:
        async with asyncio.timeout(90):
            while not any(": ready;" in line for line in lines):
                lines.append((await process.stderr.readline()).decode())
                assert lines[-1], lines
            while not all_known(kept):  # noqa: ASYNC110 -- another process's file tells nobody when it comes
                await asyncio.sleep(0.05)
    finally:
        process.terminate()
        lines += (await process.stderr.read()).decode().splitlines()
        await process.wait()
    return lines, json.loads(kept.read_text())


def all_known(kept: Path) -> bool:
    """Whether it was reported of every device that it is well or not: the first report may call some not known yet."""
    health = json.loads(kept.read_text()) if kept.exists() else {}
    return all(health.get(f"gate_{device}_ok") is not None for device in DEVICES)


def without_devices(folder: Path) -> Path:
    """The configuration of an installation whose real devices are none of them there."""
    config = Installation(folder, "mqtt://localhost:1", guidance_s=1.0).folder / "booth.toml"
    toml = config.read_text()
    config.write_text(toml[: toml.index("[cabin]")] + CABIN + toml[toml.index("[[services]]") :])
    return config


def test_what_is_not_there_is_told_once_and_alike_in_devices_log_and_health(tmp_path: Path) -> None:
    config = without_devices(tmp_path / "i")
    told = asyncio.run(devices(config))
    log, health = asyncio.run(log_and_health(config))
    assert set(told) == set(DEVICES)
    for device, why in told.items():
        assert why and "\n" not in why, device
        assert health[f"gate_{device}_ok"] is False and health[f"gate_{device}_why"] == why
        lines = [line for line in log if why in line]
        assert len(lines) == 1 and lines[0].startswith(f"WARNING booth: {device}: "), (device, log)


@pytest.mark.parametrize("device", ["coins", "pen", "lights"])
def test_a_trial_of_what_is_not_there_says_only_that_and_once(tmp_path: Path, device: str) -> None:
    async def story() -> tuple[int | None, list[dict[str, Any]], str]:
        async with command(without_devices(tmp_path / "i"), "try", device, "--json", "--for", "3") as trying:
            return await trying.whole()

    status, facts, _ = asyncio.run(story())
    assert status == 1 and [fact["what"] for fact in facts] == ["gone", "end"], facts
