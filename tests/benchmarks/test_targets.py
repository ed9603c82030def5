"""Codes of class labels, and the range of numbers."""

from __future__ import annotations

import numpy as np
import pytest

from satclip_bench.benchmarks.targets import (
    UNSEEN,
    Range,
    class_codes,
    clip_to,
    count_outside,
    range_of,
)


@pytest.mark.parametrize("classes", [[3], [-4, 0, 9], ["b", "bb", "d"]])
def test_codes_are_positions_and_other_labels_are_unseen(classes: list[int] | list[str]) -> None:
    labels = np.array(classes)
    assert class_codes(labels[::-1], labels).tolist() == list(range(len(classes)))[::-1]
    others = np.array(["a", "c", "e"] if isinstance(classes[0], str) else [-5, 1, 10])
    assert class_codes(others, labels).tolist() == [UNSEEN] * 3


def test_predictions_of_any_shape_are_clipped_to_the_range() -> None:
    limits = range_of(np.array([[2.0, -1.0], [0.5, 1.5]]))
    assert limits == (-1.0, 2.0)
    predictions = np.array([[-1.5, 0.0], [2.0, 7.0]])
    assert clip_to(predictions, limits).tolist() == [[-1.0, 0.0], [2.0, 2.0]]
    assert count_outside(predictions, limits) == 2


@pytest.mark.parametrize("offset", [0.0, -270.0, 1e8])
@pytest.mark.parametrize("width", [0.0, 1e-3, 1.0, 1e4])
def test_rounding_alone_does_not_leave_the_range(offset: float, width: float) -> None:
    limits = Range(offset, offset + width)
    rounding, clear = (
        1e-9 * width / 2 + 1e-15 * abs(offset),
        1e-6 * width + 1e-12 * abs(offset),
    )
    ends, outwards = np.array(limits), np.array([-1, 1])
    assert count_outside(ends + rounding * outwards, limits) == 0
    assert count_outside(ends + clear * outwards, limits) == (2 if clear else 0)
    assert count_outside(np.array([-np.inf, np.inf]), limits) == 2
