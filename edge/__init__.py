"""What a booth does. Knows devices only through the protocols of `hw`, and the fleet only through messages."""

__version__ = "0.1.0"
