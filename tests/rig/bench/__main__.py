"""`python -m tests.rig.bench`: the bench as a process of its own."""

from tests.rig.bench.process import main

main()
