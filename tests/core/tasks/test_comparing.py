"""How far apart predictions are."""

import numpy as np
import pytest

from zoo.tasks.comparing import apart


def objects(*arrays):
    made = np.empty(len(arrays), dtype=object)
    made[:] = arrays
    return made


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (np.array([1.0, 2.0]), np.array([1.0, 2.0]), 0),
        (np.array([1.0, 200.0]), np.array([1.0, 198.0]), 0.01),  # of the largest value
        (np.array([1e-4]), np.array([2e-4]), 1e-3),  # of 0.1 at least
        (np.array([np.inf, 1.0]), np.array([np.inf, 1.0]), 0),
        (np.zeros((2, 3), np.uint8), np.full((2, 3), 255, np.uint8), 1),
        (np.zeros((2, 2), np.uint8), np.array([[0, 0], [0, 51]], np.uint8), 0.05),
        (objects(np.zeros((1, 6))), objects(np.zeros((2, 6))), 1),  # another number of boxes
        (objects(np.zeros((0, 6))), objects(np.zeros((0, 6))), 0),
        (np.array([1, 2]), np.array([1, 3]), 1),
        (np.array(["query"]), np.array(["query"]), 0),
        (np.array([1.0]), np.array([np.nan]), 1),
    ],
)
def test_differences_are_on_one_scale(first, second, expected):
    assert apart(first, second) == pytest.approx(expected)
