"""For all tests: a slow machine is no broken promise, so that hypothesis sets no deadline of its own."""

import os

from hypothesis import settings

settings.register_profile("promises", deadline=None)
settings.load_profile("promises")

WORKERS_MOST = 8


def pytest_xdist_auto_num_workers() -> int:
    """Workers for `-n auto`: two a core, since most tests wait for processes of their own."""
    return min(2 * len(os.sched_getaffinity(0)), WORKERS_MOST)
