"""The probe of boosted trees: early stopping, inner folds, and no cut-off with many classes."""

from __future__ import annotations

from typing import Any

import lightgbm
import numpy as np
import pytest

from satclip_bench.benchmarks.probes import boosting, make_probe, trees
from satclip_bench.benchmarks.probes.boosting import boost, boost_rounds
from satclip_bench.benchmarks.probes.data import Dataset, InnerSets
from satclip_bench.benchmarks.probes.trees import TreeClassifier, TreeRegressor, TreeSettings
from tests.benchmarks.probes.sphere_data import cells, embed, parts, points

PARAMS: dict[str, Any] = {
    "objective": "regression",
    "learning_rate": 0.2,
    "seed": 5,
    "deterministic": True,
    "force_col_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}
QUICK = TreeSettings(
    learning_rate=0.2,
    early_stopping_rounds=10,
    many_classes_early_stopping_rounds=8,
    many_classes_min_improvement=0.0,
)


def pair(rows: int = 150, seed: int = 0) -> InnerSets:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((rows, 4))
    y = X[:, 0] * 2 + rng.standard_normal(rows)
    half = rows // 2
    return InnerSets(Dataset(X[:half], y[:half]), Dataset(X[half:], y[half:]))


def test_one_fold_is_the_early_stopping_of_lightgbm() -> None:
    train, held_out = pair()
    # Here no prediction leaves the range of the training targets, so that clipping does nothing.
    data = lightgbm.Dataset(np.asarray(train.X), train.y, params=PARAMS)
    valid = lightgbm.Dataset(np.asarray(held_out.X), held_out.y, reference=data, params=PARAMS)
    stop = lightgbm.early_stopping(10, verbose=False)
    expected = lightgbm.train(PARAMS, data, 500, valid_sets=[valid], callbacks=[stop])
    boosted = boost([InnerSets(train, held_out)], PARAMS, max_rounds=500, patience=10)
    assert boosted.rounds == expected.best_iteration
    assert boosted.rounds_trained == boosted.rounds + 10
    assert boosted.stopped_early
    X = np.asarray(held_out.X)
    np.testing.assert_array_equal(boosted.booster.predict(X), expected.predict(X))


def test_patience_counts_rounds_that_improve_by_too_little() -> None:
    fold = pair(400)
    losses: list[float] = []
    boosted = boost([fold], PARAMS, max_rounds=200, patience=5, min_improvement=0.02)
    for n in range(1, boosted.rounds_trained + 1):
        out = boost_rounds(fold.train, PARAMS, n).predict(fold.validation.X)
        out = out.clip(fold.train.y.min(), fold.train.y.max())
        losses.append(np.square(out - fold.validation.y).sum())
    reference, improved = np.inf, 0
    for n, loss in enumerate(losses, start=1):
        assert n - 1 - improved < 5
        if loss < 0.98 * reference:
            reference, improved = loss, n
    assert boosted.stopped_early
    assert boosted.rounds_trained == improved + 5
    assert boosted.rounds == np.argmin(losses) + 1
    assert boosted.rounds > improved


def test_inner_folds_add_squared_errors_of_clipped_predictions() -> None:
    folds = [pair(150, 0), pair(90, 1)]
    boosted = boost(folds, PARAMS, max_rounds=500, patience=10)
    totals = np.zeros(boosted.rounds_trained)
    for train, held_out in folds:
        booster = boost_rounds(train, PARAMS, boosted.rounds_trained)
        for n in range(boosted.rounds_trained):
            out = booster.predict(held_out.X, num_iteration=n + 1)
            out = out.clip(train.y.min(), train.y.max())
            totals[n] += np.square(out - held_out.y).sum()
    assert boosted.rounds == np.argmin(totals) + 1


def test_inner_folds_add_log_losses() -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((240, 3))
    y = ((X[:, 0] > 0) + (X[:, 1] > 0.5) + rng.integers(0, 2, 240)).astype(np.int64)
    folds = [
        InnerSets(Dataset(X[a], y[a]), Dataset(X[b], y[b]))
        for a, b in ((slice(0, 100), slice(100, 160)), (slice(100, 240), slice(0, 30)))
    ]
    params = PARAMS | {"objective": "multiclass", "num_class": 4}
    boosted = boost(folds, params, max_rounds=500, patience=10)
    totals = np.zeros(boosted.rounds_trained)
    for train, held_out in folds:
        booster = boost_rounds(train, params, boosted.rounds_trained)
        for n in range(boosted.rounds_trained):
            out = booster.predict(held_out.X, num_iteration=n + 1)
            totals[n] -= np.log(out[np.arange(len(out)), held_out.y]).sum()
    assert boosted.rounds == np.argmin(totals) + 1


def test_inner_folds_are_refitted_on_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "SETTINGS", QUICK)
    data = parts("regression", rows=200)
    inner = [(np.arange(100), np.arange(100, 200)), (np.arange(100, 200), np.arange(100))]
    probe = TreeRegressor(random_state=0).fit(data.X, data.y, inner=inner)
    z = (data.y - data.y.mean()) / data.y.std()
    rounds = probe.best_params_["rounds"]
    assert isinstance(rounds, int)
    again = boost_rounds(Dataset(data.X, z), probe.booster_.params, rounds)
    expected = again.predict(data.X_test) * data.y.std() + data.y.mean()
    np.testing.assert_allclose(
        probe.predict(data.X_test), expected.clip(data.y.min(), data.y.max()), rtol=1e-12
    )


