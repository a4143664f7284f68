"""The rig: a virtual machine in which the real drivers run over devices that the Linux kernel simulates.

    python -m tests.rig build                  # the machine's image, once; kept outside the repository
    python -m tests.rig run [OPTIONS] COMMAND  # boots it with this working tree in it, runs COMMAND as root there

From Python: `image.ready()`, then `machine.run(Machine(...), command)`. docs/rig.md says what it simulates and how.
"""
