"""What hangs where in the simulated cabin, and the booth's configuration for it."""

from hw import settings

CHIP = "pinctrl-bcm2711"  # a Pi 4's label: the drivers look for it
LINES = 32
COIN, ENABLE = 17, 27
LAMPS = {"sign": 5, "face": 6, "slot": 13, "tray": 19}
LAMP_HZ = 100

PRINTER_VENDOR, PRINTER_PRODUCT, PRINTER_SERIAL = 0x04B8, 0x0E28, "RIG0001"  # Epson TM-T20III
PEN_NAME, PEN_UNITS_PER_MM, PEN_PRESSURES = "Rig Pen", 100, 8191

CAMERA_PX = (1280, 720)

DEVICES = {
    "driver": "devices",
    "coins": {"driver": "pulse", "model": "DG600F", "lines": {"coin": COIN}, "enable_pin": ENABLE},
    "lights": {
        "driver": "gpio",
        "lamps": {name: {"pin": pin, "pwm": "software"} for name, pin in LAMPS.items()},
        "frequency_hz": LAMP_HZ,
        "warm_up_ms": 0.0,
    },
    "pen": {"driver": "evdev"},
    "printer": {"driver": "usb", "vendor": PRINTER_VENDOR, "product": PRINTER_PRODUCT, "serial": PRINTER_SERIAL},
    "camera": {"driver": "v4l2", "device": "/dev/video-rig", "still_px": CAMERA_PX},
    "panel": {"driver": "none"},
}


def cabin() -> settings.Devices:
    """The settings of a booth in this cabin."""
    import msgspec

    return msgspec.convert(DEVICES, settings.Devices)
