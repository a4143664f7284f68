"""Boots the image in QEMU, hands the working tree in, runs a command there as root, returns its status.

At most three machines run at once (a fourth waits), each has a time limit, and QEMU never outlives the Python that
started it. KVM is used only where the processor really offers it.
"""

import ctypes
import fcntl
import io
import os
import re
import shlex
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from tests.rig.image import CACHE, ROOT, Image, RigError

GUEST = Path(__file__).parent / "guest"
SLOTS = 3  # each waits for about a third of its time: two leave a processor of two idle for a quarter of it
SHIFT = 1  # an instruction takes 2^1 ns
EMULATED = "Nehalem"  # the cheapest processor that serves numpy and LiteRT; `max` doubles every time
TIMED_OUT, NO_STATUS = 124, 125
BOOTS = 3  # QEMU's emulation trips over a kernel that patches itself, in about one boot of thirty


@dataclass(frozen=True)
class Machine:
    """How to boot.

    `systemd`: False boots in half the time, with udev only. `disk`: a root disk of its own, written to (else what is
    written is thrown away). `disks`: QEMU's -drive words of more disks, /dev/vdc on. `ports`: what the guest writes to
    /dev/virtio-ports/NAME is appended to these files at once. `clock`: QEMU's -rtc base. `reboots`: a reset boots
    again. `host_clock`: its time is this host's, for what talks with the world outside; else it counts instructions, so
    that it never sees this host standing still. `more`: further words for QEMU.
    """

    systemd: bool = True
    memory_mb: int = 1536
    limit_s: float = 900.0
    disk: Path | None = None
    disks: tuple[str, ...] = ()
    ports: Mapping[str, Path] = field(default_factory=dict)
    clock: str = "utc"
    reboots: bool = False
    host_clock: bool = False
    more: tuple[str, ...] = ()


@dataclass
class Running:
    """A machine that runs. `share`: the folder that is /rig in the guest. `process`: QEMU."""

    share: Path
    process: "subprocess.Popen[bytes]"
    timed_out: bool = False

    @property
    def output(self) -> IO[bytes]:
        """What the command prints, as it comes; only where it was booted with `stdout=PIPE`."""
        assert self.process.stdout is not None
        return self.process.stdout

    def cut(self) -> None:
        """The power goes: nothing the guest has not flushed to a disk with its own cache is safe."""
        self.process.kill()
        self.process.wait()

    def wait(self) -> int:
        """The command's status once the machine is off; 124 past its limit, 125 if it never said one."""
        self.process.wait()
        status = self.share / "status"
        if self.timed_out:
            return TIMED_OUT
        return int(status.read_text()) if status.exists() and status.read_text().strip() else NO_STATUS

    def console(self) -> str:
        """The last lines of the kernel's console, for a machine that did not come up."""
        log = self.share / "console.log"
        return "\n".join(log.read_text(errors="replace").splitlines()[-30:]) if log.exists() else "(no console)"


def run(machine: Machine, image: Image, command: Sequence[str], *, share: Path | None = None) -> int:
    """Boots, runs the command with its output on ours, and returns its status."""
    for _ in range(BOOTS):
        with boot(machine, image, command, share=share) as running:
            status = running.wait()
            console = running.console()
        if status != NO_STATUS or "Kernel panic" not in console:
            break
        print("rig: the emulated kernel fell over; booting again", file=sys.stderr, flush=True)
    if status in (TIMED_OUT, NO_STATUS):
        why = f"not done within {machine.limit_s:.0f} s" if status == TIMED_OUT else "the machine ended before it"
        print(f"rig: {why}; its console:\n{console}", file=sys.stderr, flush=True)
    return status


@contextmanager
def boot(
    machine: Machine,
    image: Image,
    command: Sequence[str],
    *,
    share: Path | None = None,
    stdin: int = subprocess.PIPE,  # held open: at its end QEMU would take the port away
    stdout: int | None = None,
) -> Iterator[Running]:
    """A booting machine; off at the end, whatever happens. One word is a shell's line, several are a command."""
    line = command[0] if len(command) == 1 else shlex.join(command)
    with _slot(), tempfile.TemporaryDirectory(prefix="ephoto-rig-", dir="/var/tmp") as folder:
        work = Path(folder) / "work.tar"
        _pack(work, line)
        share = share or Path(folder) / "share"
        share.mkdir(exist_ok=True)
        (share / "status").unlink(missing_ok=True)
        process = subprocess.Popen(
            _qemu(machine, image, work, share),
            stdin=stdin,
            stdout=stdout,
            env={**os.environ, "TMPDIR": folder},  # the throwaway disk
            preexec_fn=_die_with_parent,  # noqa: PLW1509 -- one system call
        )
        running = Running(share, process)

        def late() -> None:
            running.timed_out = True
            process.kill()

        limit = threading.Timer(machine.limit_s, late)
        limit.daemon = True
        limit.start()
        try:
            yield running
        finally:
            limit.cancel()
            process.kill()
            process.wait()


