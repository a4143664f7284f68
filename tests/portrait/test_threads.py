"""Work beside the caller's own: it has always ended, its errors are told, and no thread waits for itself."""

import subprocess
import sys
import threading

import pytest

from edge.portrait.threads import PARTS, beside, part_by_part


def test_work_beside_has_ended_when_its_block_is_left_even_by_an_error() -> None:
    begun, end, ended = threading.Event(), threading.Event(), []

    def work() -> None:
        begun.set()
        end.wait()
        ended.append(True)

    def leave() -> None:
        with beside(work):
            begun.wait()
            threading.Timer(0.05, end.set).start()  # long after the block was left
            raise KeyError

    with pytest.raises(KeyError):
        leave()
    assert ended


def test_what_work_beside_raises_is_told_to_who_asks_for_its_result() -> None:
    with pytest.raises(ZeroDivisionError), beside(lambda: 1 // 0) as found:
        found.result()


def test_every_part_is_done_before_the_error_of_one_is_told() -> None:
    done: list[int] = []

    def work(part: int) -> None:
        if part == 0:
            raise ValueError("the first")
        done.append(part)

    with pytest.raises(ValueError, match="the first"):
        part_by_part(work, range(9))
    assert sorted(done) == list(range(1, 9))


def test_parts_that_have_parts_of_their_own_never_wait_for_each_other() -> None:
    """In a process of its own, which can be ended if they do."""
    story = f"""
from edge.portrait.threads import part_by_part
done = []
part_by_part(lambda outer: part_by_part(lambda inner: done.append((outer, inner)), range(3)), range({4 * PARTS}))
assert len(done) == {12 * PARTS}, done
"""
    subprocess.run([sys.executable, "-c", story], check=True, timeout=60)
