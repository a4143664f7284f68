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

from edge.judge import as_json, load_models
from edge.picture import judge_picture, portrait_of, read_picture
from edge.portrait import Judge
from edge.portrait.pixels import RGB
from edge.texts import Texts

HERE = Path(__file__).parent
STEPS = ("faces", "mesh", "iris", "person", "person_in_frame", "_resized", "ground", "shadow", "head_height",
         "face_pixels", "mouth")  # fmt: skip
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
                  f"{np.mean(ours) / np.mean(theirs):.2f} × in sum (goal 1.0); "
                  f"memory {memory['ours'] / memory['mediapipe 0.10.21']:.2f} × (goal 0.6)")  # fmt: skip
        else:
            print("mediapipe was left out: name a Python that has it with --mediapipe")


def told(what: str, value: float, goal: float, unit: str = "ms") -> None:
    """One figure beside its goal."""
    print(f"{what}: {value:.0f} {unit}, {value / goal:.2f} × the goal of {goal:.0f}")


def stills(judge: Judge) -> None:
    """Times and memory of 12-megapixel stills, as array and as JPEG file, in turns within one run."""
    still = big_picture()
    verdict = judge.look(still)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "still.jpg"
        Image.fromarray(still).save(path, quality=95)
        calls: dict[str, Callable[[], object]] = {
            "array verdict": lambda: judge.look(still),
            "array portrait": lambda: judge.portrait(still, verdict),
            "JPEG verdict": lambda: judge_picture(judge, path),
            "JPEG portrait": lambda: portrait_of(judge, path, verdict),
            "JPEG decoded whole": lambda: read_picture(path),
        }
        times: dict[str, list[float]] = {name: [] for name in calls}
        for turn in range(16):
            for name, call in calls.items():
                begun = time.perf_counter()
                call()
                if turn:
                    times[name].append((time.perf_counter() - begun) * 1e3)
        for name, each in times.items():
            print(f"12 MP {name}: median {np.median(each):.0f} ms, best {min(each):.0f}")
        median = {name: float(np.median(each)) for name, each in times.items()}
        told("12 MP array, verdict and portrait", median["array verdict"] + median["array portrait"], 100)
        told(f"12 MP JPEG of {path.stat().st_size / 1e6:.1f} MB, verdict", median["JPEG verdict"], 60)
        told("12 MP JPEG, verdict and portrait", median["JPEG verdict"] + median["JPEG portrait"], 200)
        np.save(path.with_suffix(".npy"), still)
        command = [sys.executable, "-m", "bench.norm", "--peak", str(path)]
        for what, line in zip(
            ("JPEG", "array, itself included"),
            subprocess.run(command, capture_output=True, text=True, check=True).stdout.split(),
            strict=True,
        ):
            told(f"12 MP {what}, most memory over the idle judge", float(line), 100, "MB")
    print(f"the verdict has {len(str(as_json('', verdict, Texts('fr'))))} characters of JSON")
    both = (*STEPS, "_crop", "reduced", "detail", "side_ratio", "gradient", "flat", "score", "cut_out")
    shares("an array's verdict and portrait", lambda: [judge.look(still), judge.portrait(still, verdict)], both)


def peak(path: Path) -> int:
    """Prints the most memory over an idle judge, MB: of a JPEG file, then of the array beside it (`.npy`)."""
    judge = Judge(load_models())
    status = Path("/proc/self/status")
    idle = kb(status, "VmRSS")
    for array in (False, True):
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew (proc(5))
        if array:
            still = np.load(path.with_suffix(".npy"))
            judge.portrait(still, judge.look(still))
        else:
            portrait_of(judge, path, judge_picture(judge, path))
        print((kb(status, "VmHWM") - idle) / 1024)
    return 0


def kb(status: Path, name: str) -> int:
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith(name + ":"))


def shares(what: str, call: Callable[[], object], steps: tuple[str, ...]) -> None:
    """The share of each named step in the caller's thread; what runs beside it (the still's mask) shows as waiting."""
    profile = cProfile.Profile()
    call()
    profile.runcall(call)
    print(f"share of each step in {what}:")
    stats = pstats.Stats(profile)
    total = stats.total_tt  # type: ignore[attr-defined]
    for (file, _, name), row in sorted(stats.stats.items(), key=lambda item: -item[1][3]):  # type: ignore[attr-defined]
        if "edge/portrait" in file and name in steps:
            print(f"  {Path(file).stem + '.' + name:24s} {100 * row[3] / total:5.1f} %")


def main() -> int:
    """Prints all figures; 0."""
    parser = argparse.ArgumentParser(prog="bench/norm", description=__doc__)
    parser.add_argument("--mediapipe", metavar="PYTHON", help="a Python where mediapipe==0.10.21 is installed")
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--peak", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        return work(args.work)
    if args.peak:
        return peak(args.peak)
    bare = pss_mb()
    judge = Judge(load_models())
    print(f"networks loaded: +{pss_mb() - bare:.0f} MB PSS over the bare process of {bare:.0f}")
    stills(judge)
    frames = live_frames()
    shares("a live frame", lambda: [judge.look(frame, live=True) for frame in frames], STEPS)
    beside(args.mediapipe, frames)
    return 0


if __name__ == "__main__":
    sys.exit(main())
