"""One whole visit in the rig, with the daemon under systemd as in the field: coins, pen and printer are the kernel's.

usage: python -m tests.rig.visit    as root, in the machine booted with systemd. Status 0: every promise held.
Mosquitto, the fleet and the administration run beside the booth; the camera and the panel are simulated ones behind a
socket, since no camera of the kernel's shows a face. Then the daemon is made to hang, and must come back by itself.
"""

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from demo import broker as brokers
from demo.installation import BOOTH, Installation
from edge.config import load
from edge.health import last_report
from hw.sim.bench import Bench, open_bench
from tests.kill.both_sides import TOTALS, BothSides, Totals, rows
from tests.kill.customer import COIN, Customer
from tests.rig import rights
from tests.rig.bench import wiring

ROOT = Path(__file__).parents[2]
UNIT = "booth.service"
ETC, STATE, OPT = Path("/etc/booth"), Path("/var/lib/booth"), Path("/opt/booth/current")
CONSOLE = '\n[cabin.panel]\ndriver = "terminal"\n'
PATIENCE_S = 180.0
EXPOSED_AT_MOST = 1.5  # of 10, by systemd-analyze security

started_s = time.monotonic()


def say(what: str) -> None:
    print(f"==> visit {time.monotonic() - started_s:4.0f} s: {what}", flush=True)


