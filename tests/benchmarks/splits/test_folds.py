"""Sets, inner folds and hash of a fold."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from satclip_bench.benchmarks.splits.base import Fold, InnerFold, nested_fold
from satclip_bench.core.errors import BenchError


def test_a_fold_refuses_a_row_in_two_parts_and_an_empty_part() -> None:
    a, b, none = np.array([0, 1]), np.array([2]), np.array([], dtype=np.int64)
    with pytest.raises(BenchError, match="more than one"):
        Fold("x", a, b, np.array([1]))
    with pytest.raises(BenchError, match="validation set of fold 'x' is empty"):
        Fold("x", a, none, b)


def test_the_hash_tells_parts_apart() -> None:
    a, b, c = np.array([0, 1]), np.array([2]), np.array([3])
    assert Fold("x", a, b, c).sha256 != Fold("x", a, c, b).sha256
    assert Fold("x", a, b, c).sha256 == Fold("y", a, b, c).sha256


def test_inner_folds_are_checked() -> None:
    a, b, none = np.array([0, 1]), np.array([2]), np.array([], dtype=np.int64)
    with pytest.raises(BenchError, match="more than one"):
        InnerFold(a, np.array([1]))
    with pytest.raises(BenchError, match="training set of an inner fold is empty"):
        InnerFold(none, a)
    with pytest.raises(BenchError, match="validation set of an inner fold is empty"):
        InnerFold(a, none)
    with pytest.raises(BenchError, match="both a validation set and inner folds"):
        Fold("x", a, b, np.array([3]), (InnerFold(a[:1], a[1:]),))
    for inner in (InnerFold(a, np.array([3])), InnerFold(np.array([4]), b)):
        with pytest.raises(BenchError, match="inner fold 0 of fold 'x' has rows outside"):
            nested_fold("x", np.array([0, 1, 2]), np.array([3]), [inner])
    with pytest.raises(BenchError, match="validation set of fold 'x' is empty"):
        nested_fold("x", a, b, [])
    fold = nested_fold("x", a, b, [InnerFold(a[:1], a[1:])])
    assert not fold.inner[0].train.flags.writeable


def test_the_hash_covers_inner_folds_and_is_the_old_one_without() -> None:
    a, b, c = np.array([0, 1, 2]), np.array([3]), np.array([4])
    digest = hashlib.sha256()
    for rows in (a, b, c):
        digest.update(len(rows).to_bytes(8, "little") + rows.astype("<i8").tobytes())
    assert Fold("x", a, b, c).sha256 == digest.hexdigest()
    one, other = InnerFold(a[:1], a[1:]), InnerFold(a[1:], a[:1])
    hashes = [nested_fold("x", a, c, inner).sha256 for inner in ([one], [other], [one, other])]
    assert len(set(hashes)) == 3


@given(st.permutations(range(20)), st.integers(1, 9))
def test_inner_positions_lead_back_to_the_rows(rows: list[int], cut: int) -> None:
    """Also if the training rows are in the order of a paper's code."""
    train = np.array(rows[:15])
    inner = (InnerFold(train[:cut], train[cut:]), InnerFold(train[cut + 1 :], train[: cut + 1]))
    fold = nested_fold("0", train, np.array(rows[15:]), inner)
    for (fitted, held_out), expected in zip(fold.inner_positions, inner, strict=True):
        assert np.array_equal(train[fitted], expected.train)
        assert np.array_equal(train[held_out], expected.validation)
