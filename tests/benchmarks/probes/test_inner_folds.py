"""What holds for all probes with inner folds, and for the clipping of predictions."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from satclip_bench.benchmarks.probes import make_probe
from satclip_bench.benchmarks.targets import count_outside
from satclip_bench.tasks.base import TaskType
from tests.benchmarks.probes.sphere_data import BOTH, PROBES, parts

pytestmark = pytest.mark.usefixtures("quick_probes")

both = pytest.mark.parametrize(("name", "task_type"), BOTH)
every = pytest.mark.parametrize("name", PROBES)

Rows = NDArray[np.int64]


def thirds(rows: int) -> list[tuple[Rows, Rows]]:
    """Three folds that leave out a third of the rows each."""
    position = np.arange(rows)
    return [(position[position % 3 != part], position[position % 3 == part]) for part in range(3)]


def answer(probe: Any, X: NDArray[np.float32]) -> NDArray[np.float64]:
    out = probe.predict_proba(X) if hasattr(probe, "predict_proba") else probe.predict(X)
    return np.asarray(out)


@both
def test_two_fits_have_the_same_bytes(name: str, task_type: TaskType) -> None:
    data = parts(task_type, rows=150)
    first, second = (
        make_probe(name, task_type, 0).fit(data.X, data.y, inner=thirds(150)) for _ in range(2)
    )
    assert answer(first, data.X_test).tobytes() == answer(second, data.X_test).tobytes()
    assert first.best_params_ == second.best_params_
    assert first.best_params_
    assert isinstance(first.converged_, bool)
    assert json.loads(json.dumps(first.fit_info_)) == first.fit_info_
    scores = first.score(data.X_test, data.y_test)  # type: ignore[attr-defined]
    assert scores > (0.8 if task_type == "regression" else 0.7)


@pytest.mark.parametrize(("name", "task_type"), [b for b in BOTH if b[0] in ("linear", "knn")])
def test_order_of_the_folds_does_not_matter(name: str, task_type: TaskType) -> None:
    data = parts(task_type, rows=150)
    one, other = (
        make_probe(name, task_type, 0).fit(data.X, data.y, inner=inner)
        for inner in (thirds(150), thirds(150)[::-1])
    )
    assert one.best_params_ == other.best_params_
    assert answer(one, data.X_test).tobytes() == answer(other, data.X_test).tobytes()


@both
def test_folds_that_cannot_tell_parameters_apart_are_left_out(
    name: str, task_type: TaskType
) -> None:
    data = parts(task_type, rows=90)
    y = data.y.copy()
    y[:4] = y[0]
    inner = thirds(90)
    # Four rows of one target; it predicts the same with any parameters.
    constant = (np.arange(4), np.arange(50, 90))
    one, other = (
        make_probe(name, task_type, 0).fit(data.X, y, inner=folds)
        for folds in (inner, [constant, *inner])
    )
    assert one.best_params_ == other.best_params_
    np.testing.assert_array_equal(answer(one, data.X_test), answer(other, data.X_test))
    only = make_probe(name, task_type, 0).fit(data.X, y, inner=[constant])
    assert np.isfinite(answer(only, data.X_test)).all()


@every
def test_inner_labels_that_the_inner_training_set_does_not_have(name: str) -> None:
    data = parts("classification", rows=120)
    labels = np.unique(data.y)
    inner = [(np.flatnonzero(data.y != k), np.flatnonzero(data.y == k)) for k in labels]
    mixed = np.flatnonzero(data.y != labels[0])
    inner.append((mixed[::2], np.setdiff1d(np.arange(120), mixed[::2])))
    probe: Any = make_probe(name, "classification", 0).fit(data.X, data.y, inner=inner)
    assert probe.classes_.tolist() == labels.tolist()
    np.testing.assert_allclose(probe.predict_proba(data.X_test).sum(axis=1), 1, rtol=1e-12)


@every
def test_one_class_or_constant_target(name: str) -> None:
    data = parts("regression", rows=30)
    constant: Any = make_probe(name, "regression", 0)
    constant.fit(data.X, np.full(30, 7.5), inner=thirds(30))
    assert set(constant.predict(data.X_test)) == {7.5}
    assert constant.target_range_ == (7.5, 7.5)
    one: Any = make_probe(name, "classification", 0)
    one.fit(data.X, np.full(30, "a"), inner=thirds(30))
    assert set(one.predict(data.X_test)) == {"a"}
    for probe in (constant, one):
        assert (probe.best_params_, probe.converged_, probe.fit_info_) == ({}, True, {})
    assert count_outside(constant.unclipped(data.X_test), constant.target_range_) == 0


@every
def test_predictions_are_clipped_to_the_training_targets(name: str) -> None:
    data = parts("regression", rows=200)
    kept = (data.y > np.quantile(data.y, 0.3)) & (data.y < np.quantile(data.y, 0.7))
    probe: Any = make_probe(name, "regression", 0)
    probe.fit(data.X[kept], data.y[kept], data.validation)
    low, high = data.y[kept].min(), data.y[kept].max()
    assert probe.target_range_ == (low, high)
    predicted = probe.predict(data.X_test)
    assert (predicted >= low).all()
    assert (predicted <= high).all()
    beyond = (predicted == low) | (predicted == high)
    outside = count_outside(probe.unclipped(data.X_test), probe.target_range_)
    assert outside == (0 if name == "knn" else beyond.sum())
    if name == "linear":
        assert beyond.sum() > 10


BAD_INNER = [
    ([[np.arange(5), np.arange(5, 9)]], "its entry 0 is a list"),
    ([(np.arange(5),)], "its entry 0 is a tuple"),
    ([(np.arange(5), np.arange(4, 9))], "rows of inner fold 0 overlap"),
    (
        [(np.arange(5), np.arange(39, 41))],
        "validation rows .* must be positions in X, from 0 to 39",
    ),
    ([(np.arange(5) - 1, np.arange(7, 9))], "training rows .* must be positions in X"),
    ([(np.zeros(0, dtype=int), np.arange(7, 9))], "training rows .* non-empty"),
    ([(np.arange(5.0), np.arange(7, 9))], "integers, not an array of shape .* float64"),
]


@pytest.mark.parametrize("task_type", ["regression", "classification"])
@pytest.mark.parametrize(("inner", "message"), BAD_INNER)
def test_bad_inner_folds_are_refused(task_type: TaskType, inner: Any, message: str) -> None:
    data = parts(task_type, rows=40)
    probe = make_probe("linear", task_type, 0)
    with pytest.raises(ValueError, match=message):
        probe.fit(data.X, data.y, inner=inner)


@both
def test_validation_set_and_inner_folds_exclude_each_other(name: str, task_type: TaskType) -> None:
    data = parts(task_type, rows=40)
    probe = make_probe(name, task_type, 0)
    with pytest.raises(ValueError, match="both validation and inner"):
        probe.fit(data.X, data.y, data.validation, inner=thirds(40))


@both
def test_without_inner_folds_the_defaults_of_the_card_are_used(
    name: str, task_type: TaskType
) -> None:
    data = parts(task_type, rows=40)
    probe: Any = make_probe(name, task_type, 0).fit(data.X, data.y, inner=[])
    assert probe.best_params_
    if name == "knn":
        assert probe.best_params_ == {"n_neighbors": 5}
        assert len(probe.index_) == 40
