"""What the tests of the norm share: one judge, and the demo's pictures (source named there)."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from edge.judge import load_models, main
from edge.picture import read_picture
from edge.portrait import Face, Judge

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "demo" / "pictures"


@pytest.fixture(scope="session")
def judge() -> Judge:
    return Judge(load_models())


@pytest.fixture(scope="session")
def good() -> np.ndarray:
    return read_picture(PICTURES / "good.jpg")


@pytest.fixture(scope="session")
def face(judge: Judge, good: np.ndarray) -> Face:
    """Of the good picture."""
    found = judge.look(good).face
    assert found is not None
    return found


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root may read and write everything: who runs the tests as root is nobody meanwhile."""
    main(
        ["--json", str(PICTURES / "good.jpg")]
    )  # all that is loaded late is loaded now: nobody may not read every folder
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may enter, as pytest's own may not be."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)
