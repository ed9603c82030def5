"""What holds for all probes: no leakage, the same bytes, degenerate parts, golden scores."""

from __future__ import annotations

import json
import pickle
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.base import clone

from satclip_bench.benchmarks.probes import make_probe
from satclip_bench.tasks.base import TaskType
from tests.benchmarks.probes.sphere_data import BOTH, PROBES, parts

pytestmark = pytest.mark.usefixtures("quick_probes")

both = pytest.mark.parametrize(("name", "task_type"), BOTH)
NOT_FINITE = r"NaN|infinity"

every = pytest.mark.parametrize("name", PROBES)


def fitted(name: str, task_type: TaskType, seed: int = 3, **changes: Any) -> Any:
    """A probe fitted on the parts of that task_type, with some of them replaced."""
    data = parts(task_type)._replace(**changes)
    return make_probe(name, task_type, seed).fit(data.X, data.y, validation=data.validation)


def answer(probe: Any, X: NDArray[np.float32]) -> bytes:
    out = probe.predict_proba(X) if hasattr(probe, "predict_proba") else probe.predict(X)
    return bytes(np.ascontiguousarray(out).tobytes())


@both
def test_two_fits_have_the_same_bytes(name: str, task_type: TaskType) -> None:
    X = parts(task_type).X_test
    first, second = fitted(name, task_type), fitted(name, task_type)
    assert answer(first, X) == answer(second, X)
    assert first.best_params_ == second.best_params_
    alone = [clone(first).fit(parts(task_type).X, parts(task_type).y) for _ in range(2)]
    assert answer(alone[0], X) == answer(alone[1], X)


@both
def test_global_random_state_is_left_alone(name: str, task_type: TaskType) -> None:
    import torch

    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002
    before = torch.get_rng_state(), np.random.get_state()[1].tobytes()  # type: ignore[index]  # noqa: NPY002
    fitted(name, task_type)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.random.get_state()[1].tobytes() == before[1]  # type: ignore[index]  # noqa: NPY002


@both
def test_pickle_and_choice(name: str, task_type: TaskType) -> None:
    probe, X = fitted(name, task_type), parts(task_type).X_test
    assert answer(pickle.loads(pickle.dumps(probe)), X) == answer(probe, X)  # noqa: S301
    assert probe.best_params_
    assert json.loads(json.dumps(probe.best_params_)) == probe.best_params_


@both
def test_validation_features_never_reach_the_scaler(name: str, task_type: TaskType) -> None:
    data = parts(task_type)
    X_held, y_held = data.validation
    probe = fitted(name, task_type)
    moved = fitted(name, task_type, validation=(X_held * 50 + 7, y_held))
    if name in ("linear", "ridge", "mlp"):
        np.testing.assert_allclose(probe.scaler_.mean_, data.X.astype(float).mean(0), rtol=1e-6)
        np.testing.assert_allclose(probe.scaler_.scale_, data.X.astype(float).std(0), rtol=1e-6)
        assert probe.scaler_.mean_.tobytes() == moved.scaler_.mean_.tobytes()
        assert probe.scaler_.scale_.tobytes() == moved.scaler_.scale_.tobytes()
    else:
        assert not hasattr(probe, "scaler_")
    if task_type == "regression" and name in ("mlp", "lightgbm"):
        assert probe.target_mean_ == moved.target_mean_ == data.y.mean()


@both
def test_validation_labels_change_the_choice_only(name: str, task_type: TaskType) -> None:
    data = parts(task_type)
    X_held, y_held = data.validation
    shuffled = np.random.default_rng(0).permutation(y_held)
    probe, other = fitted(name, task_type), fitted(name, task_type, validation=(X_held, shuffled))
    assert probe.best_params_ != other.best_params_
    # A validation part that leads to the same choice leads to the same predictions.
    again = fitted(name, task_type, validation=(np.tile(X_held, (2, 1)), np.tile(y_held, 2)))
    assert again.best_params_ == probe.best_params_
    assert answer(again, data.X_test) == answer(probe, data.X_test)


