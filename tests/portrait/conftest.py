"""What the tests of the norm share: one judge, and the demo's pictures (source named there)."""

from pathlib import Path

import numpy as np
import pytest

from edge.judge import load_models
from edge.picture import read_picture
from edge.portrait import Judge

PICTURES = Path(__file__).parents[2] / "demo" / "pictures"


@pytest.fixture(scope="session")
def judge() -> Judge:
    return Judge(load_models())


@pytest.fixture(scope="session")
def good() -> np.ndarray:
    return read_picture(PICTURES / "good.jpg")
