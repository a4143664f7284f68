"""For all tests: a slow machine is no broken promise, so that hypothesis sets no deadline of its own."""

from hypothesis import settings

settings.register_profile("promises", deadline=None)
settings.load_profile("promises")