def _qemu(machine: Machine, image: Image, work: Path, share: Path) -> list[str]:
    init = "" if machine.systemd else "init=/usr/local/sbin/rig-start"
    quiet = "console=ttyS0 quiet loglevel=4 panic=-1 systemd.show_status=false rd.systemd=0"
    # net.ifnames=0: udev would give eth0 another name, now and then before it is called by this one
    quick = "mitigations=off audit=0 rodata=off net.ifnames=0"
    disk = f"file={machine.disk or image.disk},format=raw,cache=unsafe"
    disks = [disk if machine.disk else f"{disk},snapshot=on", f"file={work},format=raw,readonly=on", *machine.disks]
    words = ["qemu-system-x86_64", *_processor(machine.host_clock), "-m", str(machine.memory_mb)]
    words += ["-nodefaults", "-no-user-config", "-display", "none", "-serial", f"file:{share / 'console.log'}"]
    words += ["-kernel", image.kernel, "-initrd", image.initrd, "-append", f"{quiet} {quick} {init}"]
    for number, drive in enumerate(disks):
        words += ["-drive", f"{drive},if=none,id=d{number}", "-device", f"virtio-blk-pci,drive=d{number}"]
    words += ["-device", "virtio-rng-pci", "-rtc", f"base={machine.clock}", "-acpitable", f"file={image.pwm}"]
    words += ["-fsdev", f"local,id=share,path={share},security_model=none"]
    words += ["-device", "virtio-9p-pci,fsdev=share,mount_tag=rig", "-device", "virtio-serial-pci"]
    words += ["-chardev", "stdio,id=output,signal=off"]
    words += ["-device", "virtserialport,chardev=output,name=rig.output"]
    for number, (name, path) in enumerate(machine.ports.items()):
        words += ["-chardev", f"file,id=port{number},path={path},append=on"]
        words += ["-device", f"virtserialport,chardev=port{number},name={name}"]
    words += [] if machine.reboots else ["-no-reboot"]
    return [str(word) for word in (*words, *machine.more)]


def _processor(host_clock: bool) -> list[str]:
    """KVM only where the processor offers it: a /dev/kvm alone may hang. One processor where time is counted: QEMU then
    lets several take turns, and what an interrupt has to do on another one waits for its turn."""
    real = re.search(r"^flags.*\b(svm|vmx)\b", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    if real and os.access("/dev/kvm", os.W_OK):
        return ["-accel", "kvm", "-cpu", "host", "-smp", "2"]
    if host_clock:
        return ["-accel", "tcg,thread=multi,tb-size=512", "-cpu", EMULATED, "-smp", "2"]
    counted = f"shift={SHIFT},align=off,sleep=on"
    return ["-accel", "tcg,thread=single,tb-size=512", "-icount", counted, "-cpu", EMULATED, "-smp", "1"]


def _pack(work: Path, line: str) -> None:
    """The tar that the guest unpacks: the working tree as git sees it, the face models, the command."""
    listed = subprocess.run(
        ["git", "ls-files", "-coz", "--exclude-standard"], cwd=ROOT, capture_output=True, check=False
    )
    if listed.returncode:
        raise RigError(
            f"no git repository at {ROOT}: the rig hands in what git lists ({listed.stderr.decode().strip()})"
        )
    names = {Path(name) for name in listed.stdout.decode().split("\0") if name}
    names |= {path.relative_to(ROOT) for path in (ROOT / "edge/portrait/models").glob("*.tflite")}
    with tarfile.open(work, "w") as tar:
        for name in sorted(names):
            if (ROOT / name).is_file():
                tar.add(ROOT / name, arcname=Path("project") / name)
        tar.add(GUEST / "start", arcname="start")
        told = tarfile.TarInfo("command")
        told.size = len(line.encode()) + 1
        tar.addfile(told, io.BytesIO(line.encode() + b"\n"))


def _die_with_parent() -> None:
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


@contextmanager
def _slot() -> Iterator[None]:
    """One of the places for a running machine."""
    CACHE.mkdir(parents=True, exist_ok=True)
    slots = [(CACHE / f"slot-{number}.lock").open("w") for number in range(SLOTS)]
    said = False
    try:
        while not any(_taken(slot) for slot in slots):
            if not said:
                print("rig: three machines run already; waiting for one to end", file=sys.stderr, flush=True)
                said = True
            time.sleep(0.5)
        yield
    finally:
        for slot in slots:
            slot.close()


def _taken(slot: IO[str]) -> bool:
    try:
        fcntl.flock(slot, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
