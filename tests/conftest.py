"""For all tests: a slow machine is no broken promise, so that hypothesis sets no deadline of its own."""

import os

import pytest
from hypothesis import settings

settings.register_profile("promises", deadline=None)
settings.load_profile("promises")

WORKERS_A_CORE = 3
WORKERS_MOST = 12


def pytest_xdist_auto_num_workers() -> int:
    """Workers for `-n auto`: several a core, since most tests wait for processes of their own (with two a core stood
    idle for 41 % of the time)."""
    return min(WORKERS_A_CORE * len(os.sched_getaffinity(0)), WORKERS_MOST)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each worker takes an even run of the tests and keeps its last two to itself: the long ones stand at the beginning
    of the runs, one in each, so that none is left for the end."""
    long = [item for item in items if item.get_closest_marker("long")]
    items[:] = [item for item in items if item not in long]
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    begins = [len(items) * worker // workers for worker in range(workers)]
    for number in reversed(range(len(long))):
        items.insert(begins[number % workers], long[number])
