"""A GPIO chip made by gpio-sim: its lines are pulled up and down from here, its outputs read back."""

import os
import subprocess
import sys
from pathlib import Path

CONFIGFS = Path("/sys/kernel/config")


class SimulatedChip:
    """Lives until `close`. `path`: the chip's device file; a line's number is its offset."""

    def __init__(self, label: str, lines: int) -> None:
        modprobe("gpio-sim")
        self._config = CONFIGFS / "gpio-sim" / label
        bank = self._config / "bank0"
        bank.mkdir(parents=True)
        (bank / "num_lines").write_text(str(lines))
        (bank / "label").write_text(label)
        (self._config / "live").write_text("1")
        chip = (bank / "chip_name").read_text().strip()
        self.path = Path("/dev") / chip
        self._folder = Path("/sys/devices/platform") / (self._config / "dev_name").read_text().strip() / chip
        self._values: dict[int, int] = {}

    def pull_file(self, line: int) -> Path:
        """Takes `pull-up` and `pull-down`: what drives the line from outside."""
        return self._folder / f"sim_gpio{line}" / "pull"

    def pull(self, line: int, up: bool) -> None:
        self.pull_file(line).write_text("pull-up" if up else "pull-down")

    def value(self, line: int) -> bool:
        """The line's level now, whoever drives it."""
        if line not in self._values:
            self._values[line] = os.open(self._folder / f"sim_gpio{line}" / "value", os.O_RDONLY)
        return os.pread(self._values[line], 1, 0) == b"1"

    def close(self) -> None:
        for value in self._values.values():
            os.close(value)
        (self._config / "live").write_text("0")
        (self._config / "bank0").rmdir()
        self._config.rmdir()


class Pulses:
    """Plays edges on lines at their times, in a real-time process of its own: the load of a test moves none of them."""

    LATE_NS = 150_000_000  # an edge is played so much after it was due, so that a slow loop comes in time with it

    def __init__(self, chip: SimulatedChip, lines: dict[str, int]) -> None:
        command = [
            sys.executable,
            "-m",
            "tests.rig.bench.pulses",
            *(str(chip.pull_file(pin)) for pin in lines.values()),
        ]
        self._numbers = {name: number for number, name in enumerate(lines)}
        self._player = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._player.stdout is not None
        os.set_blocking(self._player.stdout.fileno(), False)

    def play(self, line: str, rising: bool, due_ns: int) -> None:
        """CLOCK_MONOTONIC ns; edges of one line in order."""
        assert self._player.stdin is not None
        self._player.stdin.write(f"{due_ns + self.LATE_NS} {self._numbers[line]} {int(rising)}\n".encode())
        self._player.stdin.flush()

    def late_ms(self) -> list[int]:
        """What was played late since the last call, and by how much: this machine's fault, not the driver's."""
        assert self._player.stdout is not None
        return [int(line) for line in (self._player.stdout.read() or b"").split()]

    def close(self) -> None:
        assert self._player.stdin is not None
        self._player.stdin.close()
        self._player.wait()


def modprobe(*modules: str) -> None:
    subprocess.run(["modprobe", "-a", *modules], check=True)
    if not (CONFIGFS / "gpio-sim").exists() and not os.path.ismount(CONFIGFS):
        subprocess.run(["mount", "-t", "configfs", "configfs", str(CONFIGFS)], check=True)


def pretend_pi(revision: str = "c03115") -> None:
    """Lays a Pi 4's revision into /proc/cpuinfo: gpiozero knows only Raspberry Pis."""
    cpuinfo = Path("/proc/cpuinfo").read_text()
    if "Revision" in cpuinfo:
        return
    told = Path("/run/cpuinfo")
    told.write_text(f"{cpuinfo}Revision\t: {revision}\n")
    told.chmod(0o444)  # whatever the umask: everyone reads it
    subprocess.run(["mount", "--bind", str(told), "/proc/cpuinfo"], check=True)
