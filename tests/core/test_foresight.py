"""How long something will go on."""

import pytest

from zoo.foresight import Foresight


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_what_was_found_done_counts_for_nothing_and_what_comes_behind_counts():
    clock = Clock()
    foresight = Foresight(after=5, clock=clock)
    assert foresight.left(0.5) is None
    clock.now += 10
    assert foresight.left(0.5) is None
    assert foresight.left(0.6) == pytest.approx(40 + 5)
    clock.now += 40
    assert foresight.left(1.0) == 5
    assert Foresight(after=5, clock=clock).left(1.0) == 5