def call(*command: str) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def install(installation: Installation) -> None:
    """What a package lays: user, rules, unit, program, configuration, keys."""
    systemd = ROOT / "systemd"
    shutil.copy(systemd / "sysusers.conf", "/usr/lib/sysusers.d/booth.conf")
    call("systemd-sysusers")
    for rule in (systemd / "udev").iterdir():
        shutil.copy(rule, "/etc/udev/rules.d/")
    call("udevadm", "control", "--reload")
    rights.lay()
    for subsystem, name in (("tty", "tty1"), ("pwm", "*")):  # there already; the others are plugged in later
        call("udevadm", "trigger", f"--subsystem-match={subsystem}", f"--sysname-match={name}")
    program = OPT / "bin/booth"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m edge.cli "$@"\n')
    program.chmod(0o755)
    ETC.mkdir()
    keys = installation.folder / "keys"
    for path in (f"booths/{BOOTH}/key.pem", "public/vault.pem", "public/index.pem", "public/fleet.pem"):
        (ETC / "keys" / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(keys / path, ETC / "keys" / path)
    text = (installation.folder / "booth.toml").read_text()
    text = text.replace('state_dir = "state"', f'state_dir = "{STATE}"')
    text = re.sub(r"\[cabin\][^[]*", cabin(installation.folder / "cabin.sock"), text)
    (ETC / "booth.toml").write_text(text)
    call("chown", "-R", "booth:booth", str(ETC))
    shutil.copy(systemd / UNIT, "/etc/systemd/system/")
    before = Path(f"/etc/systemd/system/{UNIT}.d/rights.conf")
    before.parent.mkdir()
    before.write_text(f"[Service]\nEnvironment=PYTHONPATH={ROOT}\nExecStartPre={sys.executable} -m {rights.__name__}\n")
    call("systemctl", "daemon-reload")


def cabin(socket: Path) -> str:
    """The configuration's devices: the kernel's, but camera and panel."""
    devices = wiring.DEVICES | {"camera": {"driver": "sim"}, "panel": {"driver": "sim"}}
    return f'[cabin]\nsocket = "{socket}"\n' + "".join(_toml(f"cabin.{name}", each) for name, each in devices.items())


def _toml(name: str, value: Any) -> str:
    if isinstance(value, str):  # the cabin's own driver
        return f'driver = "{value}"\n'
    tables = {key: each for key, each in value.items() if isinstance(each, dict)}
    plain = "".join(f"{key} = {_plain(each)}\n" for key, each in value.items() if key not in tables)
    return f"\n[{name}]\n{plain}" + "".join(_toml(f"{name}.{key}", each) for key, each in tables.items())


def _plain(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


class BothBenches:
    """What a customer does to the kernel's devices, and sees of the simulated panel."""

    def __init__(self, kernel: Bench, sim: Bench) -> None:
        self.coins, self.pen, self.printer = kernel.coins, kernel.pen, kernel.printer
        self.journal, self.wait, self.wait_view = sim.journal, sim.wait, sim.wait_view


async def visit(installation: Installation, api: str, benches: BothBenches) -> None:
    sides = BothSides(installation, benches, api)
    await benches.wait("daemon.came", timeout_s=PATIENCE_S)
    await benches.wait_view("door", timeout_s=PATIENCE_S)
    say("the booth is at its door; a customer comes")
    customer = Customer(benches, installation.folder, patience_s=PATIENCE_S, comes_in=True)
    end = await customer.visit()
    say(f"the visit ended at {end!r}")
    if end != "take_ticket":
        raise AssertionError(f"no ticket proven: {end}")
    totals = await settled()
    lost = await sides.check(totals, "one visit")
    if lost != (0, 0) or totals.spent_cents != COIN:
        raise AssertionError(f"coins {totals}, lost {lost}")
    say(f"coins credited, ticket whole, its code redeemed once: {totals}")


async def settled() -> Totals:
    """The ledger's sums once nothing waits for the fleet any more."""
    async with asyncio.timeout(PATIENCE_S):
        while rows(STATE / "ledger.db", "SELECT count(*) FROM outbox WHERE quarantined IS NULL")[0][0]:  # noqa: ASYNC110 -- a database announces nothing
            await asyncio.sleep(0.2)
    return Totals(*rows(STATE / "ledger.db", TOTALS)[0])


async def hangs(benches: BothBenches) -> None:
    """A daemon that stands still is replaced by systemd's watchdog, and takes money again: now with the panel on the
    console, which only this unit's rights reach."""
    await benches.wait_view("door", timeout_s=PATIENCE_S)
    pid = int(call("systemctl", "show", "-P", "MainPID", UNIT))
    text = (ETC / "booth.toml").read_text()
    (ETC / "booth.toml").write_text(text.replace(_toml("cabin.panel", {"driver": "sim"}), CONSOLE))
    os.kill(pid, signal.SIGSTOP)
    say("the daemon stands still")
    await benches.wait("daemon.gone", timeout_s=PATIENCE_S)
    await benches.wait("daemon.came", timeout_s=PATIENCE_S)
    report: dict[str, Any] = {}
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not report.get("gate_open"):
                await asyncio.sleep(0.5)
                report = last_report(load(ETC / "booth.toml")) or {}
    except TimeoutError:
        raise AssertionError(f"it takes no money: {report}") from None
    if (restarts := call("systemctl", "show", "-P", "NRestarts", UNIT).strip()) != "1":
        raise AssertionError(f"restarted {restarts} times")
    say("systemd's watchdog replaced it; it takes money again, its panel on the console")


def exposure() -> None:
    said = call("systemd-analyze", "security", "--no-pager", UNIT).splitlines()[-1]
    (level,) = re.findall(r"(\d+\.\d)", said)
    say(f"exposure {level} of 10")
    if float(level) > EXPOSED_AT_MOST:
        raise AssertionError(f"the unit's exposure is {level}, at most {EXPOSED_AT_MOST} is meant")


def technician() -> None:
    """What root's shell is told beside the service."""
    report = json.loads(call(str(OPT / "bin/booth"), "status", "--json"))
    told = subprocess.run([OPT / "bin/booth", "devices", "--json"], stdout=subprocess.PIPE, text=True, check=False)
    well = {each["device"] for each in json.loads(told.stdout)["configured"] if each["health"] == "well"}
    if report["gate_printer_ok"] is not True or not {"coins", "pen", "printer"} <= well:
        raise AssertionError(f"`booth status`: {report}; `booth devices`: {told.stdout}")
    say("`booth status` and `booth devices` say how the service is")


async def played(installation: Installation, api: str) -> None:
    folder = installation.folder
    async with (
        open_bench("/run/bench.sock", timeout_s=PATIENCE_S) as kernel,
        open_bench(folder / "cabin.sock", timeout_s=PATIENCE_S) as sim,
    ):
        (folder / "cabin.sock").chmod(0o666)
        both = BothBenches(kernel, sim)
        await asyncio.to_thread(call, "udevadm", "settle")
        await asyncio.to_thread(call, "systemctl", "start", UNIT)
        say("systemd has heard READY=1; before, hardware PWM and both kinds of camera worked with the unit's rights")
        exposure()
        await visit(installation, api, both)
        await asyncio.to_thread(technician)
        await hangs(both)
        await asyncio.to_thread(call, "systemctl", "stop", UNIT)


def main() -> None:
    folder = Path("/srv/visit")
    folder.mkdir()
    pip = ("-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation")
    call(sys.executable, *pip, str(ROOT))  # the wheel, as the field gets it
    say("the wheel is built and installed")
    with ExitStack() as stack:
        broker = stack.enter_context(brokers.start("mosquitto", folder / "broker"))
        installation = Installation(folder, broker.url, guidance_s=60)
        stack.callback(installation.stop)
        text = (folder / "booth.toml").read_text()
        (folder / "booth.toml").write_text(re.sub(r"price_cents = \d+", f"price_cents = {COIN}", text))
        api = installation.start_fleet()["api"]
        install(installation)
        installation.start_cabin([ROOT / "demo/pictures/good.jpg"])
        command = ["--socket", "/run/bench.sock", "--pictures", str(folder / "pictures"), "--out", str(folder / "out")]
        bench = subprocess.Popen([sys.executable, "-m", "tests.rig.bench", *command])
        stack.callback(bench.wait)
        stack.callback(bench.terminate)
        say("broker, fleet, cabin and bench run")
        try:
            asyncio.run(played(installation, api))
        except BaseException:
            print(call("journalctl", "-u", UNIT, "--no-pager", "-n", "60", "-o", "short-monotonic"))
            for log in sorted(folder.glob("*.log")):
                print(f"--- {log.name}\n" + "\n".join(log.read_text().splitlines()[-15:]))
            raise
    say("done: every promise held")


if __name__ == "__main__":
    main()
