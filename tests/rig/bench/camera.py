"""The kernel's and libcamera's own cameras that show no face.

`KernelCamera`: a V4L2 camera made by vivid: it shows one colour at a time, can be pulled out, and can stop sending.
`lay_module_camera`: a camera module made by libcamera's `virtual` pipeline, that shows red.
"""

import asyncio
import fcntl
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from hw.sim.journal import Journal
from tests.rig.bench.gpio import modprobe

STABLE = Path("/dev/video-rig")  # as udev would name it
DRIVER = Path("/sys/bus/platform/drivers/vivid")
VIDIOC_S_CTRL = 0xC008561C  # videodev2.h: struct { __u32 id; __s32 value; }
DRAWN_S = 0.5  # frames that are drawn already still come, at 5 a second or more
PATTERNS = ("100% Red", "100% Green", "100% Blue")
FRAMES = Path("/srv/virtual-frames")  # not in /tmp: the booth has its own
HEAP = Path("/dev/dma_heap/linux,cma")
MODULE_PX, MODULE = (640, 480), "imx708"
MODULE_PROCESS = [sys.executable, "-m", "tests.camera.shims"]
"""The module's camera process: picamera2 needs what a Pi has and the pipeline lacks."""
PIPELINE = f"""%YAML 1.1
---
"Virtual0":
  supported_formats:
  - {{width: {MODULE_PX[0]}, height: {MODULE_PX[1]}, frame_rates: [10, 30]}}
  frames: {{path: "{FRAMES}/", scale_mode: "fill"}}
  location: "CameraLocationFront"
  model: "{MODULE}"
"""


def lay_module_camera() -> None:
    FRAMES.mkdir(exist_ok=True)
    Image.new("RGB", MODULE_PX, (200, 40, 30)).save(FRAMES / "0.jpg", quality=95)
    laid = Path("/usr/share/libcamera/pipeline/virtual/virtual.yaml")
    laid.parent.mkdir(parents=True, exist_ok=True)
    laid.write_text(PIPELINE)
    subprocess.run(["modprobe", "-q", "system_heap"], check=False)  # built in, in some kernels
    if not HEAP.exists():
        HEAP.symlink_to("system")


class KernelCamera:
    """What a bench can do to the camera."""

    VERBS = frozenset({"show", "missing", "freeze", "recover"})

    def __init__(self, journal: Journal) -> None:
        modprobe("videodev")
        subprocess.run(["modprobe", "vivid", "n_devs=1", "node_types=0x1", "num_inputs=1", "input_types=0"], check=True)
        self._journal = journal
        self._shown = PATTERNS[0]
        self._appear()

    async def show(self, picture: Path) -> None:
        """The colour that this picture mostly has."""
        try:
            rgb = np.asarray(Image.open(picture).convert("RGB"))
        except OSError as error:
            raise ValueError(f"cannot read picture {picture}: {error}") from error
        self._shown = PATTERNS[int(rgb.reshape(-1, 3).mean(axis=0).argmax())]
        await asyncio.to_thread(self._set, test_pattern=self._number(self._shown))
        await asyncio.sleep(DRAWN_S)

    def at_once(self) -> Callable[[str], None]:
        """Shows a pattern to whatever is drawn after the call, which takes microseconds. Until it is pulled out."""
        (control,) = (int(line.split()[1], 16) for line in self._menus() if line.split()[:1] == ["test_pattern"])
        orders = {name: struct.pack("Ii", control, self._number(name)) for name in PATTERNS}
        device = STABLE.open("rb", buffering=0)

        def show(pattern: str) -> None:
            fcntl.ioctl(device, VIDIOC_S_CTRL, orders[pattern])

        return show

    async def missing(self) -> None:
        """Pulled out."""
        await asyncio.to_thread(self._pull)
        self._journal.note("camera.fault", fault="missing")

    async def freeze(self) -> None:
        """It streams and sends no picture."""
        await asyncio.to_thread(self._set, percentage_of_dropped_buffers=100)
        self._journal.note("camera.fault", fault="frozen")

    async def recover(self) -> None:
        if not (DRIVER / "vivid.0").exists():
            await asyncio.to_thread((DRIVER / "bind").write_text, "vivid.0")
            await asyncio.to_thread(self._appear)
        await asyncio.to_thread(self._set, percentage_of_dropped_buffers=0)
        self._journal.note("camera.fault", fault="")

    def close(self) -> None:
        STABLE.unlink(missing_ok=True)

    def _pull(self) -> None:
        (DRIVER / "unbind").write_text("vivid.0")
        STABLE.unlink()

    def _appear(self) -> None:
        (node,) = (DRIVER / "vivid.0" / "video4linux").iterdir()
        STABLE.unlink(missing_ok=True)
        subprocess.run(["udevadm", "settle"], check=True)
        STABLE.symlink_to(node.name)
        self._set(osd_text_mode=2, test_pattern=self._number(self._shown))

    def _set(self, **controls: int) -> None:
        said = ",".join(f"{name}={value}" for name, value in controls.items())
        subprocess.run(["v4l2-ctl", "-d", str(STABLE), "-c", said], check=True, stdout=subprocess.DEVNULL)

    def _number(self, pattern: str) -> int:
        (line,) = (line for line in self._menus() if line.endswith(f": {pattern}"))
        return int(line.split(":")[0])

    def _menus(self) -> list[str]:
        listed = subprocess.run(["v4l2-ctl", "-d", str(STABLE), "-L"], check=True, capture_output=True, text=True)
        return listed.stdout.splitlines()
