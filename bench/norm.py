"""Time and memory of the norm on this machine, beside mediapipe 0.10.21 where a Python with it is named.

`bench/norm [--mediapipe PYTHON]`. Live frames go to both in turn, frame by frame in one run, each in its own process on
one thread; mediapipe (FaceMesh refined + SelfieSegmentation) only finds its landmarks and mask, ours judges the frame.
"""

import argparse
import cProfile
import pstats
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from edge.judge import as_json, judge_file, load_models, portrait_of, read_picture
from edge.portrait import Judge
from edge.portrait.pixels import RGB
from edge.texts import Texts

HERE = Path(__file__).parent
GOOD = HERE.parent / "demo" / "pictures" / "good.jpg"


def pss_mb(pid: int | str = "self") -> float:
    """Proportional set size of a process, MB."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")) / 1024


def live_frames(n: int = 60) -> list[RGB]:
    """640 × 480 frames of one person who sways a little."""
    person = Image.open(GOOD).convert("RGB")
    person = person.resize((round(person.width * 480 / person.height), 480))
    frames = []
    for i in range(n):
        frame = Image.new("RGB", (640, 480), person.getpixel((4, 4)))  # type: ignore[arg-type]
        frame.paste(person, (round(117 + 25 * np.sin(i / 9)), round(4 * np.sin(i / 5))))
        frames.append(np.asarray(frame))
    return frames


def big_picture(width: int = 4056, height: int = 3040) -> RGB:
    """A 12-megapixel still of the same person."""
    person = Image.open(GOOD).convert("RGB")
    person = person.resize((round(person.width * height / person.height), height), Image.Resampling.BICUBIC)
    still = Image.new("RGB", (width, height), person.getpixel((4, 4)))  # type: ignore[arg-type]
    still.paste(person, ((width - person.width) // 2, 0))
    return np.asarray(still)


def median_ms(call: Callable[[], object], n: int = 15) -> float:
    call()
    times = []
    for _ in range(n):
        begun = time.perf_counter()
        call()
        times.append(time.perf_counter() - begun)
    return float(np.median(times)) * 1e3


class Worker:
    """A process that is told a frame's number and answers its milliseconds."""

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def ask(self, frame: int) -> float:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"{frame}\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def pss_mb(self) -> float:
        return pss_mb(self._process.pid)

    def close(self) -> None:
        self._process.communicate("")


def work(frames: Path) -> int:
    """Ours as a worker."""
    judge, shown = Judge(load_models()), np.load(frames)
    for line in sys.stdin:
        begun = time.perf_counter()
        judge.look(shown[int(line)], live=True)
        print((time.perf_counter() - begun) * 1e3, flush=True)
    return 0


def beside(python: str | None, frames: list[RGB]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frames.npy"
        np.save(path, np.stack(frames))
        commands = {"ours": [sys.executable, "-m", "bench.norm", "--work", str(path)]}
        if python:
            commands["mediapipe 0.10.21"] = [python, str(HERE / "norm_reference.py"), str(path)]
        workers = {name: Worker(command) for name, command in commands.items()}
        times: dict[str, list[float]] = {name: [] for name in workers}
        for turn in range(3):
            for frame in range(len(frames)):
                for name, worker in workers.items():
                    spent = worker.ask(frame)
                    if turn:
                        times[name].append(spent)
        memory = {name: worker.pss_mb() for name, worker in workers.items()}
        for name, each in times.items():
            print(f"live 640 × 480, {name:18s} median {np.median(each):5.1f} ms, mean {np.mean(each):5.1f}, "
                  f"p95 {np.percentile(each, 95):5.1f}; {memory[name]:.0f} MB PSS")  # fmt: skip
            workers[name].close()
        if len(times) == 2:
            ours, theirs = times.values()
            print(f"ours / mediapipe: {np.median(np.array(ours) / np.array(theirs)):.2f} × frame by frame (median), "
                  f"{np.mean(ours) / np.mean(theirs):.2f} × in sum; "
                  f"memory {memory['ours'] / memory['mediapipe 0.10.21']:.2f} ×")  # fmt: skip
        else:
            print("mediapipe was left out: name a Python that has it with --mediapipe")


def main() -> int:
    """Prints all figures; 0."""
    parser = argparse.ArgumentParser(prog="bench/norm", description=__doc__)
    parser.add_argument("--mediapipe", metavar="PYTHON", help="a Python where mediapipe==0.10.21 is installed")
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        return work(args.work)
    bare = pss_mb()
    judge = Judge(load_models())
    print(f"networks loaded: +{pss_mb() - bare:.0f} MB PSS over the bare process of {bare:.0f}")
    still = big_picture()
    verdict = judge.look(still)
    print(f"12 MP array: verdict {median_ms(lambda: judge.look(still)):.0f} ms, "
          f"portrait {median_ms(lambda: judge.portrait(still, verdict)):.0f} ms")  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "still.jpg"
        Image.fromarray(still).save(path, quality=95)
        print(f"12 MP JPEG: verdict {median_ms(lambda: judge_file(judge, path)):.0f} ms, its portrait "
              f"{median_ms(lambda: portrait_of(judge, path, verdict)):.0f} ms, decoded whole "
              f"{median_ms(lambda: read_picture(path), 5):.0f} ms")  # fmt: skip
    print(f"after all that: {pss_mb():.0f} MB PSS; {len(str(as_json('', verdict, Texts('fr'))))} characters of JSON")
    frames = live_frames()
    profile = cProfile.Profile()
    profile.enable()
    for frame in frames:
        judge.look(frame, live=True)
    profile.disable()
    print("share of each step in a live frame:")
    stats = pstats.Stats(profile)
    total = stats.total_tt  # type: ignore[attr-defined]
    steps = (
        "faces",
        "mesh",
        "iris",
        "person_in_frame",
        "_resized",
        "ground",
        "shadow",
        "head_height",
        "face_pixels",
        "mouth",
    )
    for (file, _, name), row in sorted(stats.stats.items(), key=lambda item: -item[1][3]):  # type: ignore[attr-defined]
        if "edge/portrait" in file and name in steps:
            print(f"  {name:14s} {100 * row[3] / total:5.1f} %")
    beside(args.mediapipe, frames)
    return 0


if __name__ == "__main__":
    sys.exit(main())
