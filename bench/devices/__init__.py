"""Endurance of the real drivers on devices that the kernel simulates: figures, not tests. They run in the rig."""
