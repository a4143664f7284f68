"""What the kernel tells becomes whole strokes, or broken ones: never a whole one that lost samples."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from hw.cabin import PenSample
from hw.pen_events import (
    ABS_MT_POSITION_X,
    ABS_MT_POSITION_Y,
    ABS_MT_SLOT,
    ABS_MT_TRACKING_ID,
    ABS_PRESSURE,
    ABS_X,
    ABS_Y,
    BTN_TOOL_PEN,
    BTN_TOUCH,
    EV_ABS,
    EV_KEY,
    EV_SYN,
    SYN_DROPPED,
    SYN_REPORT,
    KernelEvent,
    ManyPoints,
    OnePoint,
    PenEvents,
    Points,
    Slot,
    Snapshot,
)

Raw = tuple[int, int, int]
REPORT: Raw = (EV_SYN, SYN_REPORT, 0)

NOTHING = Snapshot()


def pen(points: Points | None = None, now: Snapshot = NOTHING) -> PenEvents:
    return PenEvents(points or OnePoint(), now, lambda x, y: (x / 100, y / 100), lambda raw: raw / 1000)


def told(events: PenEvents, raw: Iterable[Raw], at_ns: int = 0) -> list[PenSample]:
    return [sample for one in raw for sample in events.take(KernelEvent(*one, at_ns))]


def down(x: int, y: int, pressure: int = 500) -> list[Raw]:
    return [
        (EV_KEY, BTN_TOUCH, 1), (EV_ABS, ABS_X, x), (EV_ABS, ABS_Y, y), (EV_ABS, ABS_PRESSURE, pressure), REPORT
    ]  # fmt: skip


UP: list[Raw] = [(EV_KEY, BTN_TOUCH, 0), (EV_ABS, ABS_PRESSURE, 0), REPORT]


def test_an_axis_that_does_not_change_is_not_told_again_and_still_holds() -> None:
    events = pen()
    samples = told(events, [*down(100, 200), (EV_ABS, ABS_X, 110), REPORT, REPORT, *UP])
    assert [(s.x_mm, s.y_mm, s.contact) for s in samples] == [
        (1.0, 2.0, True), (1.1, 2.0, True), (1.1, 2.0, True), (1.1, 2.0, False)
    ]  # fmt: skip
    assert [s.pressure for s in samples] == [0.5, 0.5, 0.5, 0]


def test_a_hovering_pen_is_not_told() -> None:
    assert told(pen(), [(EV_KEY, BTN_TOOL_PEN, 1), (EV_ABS, ABS_X, 5), REPORT, (EV_ABS, ABS_X, 6), REPORT]) == []


def test_a_stroke_that_had_begun_before_we_looked_is_broken_and_the_next_is_whole() -> None:
    events = pen(now=Snapshot({ABS_X: 100, ABS_Y: 100}, frozenset({BTN_TOUCH})))
    assert all(s.broken for s in told(events, [(EV_ABS, ABS_X, 110), REPORT, *UP]))
    assert not any(s.broken for s in told(events, [*down(1, 1), *UP]))


def test_lost_events_break_the_stroke_until_it_ends() -> None:
    events = pen()
    told(events, down(100, 100))
    assert told(events, [(EV_SYN, SYN_DROPPED, 0), (EV_ABS, ABS_X, 999), REPORT]) == [] and events.lost
    (after,) = events.resync(Snapshot({ABS_X: 300, ABS_Y: 100}, frozenset({BTN_TOUCH})), 7)
    assert (after.x_mm, after.broken, after.at_ns, events.lost) == (3.0, True, 7, False)
    assert [s.broken for s in told(events, [(EV_ABS, ABS_X, 310), REPORT, *UP])] == [True, True]
    assert not any(s.broken for s in told(events, [*down(1, 1), *UP]))


def test_a_lift_among_lost_events_ends_the_stroke_as_broken() -> None:
    events = pen()
    told(events, [*down(100, 100), (EV_SYN, SYN_DROPPED, 0)])
    (lift,) = events.resync(Snapshot({ABS_X: 900, ABS_Y: 900}), 7)
    assert (lift.contact, lift.broken, lift.x_mm) == (False, True, 1.0)


def test_the_lift_that_the_kernel_makes_up_at_an_unplug_ends_a_broken_stroke() -> None:
    events = pen()
    told(events, down(100, 100))
    (lift,) = told(events, [(EV_KEY, BTN_TOUCH, 0), (EV_SYN, SYN_REPORT, 1)])
    assert not lift.contact and lift.broken
    told(events, [(EV_KEY, BTN_TOOL_PEN, 0), (EV_SYN, SYN_REPORT, 1)])
    assert not any(s.broken for s in told(events, [*down(1, 1), *UP]))


def test_a_stroke_begun_among_lost_events_is_broken() -> None:
    events = pen()
    told(events, [(EV_SYN, SYN_DROPPED, 0)])
    (first,) = events.resync(Snapshot({ABS_X: 100, ABS_Y: 100}, frozenset({BTN_TOUCH})), 7)
    assert first.contact and first.broken


def test_a_broken_stroke_stands_for_one_that_may_be_lost_whole() -> None:
    events = pen()
    told(events, [*down(100, 100), *UP, (EV_SYN, SYN_DROPPED, 0)])
    mark, lift = events.resync(Snapshot(), 7)
    assert mark.contact and mark.broken and not lift.contact and (mark.x_mm, mark.y_mm) == (1.0, 1.0)
    assert not any(s.broken for s in told(events, [*down(1, 1), *UP]))


def test_two_strokes_in_one_report_stay_apart() -> None:
    events = pen()
    samples = told(
        events, [*down(100, 100), (EV_KEY, BTN_TOUCH, 0), (EV_KEY, BTN_TOUCH, 1), (EV_ABS, ABS_X, 900), REPORT]
    )
    assert [(s.contact, s.x_mm) for s in samples] == [(True, 1.0), (False, 1.0), (True, 9.0)]


Op = st.one_of(
    st.tuples(st.just("down"), st.integers(0, 9999), st.integers(0, 9999)),
    st.tuples(st.just("up"), st.just(0), st.just(0)),
    st.tuples(st.just("drop"), st.integers(1, 20), st.just(0)),
)


@given(st.lists(Op, max_size=60))
def test_whatever_is_lost_each_stroke_is_whole_or_broken(script: list[tuple[str, int, int]]) -> None:
    """A kernel that drops events at random: whole strokes are exactly strokes that were drawn, in order."""
    events, samples, hand, drawn = pen(), [], False, [[]]
    swallowed, axes = 0, {ABS_X: 0, ABS_Y: 0}
    for number, (what, x, y) in enumerate([*script, *[("up", 0, 0)] * 21]):  # in the end every drop is over
        if what == "drop" and swallowed == 0:
            swallowed = x
            samples += told(events, [(EV_SYN, SYN_DROPPED, 0)], number)
            continue
        if what == "down":
            hand, axes = True, {ABS_X: x, ABS_Y: y, ABS_PRESSURE: 500}
            drawn[-1].append((x / 100, y / 100))
            raw = down(x, y)
        else:
            hand, raw = False, UP
            if drawn[-1]:
                drawn.append([])
        samples += told(events, raw, number)
        if swallowed:
            swallowed -= 1
            if swallowed == 0:
                samples += events.resync(Snapshot(axes, frozenset({BTN_TOUCH} if hand else ())), number)
    whole: list[list[tuple[float, float]]] = []
    stroke: list[PenSample] = []
    broken = 0
    for sample in samples:
        if sample.contact:
            stroke.append(sample)
            continue
        assert stroke or sample.broken, "a lift without a stroke"
        if any(s.broken for s in (*stroke, sample)):
            broken += 1
        else:
            whole.append([(s.x_mm, s.y_mm) for s in stroke])
        stroke = []
    remaining = iter(drawn)
    assert all(any(one == each for each in remaining) for one in whole), "a whole stroke that nobody drew"
    assert [s.at_ns for s in samples] == sorted(s.at_ns for s in samples)
    if not any(what == "drop" for what, _, _ in script):
        assert broken == 0 and whole == drawn[:-1]
    missing = len(drawn) - 1 - len(whole)
    assert not missing or broken, "a stroke is gone and nothing says so"


# --- panels that feel several contacts ---------------------------------------------------------------------------


def finger(slot: int, tracking: int | None = None, x: int | None = None) -> list[Raw]:
    raw: list[Raw] = [(EV_ABS, ABS_MT_SLOT, slot)]
    if tracking is not None:
        raw.append((EV_ABS, ABS_MT_TRACKING_ID, tracking))
    if x is not None:
        raw += [(EV_ABS, ABS_MT_POSITION_X, x), (EV_ABS, ABS_MT_POSITION_Y, x)]
    return raw


def test_the_heel_of_the_hand_neither_writes_nor_goes_on_with_the_finger_s_stroke() -> None:
    events = pen(ManyPoints())
    samples = told(events, [*finger(0, 1, 100), REPORT, *finger(1, 2, 900), REPORT, *finger(0, None, 110), REPORT])
    samples += told(events, [*finger(0, -1), REPORT, *finger(1, None, 910), REPORT])
    assert {s.x_mm for s in samples} == {1.0, 1.1}
    assert [s.contact for s in samples] == [True, True, True, False]


def test_a_finger_writes_again_while_the_heel_still_lies_there() -> None:
    events = pen(ManyPoints())
    told(events, [*finger(0, 1, 100), REPORT, *finger(1, 2, 900), REPORT, *finger(0, -1), REPORT])
    assert [s.x_mm for s in told(events, [*finger(0, 3, 200), REPORT])] == [2.0]


def test_lost_events_of_a_touch_panel_break_the_stroke_of_the_finger_that_is_still_there() -> None:
    events = pen(ManyPoints())
    told(events, [*finger(0, 1, 100), REPORT, (EV_SYN, SYN_DROPPED, 0)])
    (sample,) = events.resync(Snapshot({ABS_MT_SLOT: 0}, slots=(Slot(1, 300, 300), Slot())), 7)
    assert sample.contact and sample.broken and sample.x_mm == 3.0
    assert [s.broken for s in told(events, [*finger(0, -1), REPORT])] == [True]