@both
def test_predicting_changes_nothing_and_rows_are_independent(
    name: str, task_type: TaskType
) -> None:
    probe, X = fitted(name, task_type), parts(task_type).X_test
    whole = probe.predict(X)
    one_by_one = np.concatenate([probe.predict(row[None]) for row in X[:20]])
    np.testing.assert_allclose(one_by_one, whole[:20], rtol=1e-9)
    np.testing.assert_array_equal(probe.predict(X), whole)


@every
def test_validation_classes_that_training_never_saw(name: str) -> None:
    data = parts("classification")
    X_held, y_held = data.validation
    known = fitted(name, "classification")
    some = fitted(
        name,
        "classification",
        validation=(np.vstack([X_held, X_held[:5]]), np.append(y_held, [999, -4, 11, 0, 53])),
    )
    assert some.classes_.tolist() == known.classes_.tolist() == np.unique(data.y).tolist()
    assert some.best_params_ == known.best_params_
    assert answer(some, data.X_test) == answer(known, data.X_test)
    none = fitted(name, "classification", validation=(X_held, np.full(len(X_held), 999)))
    np.testing.assert_allclose(none.predict_proba(data.X_test).sum(axis=1), 1, rtol=1e-12)


@every
@pytest.mark.parametrize("text", [False, True])
def test_labels_are_kept_as_they_are(name: str, text: bool) -> None:
    data = parts("classification")
    y = data.y.astype(str) if text else data.y
    probe: Any = make_probe(name, "classification", 0).fit(data.X, y)
    assert set(probe.predict(data.X_test)) <= set(y)
    probabilities = probe.predict_proba(data.X_test)
    np.testing.assert_array_equal(
        probe.classes_[probabilities.argmax(1)], probe.predict(data.X_test)
    )
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-12)
    assert probabilities.dtype == np.float64


@every
def test_two_classes(name: str) -> None:
    data = parts("classification")
    y = data.y > np.median(data.y)
    probe: Any = make_probe(name, "classification", 0).fit(data.X, y)
    assert probe.predict_proba(data.X_test).shape == (len(data.X_test), 2)
    assert probe.score(data.X_test, data.y_test > np.median(data.y)) > 0.8


@every
def test_one_class_in_training(name: str) -> None:
    data = parts("classification")
    probe = fitted(name, "classification", y=np.full(len(data.y), 17))
    assert set(probe.predict(data.X_test)) == {17}
    assert probe.predict_proba(data.X_test).tolist() == [[1.0]] * len(data.X_test)


@every
def test_constant_target(name: str) -> None:
    data = parts("regression")
    probe = fitted(name, "regression", y=np.full(len(data.y), 0.1))
    assert set(probe.predict(data.X_test)) == {0.1}


@both
@pytest.mark.parametrize("rows", [1, 2, 3, 4, 7])
def test_very_few_rows(name: str, task_type: TaskType, rows: int) -> None:
    data = parts(task_type)
    for validation in (None, (data.X[:1], data.y[:1])):
        probe = make_probe(name, task_type, 0).fit(data.X[:rows], data.y[:rows], validation)
        assert probe.predict(data.X_test).shape == (len(data.X_test),)


@both
def test_more_columns_than_rows_and_dead_columns(name: str, task_type: TaskType) -> None:
    data = parts(task_type, rows=120, columns=300)
    dead = np.full((len(data.X), 2), 0.3, dtype=np.float32)
    # One unit in the last place of float32 is no variation.
    dead[::2, 1] = np.nextafter(np.float32(0.3), np.float32(1))
    X, X_test = np.hstack([data.X, dead]), np.hstack([data.X_test, dead[[0]].repeat(150, 0)])
    probe: Any = make_probe(name, task_type, 0).fit(X, data.y)
    assert np.isfinite(probe.predict(X_test)).all()
    assert probe.score(X_test, data.y_test) > 0.4
    if hasattr(probe, "scaler_"):
        assert probe.scaler_.transform(X_test + 1)[:, -2:].tolist() == [[0, 0]] * len(X_test)


