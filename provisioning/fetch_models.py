"""Fetches the face models at set-up time from one pinned wheel and lays them in edge/portrait/models/.

Standard library only, run by `make setup`; a booth never runs it. Must never lay down a byte whose hash is not
the one below.
"""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

REQUIREMENT = Path(__file__).with_name("models.txt")
MODELS = Path(__file__).resolve().parent.parent / "edge" / "portrait" / "models"
# a file under mediapipe/modules/ in the wheel → its sha256
WANTED = {
    "face_detection_short_range.tflite": "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
    "face_landmark.tflite": "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
    "iris_landmark.tflite": "d1744d2a09c25f501d39eba4faff47e53ecca8852c5ce19bce8eeac39357521f",
    "selfie_segmentation.tflite": "9ee168ec7c8f2a16c56fe8e1cfbc514974cbbb7e434051b455635f1bd1462f5c",
    "selfie_segmentation_landscape.tflite": "a77d03f4659b9f6b6c1f5106947bf40e99d7655094b6527f214ea7d451106edd",
}


class NotFetchedError(Exception):
    """The models could not be laid down; the text says what to do."""


def sha256(data: bytes) -> str:
    """The hash as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def missing(folder: Path) -> list[str]:
    """The models that do not lie in `folder` with their right hash."""
    return [name for name, wanted in WANTED.items() if not _good(folder / name, wanted)]


def _good(model: Path, wanted: str) -> bool:
    return model.is_file() and sha256(model.read_bytes()) == wanted


def download(into: Path) -> Path:
    """The pinned wheel, checked by pip against its hash, on any platform. NotFetchedError with pip's last words."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary=:all:", "--platform", "manylinux_2_28_x86_64", "--python-version", "311"]
    command += ["--implementation", "cp", "--abi", "cp311", "--require-hashes", "-r", str(REQUIREMENT), "-d", str(into)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(into.glob("*.whl"))
    if done.returncode or not wheels:
        words = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()
        raise NotFetchedError(
            f"pip could not download {REQUIREMENT.name}: {words[-1] if words else 'no word from pip'}"
        )
    return wheels[0]


def extract(wheel: Path, names: list[str], folder: Path) -> None:
    """Writes each model into `folder` whole or not at all. NotFetchedError where a hash does not fit."""
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel) as archive:
        members = {Path(member).name: member for member in archive.namelist() if member.endswith(".tflite")}
        for name in names:
            if name not in members:
                raise NotFetchedError(f"{wheel.name} holds no {name}")
            data = archive.read(members[name])
            if sha256(data) != WANTED[name]:
                raise NotFetchedError(f"{name} in {wheel.name} has the hash {sha256(data)}, not {WANTED[name]}")
            half = folder / f"{name}.part"
            half.write_bytes(data)
            half.replace(folder / name)
            print(f"    {name}  {len(data) // 1024} KiB", flush=True)


def main() -> int:
    """0 when all models lie in place, 1 with one clear line when not."""
    try:
        names = missing(MODELS)
        if not names:
            print(f"    all {len(WANTED)} models are there", flush=True)
            return 0
        print(f"    {len(names)} models to fetch (34 MB to download, once)", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            extract(download(Path(folder)), names, MODELS)
    except (NotFetchedError, OSError, zipfile.BadZipFile) as error:
        print(f"fetch_models: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
