"""`python -m tests.rig`: builds the machine, or runs a command in it."""

from tests.rig.cli import main

main()
