"""Builds the virtual machine's image and keeps it: kernel, initrd, root disk, a table of the firmware's.

Kept in $XDG_CACHE_HOME/ephoto-rig (or ~/.cache/ephoto-rig) under the hash of its inputs, so that clones share it and
an unchanged one is never built twice. Needs root, the network and some 5 GB for a while. Nothing personal goes in.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
LAY = Path(__file__).parent / "root"
LOCKED = ROOT / "requirements" / "dev.txt"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ephoto-rig"

SUITE = "trixie"  # what Raspberry Pi OS is built on
DISK_MB = 3500  # sparse; 1.3 GB of it used
NEEDS = {
    "mmdebstrap": "mmdebstrap",
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
    "mke2fs": "e2fsprogs",
    "zstd": "zstd",
    "xz": "xz-utils",
    "cpio": "cpio",
    "unshare": "util-linux",
    "iasl": "acpica-tools",
}


class RigError(Exception):
    """The rig cannot be built or run; the text says why and what to do."""


@dataclass(frozen=True)
class Image:
    """A finished image: uncompressed kernel, initrd, raw ext4 root disk, the PWM chip's ACPI table, versions."""

    folder: Path

    @property
    def kernel(self) -> Path:
        return self.folder / "vmlinux"

    @property
    def initrd(self) -> Path:
        return self.folder / "initrd"

    @property
    def pwm(self) -> Path:
        return self.folder / "pwm.aml"

    @property
    def disk(self) -> Path:
        return self.folder / "root.img"


def ready() -> Image:
    """The image for these inputs; built first where it is missing. RigError."""
    _install_needs()
    image = Image(CACHE / _digest(LOCKED, *sorted(LAY.iterdir())))
    with _alone("build"):
        if not image.disk.exists():
            _build(image)
    return image


def _digest(*inputs: Path) -> str:
    whole = hashlib.sha256()
    for path in inputs:
        whole.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return whole.hexdigest()[:16]


def _build(image: Image) -> None:
    started_s = time.monotonic()

    def say(what: str) -> None:
        print(f"==> rig {time.monotonic() - started_s:4.0f} s: {what}", flush=True)

    if os.geteuid() != 0:
        raise RigError("the image can only be built by root; run it as root once, everybody may boot it then")
    say(f"building the virtual machine's image into {image.folder} (once; about four minutes on two cores)")
    base = _base(say)
    work = Path(tempfile.mkdtemp(prefix="ephoto-rig-", dir="/var/tmp"))
    try:
        root, out = work / "root", work / "out"
        root.mkdir(mode=0o755)
        out.mkdir()
        say("unpacking it")
        _call("tar", "-xf", str(base), "-C", str(root))
        say("laying the root disk")
        # a mount namespace of its own: whatever happens, no mount is left behind
        _call("unshare", "-m", str(LAY / "lay.sh"), str(root), str(out), str(LOCKED))
        _call("iasl", "-vs", "-p", out / "pwm", LAY / "pwm.asl")
        say("making the disk")
        lazy = "lazy_itable_init=1,lazy_journal_init=1"
        _call("mke2fs", "-q", "-t", "ext4", "-L", "root", "-d", root, "-E", lazy, out / "root.img", f"{DISK_MB}M")
        image.folder.mkdir(parents=True, exist_ok=True)
        for made in sorted(out.iterdir(), key=lambda path: path.name == "root.img"):  # the disk last: it says "whole"
            half = image.folder / f"{made.name}.half"
            _call("cp", "--sparse=always", str(made), str(half))
            half.rename(image.folder / made.name)
        image.folder.chmod(0o755)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    used_mb = image.disk.stat().st_blocks * 512 // 2**20
    say(f"done: {used_mb} MB; what is in it: {image.folder / 'versions.txt'}")


def _base(say: Callable[[str], None]) -> Path:
    """The plain Debian as a tar; the same packages are not fetched again."""
    packages = [line for line in (LAY / "packages.txt").read_text().splitlines() if not line.startswith("#")]
    base = CACHE / f"base-{_digest(LAY / 'packages.txt')}.tar"
    if base.exists():
        say("taking the plain Debian fetched before")
        return base
    say(f"fetching {len(packages)} Debian packages and what they need")
    mirror = _mirror()
    sources = "".join(f"deb {mirror} {suite} main\n" for suite in (SUITE, f"{SUITE}-updates", f"{SUITE}-backports"))
    half = base.with_suffix(".half")
    unwanted = ("man/*", "doc/*", "locale/*")
    drivers = "/usr/lib/modules/*/kernel/drivers"
    _call(
        "mmdebstrap",
        "--mode=root",
        "--variant=minbase",
        "--format=tar",
        "--quiet",
        '--aptopt=APT::Install-Recommends "false"',
        *(f"--dpkgopt=path-exclude=/usr/share/{path}" for path in unwanted),
        *(f"--dpkgopt=path-exclude={drivers}/{kind}/*" for kind in ("gpu", "net")),
        *(f"--dpkgopt=path-include={drivers}/net/{name}.ko*" for name in ("virtio_net", "net_failover")),
        f"--include={','.join(packages)}",
        SUITE,
        str(half),
        "-",
        text=sources,
    )
    half.rename(base)
    return base


def _mirror() -> str:
    """The Debian mirror that this machine itself uses."""
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(SUITE)", "Created-By: Packages", "Origin: Debian"]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()
    ours = [line.split()[0] for line in told if "security" not in line]
    if not ours:
        raise RigError("no Debian mirror in this machine's package sources; the image is made from Debian's packages")
    return ours[0]


def _install_needs() -> None:
    """Installs the host's programs that are missing, if root may. RigError."""
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    missing = sorted({package for program, package in NEEDS.items() if shutil.which(program) is None})
    if not missing:
        return
    todo = f"apt-get install {' '.join(missing)}"
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise RigError(f"programs are missing; as root: {todo}")
    print(f"==> rig: {todo}", flush=True)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *missing]):
        done = subprocess.run(["apt-get", *command], env=quiet, stdout=subprocess.DEVNULL, check=False)
        if done.returncode:
            raise RigError(f"packages could not be installed; try by hand and see why: {todo}")


def _call(*command: str | Path, text: str | None = None) -> None:
    done = subprocess.run([str(word) for word in command], input=text, text=True, check=False)
    if done.returncode:
        raise RigError(f"{Path(command[0]).name} failed with status {done.returncode}; its own words stand above")


@contextmanager
def _alone(name: str) -> Iterator[None]:
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("==> rig: another build is running; waiting for it", file=sys.stderr, flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
