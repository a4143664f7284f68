"""The scenes as levels of the lamps: one table for the real lamps and the simulated ones.

Pure values. `sign` is outside over the door, `face` lights the customer, `slot` and `tray` show where coins go and the
ticket comes.
"""

from types import MappingProxyType

from hw.cabin import Scene

LEVELS = MappingProxyType(
    {
        Scene.IDLE: {"sign": 0.4, "face": 0.0, "slot": 0.0, "tray": 0.0},
        Scene.WELCOME: {"sign": 1.0, "face": 0.3, "slot": 0.5, "tray": 0.0},
        Scene.GUIDANCE: {"sign": 0.2, "face": 0.7, "slot": 0.5, "tray": 0.0},
        Scene.CAPTURE: {"sign": 0.2, "face": 1.0, "slot": 0.0, "tray": 0.0},
        Scene.DONE: {"sign": 0.4, "face": 0.3, "slot": 0.0, "tray": 1.0},
        Scene.OUT_OF_ORDER: {"sign": 0.0, "face": 0.0, "slot": 0.0, "tray": 0.0},
    }
)
DARK = MappingProxyType({"sign": 0.0, "face": 0.0, "slot": 0.0, "tray": 0.0})
