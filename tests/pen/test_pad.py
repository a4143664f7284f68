"""The right device is taken or none, and a position is where the customer put the pen."""

from dataclasses import replace

import msgspec
import pytest

from hw import settings
from hw.cabin import DeviceFault, DeviceMissing
from hw.pen_events import ABS_MT_POSITION_X, ABS_PRESSURE, ABS_X, BTN_TOOL_PEN, BTN_TOUCH
from hw.pen_pad import Axis, Node, choose, fit, pad, usable

PEN = Node("/dev/input/event5", "Tablet Pen", frozenset({BTN_TOOL_PEN, BTN_TOUCH}), frozenset({ABS_X, ABS_PRESSURE}))
BUTTONS = Node("/dev/input/event6", "Tablet Pad", frozenset({0x100}), frozenset({ABS_X}))
TOUCH = Node("/dev/input/event7", "Panel", frozenset({BTN_TOUCH}), frozenset({ABS_X, ABS_MT_POSITION_X}))


def test_the_pen_is_found_among_its_tablet_s_other_devices_and_before_a_touch_panel() -> None:
    assert choose([TOUCH, BUTTONS, PEN]) == PEN
    assert choose([BUTTONS, TOUCH]) == TOUCH


def test_several_pens_are_named_and_none_is_taken() -> None:
    with pytest.raises(DeviceFault, match=r"event5.*event8.*cabin\.pen\.device"):
        choose([PEN, replace(PEN, path="/dev/input/event8")])


def test_a_tablet_without_pressure_is_named_as_such() -> None:
    with pytest.raises(DeviceFault, match=r"Tablet Pen.*no pressure"):
        choose([replace(PEN, axes=frozenset({ABS_X}))])


def test_a_laptop_s_touch_pad_is_no_touch_panel() -> None:
    with pytest.raises(DeviceMissing, match="plug it in"):
        choose([replace(TOUCH, pointer=True)])


def test_what_we_may_not_open_is_told_from_what_is_not_there() -> None:
    with pytest.raises(DeviceFault, match=r"no permission for 3 input devices.*`input`"):
        choose([], forbidden=3)


def test_a_named_device_that_is_no_pen_is_refused() -> None:
    with pytest.raises(DeviceFault, match=r"Tablet Pad.*neither"):
        usable(BUTTONS)


def test_a_pad_that_tells_its_resolution_is_measured_by_it() -> None:
    told = pad(Axis(0, 15200, 100), Axis(-100, 9400, 100), None, None)
    assert (told.width_mm, told.height_mm) == (152, 95)
    assert told.mm(0, -100) == (0, 0) and told.mm(15200, 9400) == pytest.approx((152, 95))


def test_a_pad_without_resolution_needs_its_size() -> None:
    with pytest.raises(DeviceFault, match=r"cabin\.pen\.width_mm"):
        pad(Axis(0, 4095), Axis(0, 4095), None, None)
    assert pad(Axis(0, 4095), Axis(0, 4095), (200, 100), None).mm(4095, 0) == pytest.approx((200, 0))


TURNED = [(0.0, 0.0, 150.0, 100.0), (4000.0, 0.0, 150.0, 0.0), (0.0, 4000.0, 0.0, 100.0), (4000.0, 4000.0, 0.0, 0.0)]


def test_a_calibration_turns_mirrors_and_scales() -> None:
    told = pad(Axis(0, 4000), Axis(0, 4000), None, TURNED)
    assert told.mm(1000, 2000) == pytest.approx((75, 75))
    assert (told.width_mm, told.height_mm) == pytest.approx((150, 100))


def test_a_wrong_calibration_point_shows() -> None:
    assert fit(TURNED)[1] == pytest.approx(0, abs=1e-6)
    assert fit([*TURNED[:3], (4000.0, 4000.0, 8.0, 0.0)])[1] == pytest.approx(2)


@pytest.mark.parametrize(
    ("keys", "key", "problem"),
    [
        ({"width_mm": 150}, "pen.height_mm", "is missing"),
        ({"calibration": [*TURNED[:3], (4000, 4000, 8, 0)]}, "pen.calibration", "by 2.0 mm"),
        ({"calibration": [(i, i, i, i) for i in range(4)]}, "pen.calibration", "on one line"),
    ],
)
def test_a_wrong_size_or_calibration_is_told_by_the_configuration_s_check(
    keys: dict[str, object], key: str, problem: str
) -> None:
    none, sim = {"driver": "none"}, {"driver": "sim"}
    cabin = msgspec.convert(
        {
            "driver": "devices", "socket": "s", "camera": sim, "lights": none, "coins": none, "printer": sim,
            "panel": none, "pen": {"driver": "evdev", **keys},
        },
        settings.Devices,
    )  # fmt: skip
    ((where, what),) = settings.problems(cabin)
    assert where == key and problem in what
