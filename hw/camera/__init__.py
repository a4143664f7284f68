"""The camera: its library can hang past any time-out, so it lives in a process of its own that can be killed.

No module that the booth imports may import a camera's library.
"""
