"""The technician's commands at the device: what is there (`booth devices`), and each device live (`booth try`).

They stand beside the daemon, never in it: nothing here is imported by `booth run`, and none of it opens a device that
a running booth drives.
"""
