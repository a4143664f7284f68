"""What hangs where in the simulated cabin, and the booth's configuration for it."""

import msgspec

from hw import settings
from hw.sim.usb_gadget import PRODUCT, SERIAL, VENDOR

CHIP = "pinctrl-bcm2711"  # a Pi 4's label: the drivers look for it
LINES = 32
COIN, ENABLE = 17, 27
LAMPS = {"sign": 5, "face": 6, "slot": 13, "tray": 19}
LAMP_HZ = 100  # what an emulated processor can still keep

PEN_NAME, PEN_UNITS_PER_MM, PEN_PRESSURES = "Rig Pen", 100, 8191

CAMERA_PX = (640, 480)

DEVICES = {
    "driver": "devices",
    "coins": {"driver": "pulse", "model": "DG600F", "lines": {"coin": COIN}, "enable_pin": ENABLE},
    "lights": {
        "driver": "gpio",
        "lamps": {name: {"pin": pin, "pwm": "software", "frequency_hz": LAMP_HZ} for name, pin in LAMPS.items()},
        "warm_up_ms": 0.0,
    },
    "pen": {"driver": "evdev"},
    "printer": {"driver": "usb", "vendor": VENDOR, "product": PRODUCT, "serial": SERIAL},
    "camera": {"driver": "v4l2", "device": "/dev/video-rig", "still_px": CAMERA_PX},
    "panel": {"driver": "none"},
}


def cabin() -> settings.Devices:
    """The settings of a booth in this cabin."""
    return msgspec.convert(DEVICES, settings.Devices)