def test_stops_early_or_at_the_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "SETTINGS", QUICK)
    data = parts("regression", rows=150)
    noise = np.random.default_rng(0).standard_normal(150)
    stopped = TreeRegressor(random_state=0).fit(data.X, data.y, (data.validation[0], noise))
    assert stopped.converged_
    rounds = stopped.best_params_["rounds"]
    assert isinstance(rounds, int)
    assert stopped.fit_info_ == {"cap": QUICK.max_rounds, "rounds_trained": rounds + 10}
    assert stopped.booster_.num_trees() == rounds
    monkeypatch.setattr(trees, "SETTINGS", QUICK.model_copy(update={"max_rounds": 7}))
    capped = TreeRegressor(random_state=0).fit(data.X, data.y, data.validation)
    assert not capped.converged_
    assert capped.fit_info_ == {"cap": 7, "rounds_trained": 7}


def test_many_classes_are_not_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "SETTINGS", QUICK)
    xyz = points(400)
    X, y = embed(xyz), cells(xyz, 30)
    probe = TreeClassifier(random_state=0).fit(X[:300], y[:300], (X[300:], y[300:]))
    rounds = probe.best_params_["rounds"]
    assert isinstance(rounds, int)
    assert probe.converged_
    assert len(probe.classes_) > QUICK.many_classes
    assert probe.fit_info_["rounds_trained"] == rounds + 8
    assert probe.booster_.params["learning_rate"] == QUICK.many_classes_learning_rate
    assert probe.booster_.num_trees() == rounds * len(probe.classes_)


@pytest.mark.parametrize("classes", [0, 2, 3])
@pytest.mark.parametrize("at_once", [1, 7, 10_000])
def test_predictions_are_those_of_lightgbm(
    classes: int, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trees, "SETTINGS", QUICK)
    monkeypatch.setattr(boosting, "TREES_AT_ONCE", at_once)
    train, held_out = pair()
    X, z = train
    probe: TreeRegressor | TreeClassifier
    if classes:
        y = np.digitize(z, np.quantile(z, np.arange(1, classes) / classes))
        probe = TreeClassifier(random_state=0).fit(X, y)
        out = probe.predict_proba(held_out.X)
    else:
        probe = TreeRegressor(random_state=0).fit(X, z)
        out = (probe.unclipped(held_out.X) - probe.target_mean_) / probe.target_scale_
    assert probe.booster_.num_trees() > 7
    expected = probe.booster_.predict(held_out.X)
    if classes == 2:
        expected = np.stack([1 - expected, expected], axis=1)
    np.testing.assert_allclose(out, expected, rtol=1e-12, atol=1e-14)


def test_inner_folds_of_classes_leave_out_unseen_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "SETTINGS", QUICK)
    data = parts("classification", rows=120)
    y = data.y.copy()
    y[100] = 999  # in no training set of the first fold
    inner = [(np.arange(70), np.arange(70, 120)), (np.arange(50, 120), np.arange(30))]
    probe = TreeClassifier(random_state=0).fit(data.X, y, inner=inner)
    assert 999 in probe.classes_
    np.testing.assert_allclose(probe.predict_proba(data.X_test).sum(axis=1), 1)


def test_without_validation_rows() -> None:
    data = parts("regression", rows=3)
    probe = TreeRegressor(random_state=0).fit(data.X, data.y)
    assert probe.best_params_ == {"rounds": trees.SETTINGS.rounds_without_validation}
    assert not probe.converged_


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e9])
@pytest.mark.parametrize("name", ["mlp", "lightgbm"])
def test_units_of_the_target_do_not_matter(name: str, unit: float, quick_probes: None) -> None:
    data = parts("regression")
    X_held, y_held = data.validation
    probe: Any = make_probe(name, "regression", 0).fit(
        data.X, data.y * unit, (X_held, y_held * unit)
    )
    same: Any = make_probe(name, "regression", 0).fit(data.X, data.y, data.validation)
    expected = same.score(data.X_test, data.y_test)
    assert probe.score(data.X_test, data.y_test * unit) == pytest.approx(expected, abs=0.02)
