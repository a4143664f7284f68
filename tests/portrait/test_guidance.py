"""Live guidance: one instruction at a time, steady, and the shutter only when all is well for a moment."""

from itertools import pairwise

from edge.portrait import Finding, Guidance, Reason, Verdict


def verdict(*failed: str) -> Verdict:
    findings = tuple(Finding(name, 0.0, "", 1.0, None, 0, False, Reason(f"norm.{name}.low"), True) for name in failed)
    return Verdict(None, findings, not failed)


def test_a_fault_that_lasts_is_said_and_a_blink_is_not() -> None:
    guidance = Guidance()
    assert guidance.see(verdict("eyes_open"), 0.0) is None
    assert guidance.see(verdict(), 0.1) is None
    assert guidance.see(verdict("eyes_open"), 0.2) is None
    said = guidance.see(verdict("eyes_open"), 0.7)
    assert said is not None
    assert said.key == "norm.eyes_open.low"


def test_the_most_useful_instruction_comes_first() -> None:
    guidance = Guidance()
    guidance.see(verdict("mouth_closed", "margins", "yaw"), 0.0)
    said = guidance.see(verdict("mouth_closed", "margins", "yaw"), 0.5)
    assert said is not None
    assert said.key == "norm.margins.low"


def test_an_instruction_does_not_flicker() -> None:
    guidance = Guidance()
    keys = []
    for step in range(40):  # the fault comes and goes at every frame, 25 a second
        said = guidance.see(verdict("yaw") if step % 2 or step < 12 else verdict("gaze"), step * 0.04)
        keys.append(said.key if said else None)
    assert sum(a != b for a, b in pairwise(keys)) <= 2


def test_a_fault_that_comes_and_goes_is_said_and_two_blinks_are_not() -> None:
    for fails in (lambda step: step % 8 != 0, lambda step: step % 10 in (0, 4, 7)):  # 25 frames a second
        guidance, said = Guidance(), []
        for step in range(25 * 8):
            reason = guidance.see(verdict("mouth_closed") if fails(step) else verdict(), step * 0.04)
            said.append(reason.key if reason else None)
        assert set(said[25 * 3 :]) == {"norm.mouth_closed.low"}
        assert not guidance.ready
        for step in range(25 * 8, 25 * 10):
            guidance.see(verdict(), step * 0.04)
        assert guidance.ready
        assert guidance.instruction is None
    guidance = Guidance()
    for step in range(25 * 8):
        assert guidance.see(verdict("eyes_open") if step % 40 < 5 else verdict(), step * 0.04) is None


def test_two_reasons_of_one_finding_do_not_flicker() -> None:
    guidance, keys = Guidance(), []
    for step in range(60):
        reason = Reason(f"norm.exposure.{'high' if step % 2 else 'low'}")
        dark_or_bright = Verdict(None, (Finding("exposure", 0.0, "", 1.0, None, 0, False, reason, True),), False)
        said = guidance.see(dark_or_bright, step * 0.04)
        keys.append(said.key if said else None)
    assert sum(a != b for a, b in pairwise(keys)) <= 3


def test_nobody_is_praised_before_a_frame_was_well_nor_while_a_fault_lasts() -> None:
    guidance = Guidance()
    assert guidance.line.key == "norm.live.look"
    guidance.see(verdict("one_face"), 0.0)
    assert guidance.line.key == "norm.live.look"
    guidance.see(verdict("one_face"), 0.5)
    assert guidance.line.key == "norm.one_face.low"
    for tenth in range(10, 20):
        guidance.see(verdict(), tenth / 10)
    assert guidance.line.key == "norm.live.ready"
    guidance.see(verdict("eyes_open"), 2.0)  # a blink
    assert guidance.line.key == "norm.live.hold"


def test_the_shutter_is_released_only_after_all_was_well_for_a_moment() -> None:
    guidance = Guidance()
    guidance.see(verdict(), 0.0)
    assert not guidance.ready
    guidance.see(verdict("yaw"), 0.5)
    guidance.see(verdict(), 0.6)
    guidance.see(verdict(), 1.2)
    assert not guidance.ready
    guidance.see(verdict(), 1.5)
    assert guidance.ready