@pytest.mark.parametrize(
    ("name", "task_type"), [one for one in BOTH if one[0] not in ("knn", "lightgbm")]
)
def test_large_columns_that_vary_by_rounding_alone_change_nothing(
    name: str, task_type: TaskType
) -> None:
    """Two neighbouring float32 numbers near 1e12 are 65,536 apart."""
    data = parts(task_type)
    rows = len(data.X)
    large = np.full((rows, 1), 1e12, dtype=np.float32)
    large[::2] = np.nextafter(np.float32(1e12), np.float32(2e12))
    none = np.zeros((rows, 1), dtype=np.float32)
    test = np.full((len(data.X_test), 1), 2e12, dtype=np.float32)
    with_large = make_probe(name, task_type, 0).fit(np.hstack([data.X, large]), data.y)
    without = make_probe(name, task_type, 0).fit(np.hstack([data.X, none]), data.y)
    predictions = with_large.predict(np.hstack([data.X_test, test]))
    expected = without.predict(np.hstack([data.X_test, np.zeros_like(test)]))
    assert np.array_equal(predictions, expected)


@both
def test_bad_values_are_refused(name: str, task_type: TaskType) -> None:
    data = parts(task_type)
    for bad in (np.nan, np.inf):
        broken = data.X.copy()
        broken[5, 3] = bad
        with pytest.raises(ValueError, match=NOT_FINITE):
            make_probe(name, task_type, 0).fit(broken, data.y)
        with pytest.raises(ValueError, match=NOT_FINITE):
            make_probe(name, task_type, 0).fit(data.X, data.y, (broken, data.y))
        with pytest.raises(ValueError, match=NOT_FINITE):
            fitted(name, task_type).predict(broken)
    with pytest.raises(ValueError, match=NOT_FINITE):
        make_probe(name, task_type, 0).fit(data.X, np.where(data.y > 20, np.nan, 1.0))


def test_bad_validation_is_refused() -> None:
    data = parts("regression")
    probe: Any = make_probe("linear", "regression", 0)
    with pytest.raises(ValueError, match=r"a tuple \(X, y\)"):
        probe.fit(data.X, data.y, data.X)
    with pytest.raises(ValueError, match="32 features"):
        probe.fit(data.X, data.y, (data.X[:, :5], data.y))
    with pytest.raises(ValueError, match="inconsistent"):
        probe.fit(data.X, data.y, (data.X, data.y[:5]))
    with pytest.raises(ValueError, match="between 0 and 1, not 2"):
        probe.set_params(validation_fraction=2).fit(data.X, data.y)


@both
def test_rows_set_aside_follow_the_seed(name: str, task_type: TaskType) -> None:
    data = parts(task_type)
    if name == "knn":
        probe: Any = make_probe(name, task_type, 0).fit(data.X, data.y)
        assert len(probe.index_) == 300
    if name == "linear":
        means = [make_probe(name, task_type, s).fit(data.X, data.y) for s in (0, 0, 1)]
        first, same, other = [vars(p)["scaler_"].mean_.tobytes() for p in means]
        assert first == same != other


@every
def test_every_class_keeps_a_row_in_training(name: str) -> None:
    data = parts("classification", rows=60)
    y = data.y.copy()
    y[7] = 1000
    for seed in range(6):
        probe: Any = make_probe(name, "classification", seed).fit(data.X, y)
        assert 1000 in probe.classes_
        if name == "knn":
            assert set(probe.codes_) == set(range(len(probe.classes_)))


GOLDEN: dict[tuple[str, TaskType], float] = {
    ("linear", "regression"): 0.999,
    ("ridge", "regression"): 0.999,
    ("knn", "regression"): 0.97,
    ("mlp", "regression"): 0.99,
    ("lightgbm", "regression"): 0.97,
    ("linear", "classification"): 0.95,
    ("ridge", "classification"): 0.90,
    ("knn", "classification"): 0.90,
    ("mlp", "classification"): 0.93,
    ("lightgbm", "classification"): 0.88,
}


@both
def test_golden_scores(name: str, task_type: TaskType) -> None:
    data = parts(task_type, rows=1500, columns=64, held=400)
    probe: Any = make_probe(name, task_type, 0).fit(data.X, data.y, data.validation)
    assert probe.score(data.X_test, data.y_test) > GOLDEN[name, task_type]
