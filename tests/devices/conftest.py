"""The drivers on devices that the Linux kernel simulates; anywhere else than in the rig these tests are skipped."""

import os
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.environ.get("EPHOTO_RIG") != "1":
        for item in items:
            if HERE in item.path.parents:
                item.add_marker(pytest.mark.skip(reason="needs the rig's kernel (docs/rig.md)"))
