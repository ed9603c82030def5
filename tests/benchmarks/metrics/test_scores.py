from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.metrics import accuracy_score, mean_squared_error, root_mean_squared_error
from sklearn.metrics import log_loss as sklearn_log_loss

from satclip_bench.benchmarks.metrics.scores import (
    CALIBRATION_BINS,
    CLASSIFICATION,
    METRICS,
    REGRESSION,
    SEEN,
    calibration_bin,
    calibration_error,
    classification_reference,
    classification_scores,
    classification_skill,
    kept_scores,
    normal_scores,
    point_log_loss,
    rank_classes,
    regression_reference,
    regression_scores,
    regression_skill,
)
from satclip_bench.benchmarks.runs.plan import Selection, make_plan
from satclip_bench.benchmarks.runs.store import Store
from satclip_bench.benchmarks.runs.suites import get_suite
from satclip_bench.benchmarks.runs.tables import make_folds


def test_regression_by_hand() -> None:
    scores = regression_scores(np.array([1.0, 2, 3]), np.array([1.0, 2, 5]))
    assert scores == {
        "r2": pytest.approx(1 - 4 / 2),
        "rmse": pytest.approx(np.sqrt(4 / 3)),
        "mae": pytest.approx(2 / 3),
    }


def test_r2_of_a_constant_is_not_defined() -> None:
    assert np.isnan(regression_scores(np.ones(5), np.zeros(5))["r2"])
    assert np.isnan(regression_scores(np.ones(1), np.zeros(1))["r2"])


def test_classification_by_hand() -> None:
    target = np.array([0, 0, 1, 1, 2, 7])
    ranked = np.array([[0, 1, 2], [1, 0, 2], [1, 0, 2], [1, 2, 0], [0, 1, -1], [0, 1, 2]])
    confidence = np.array([0.5, 0.5, 0.75, 0.75, 1.0, 0.5], dtype=np.float32)
    p_true = np.array([0.5, 0.25, 0.75, 0.75, 0.0, 0.0], dtype=np.float32)
    scores = classification_scores(target, ranked, confidence, p_true, trained=np.array([0, 1, 2]))
    assert scores["accuracy"] == pytest.approx(3 / 6)
    assert scores["accuracy" + SEEN] == pytest.approx(3 / 5)
    assert scores["balanced_accuracy"] == pytest.approx((0.5 + 1 + 0 + 0) / 4)
    assert scores["balanced_accuracy" + SEEN] == pytest.approx((0.5 + 1 + 0) / 3)
    assert scores["top5_accuracy"] == pytest.approx(4 / 6)
    # F1 of class 0: precision 1/3, recall 1/2; of 1: 2/3 and 1; 2 and 7 are never hit.
    assert scores["macro_f1"] == pytest.approx((0.4 + 0.8 + 0 + 0) / 4)
    # 1/2 x 1/4 x 3/4 x 3/4 = 9/128; a probability of 0, and a class never trained, count as 2**-23.
    seen = np.log(128 / 9) + 23 * np.log(2)
    assert scores["log_loss" + SEEN] == pytest.approx(seen / 5)
    assert scores["log_loss"] == pytest.approx((seen + 23 * np.log(2)) / 6)
    # At 0.5: one of three right, one of two trained; at 0.75: two of two; at 1: none of one.
    assert scores["ece"] == pytest.approx((0.5 + 0.5 + 1) / 6)
    assert scores["ece" + SEEN] == pytest.approx((0 + 0.5 + 1) / 5)
    assert set(scores) == {m + s for m in CLASSIFICATION for s in ("", SEEN)}


def test_no_test_point_of_a_trained_class() -> None:
    sure, none = np.array([1.0]), np.array([0.0])
    scores = classification_scores(np.array([5]), np.array([[0]]), sure, none, np.array([0]))
    assert scores["accuracy"] == 0
    assert scores["ece"] == 1
    assert all(np.isnan(value) for name, value in scores.items() if name.endswith(SEEN))
    assert sum(name.endswith(SEEN) for name in scores) == len(CLASSIFICATION)


def predictions(
    n: int, classes: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.int64]]:
    """Labels, probabilities of which many are 0 or tied, and the classes."""
    rng = np.random.default_rng([n, classes, seed])
    votes = rng.multinomial(5, rng.dirichlet(np.full(classes, 0.3)), n)
    labels = np.sort(rng.choice(50, classes, replace=False))
    return rng.choice(labels, n), (votes / 5).astype(np.float32), labels


@given(st.integers(1, 40), st.integers(2, 12), st.integers(0, 100))
def test_log_loss_agrees_with_scikit_learn(n: int, classes: int, seed: int) -> None:
    target, p, labels = predictions(n, classes, seed)
    p_true = p[np.arange(n), np.searchsorted(labels, target)]
    expected = sklearn_log_loss(target, p, labels=labels)
    assert point_log_loss(p_true).mean() == pytest.approx(expected, rel=1e-5, abs=1e-6)


@given(st.integers(1, 40), st.integers(2, 12), st.integers(0, 100))
def test_calibration_error_bin_by_bin(n: int, classes: int, seed: int) -> None:
    target, p, labels = predictions(n, classes, seed)
    ranked, weight = rank_classes(p, labels)
    right = ranked[:, 0] == target
    votes = np.rint(weight[:, 0] * 5).astype(int)
    expected = 0.0
    for low in range(15):
        # In whole numbers: low / 15 < votes / 5 <= (low + 1) / 15.
        inside = (low < 3 * votes) & (3 * votes <= low + 1)
        if inside.any():
            expected += inside.mean() * abs(right[inside].mean() - votes[inside].mean() / 5)
    assert calibration_error(right, weight[:, 0]) == pytest.approx(expected, abs=1e-7)


@given(st.lists(st.tuples(st.integers(1, 20), st.integers(0, 19)), min_size=1, max_size=6))
def test_perfect_calibration_has_no_error(groups: list[tuple[int, int]]) -> None:
    right, confidence = [], []
    for size, missed in groups:
        hits = size - missed % size
        right += [True] * hits + [False] * (size - hits)
        confidence += [hits / size] * size
    found = calibration_error(np.array(right), np.array(confidence, dtype=np.float32))
    assert found == pytest.approx(0, abs=1e-7)


@given(st.integers(1, 60), st.integers(0, 60), st.floats(0.01, 1))
def test_one_confidence_for_all_errs_by_its_distance_from_the_accuracy(
    n: int, hits: int, confidence: float
) -> None:
    right = np.arange(n) < hits
    found = calibration_error(right, np.full(n, confidence))
    assert found == pytest.approx(abs(right.mean() - confidence))
    assert calibration_error(right, np.ones(n)) == pytest.approx(1 - right.mean())


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=30), st.data())
def test_more_probability_for_the_own_class_never_costs(
    p_true: list[float], data: st.DataObject
) -> None:
    row = data.draw(st.integers(0, len(p_true) - 1))
    more = data.draw(st.floats(p_true[row], 1, width=32))
    before, after = (
        np.array(p_true, dtype=np.float32),
        np.array(p_true, dtype=np.float32),
    )
    after[row] = more
    loss, less = point_log_loss(before), point_log_loss(after)
    assert np.isfinite(loss).all()
    assert less[row] <= loss[row]
    assert np.array_equal(np.delete(less, row), np.delete(loss, row))
    assert (loss >= 0).all()


def test_edges_of_the_bins_belong_to_the_bin_below() -> None:
    edges = np.arange(1, CALIBRATION_BINS + 1) / CALIBRATION_BINS
    assert calibration_bin(edges).tolist() == list(range(CALIBRATION_BINS))
    above = np.nextafter(edges.astype(np.float32), np.float32(2))[:-1]
    assert calibration_bin(above).tolist() == list(range(1, CALIBRATION_BINS))
    assert calibration_bin(np.array([1e-9])).tolist() == [0]


@pytest.mark.parametrize("encoder", ["baseline.mean", "baseline.knn"])
def test_kept_predictions_give_the_same_scores(encoder: str, tmp_path: Path) -> None:
    selection = Selection(tasks=["ecoregions"], encoders=[encoder], splits=["random"], seeds=[0])
    (cell,) = make_plan(get_suite("quick"), selection)
    ((record, table),) = cell.measure(None, {})
    assert record.reason == ""
    assert record.counts.unseen > 0
    store = Store(tmp_path)
    record = store.save(record, table)
    (fold,) = make_folds(cell.source, "random", 0)
    trained = cell.source.load().target[fold.train].astype(np.int64)
    of_reference = classification_skill(
        store.predictions(record)["target"].to_numpy(),
        store.predictions(record)["prediction"].to_numpy(),
        int(store.predictions(record)["reference"].iloc[0]),
    )
    kept = kept_scores(store.predictions(record), trained)
    assert kept | of_reference == record.scores


@given(st.integers(1, 30), st.integers(1, 15), st.integers(0, 100))
def test_ranked_classes_are_the_most_probable(n: int, classes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    # Coarse probabilities, so that ties occur.
    p = np.round(rng.dirichlet(np.ones(classes), n), 1)
    labels = np.sort(rng.choice(100, classes, replace=False))
    ranked, weight = rank_classes(p, labels)
    assert ranked.shape == weight.shape == (n, 10)
    kept = min(10, classes)
    assert (ranked[:, kept:] == -1).all()
    assert (weight[:, kept:] == 0).all()
    for row in range(n):
        expected = sorted(range(classes), key=lambda c: (-p[row, c], c))[:kept]
        assert ranked[row, :kept].tolist() == labels[expected].tolist()


NUMBERS = st.lists(st.floats(-1e6, 1e6).map(lambda x: round(x, 3)), min_size=2, max_size=30)


@given(NUMBERS, st.integers(0, 2**32 - 1))
def test_skill_is_r2_against_the_training_mean(values: list[float], seed: int) -> None:
    rng = np.random.default_rng(seed)
    target, predicted = np.array(values), rng.normal(0, 1e3, len(values))
    trained = rng.normal(5, 1e3, 20)
    reference = regression_reference(trained)
    scores = regression_skill(target, predicted, reference)
    of_mean = DummyRegressor().fit(np.zeros((20, 1)), trained).predict(np.zeros((len(target), 1)))
    assert scores["reference_rmse"] == pytest.approx(root_mean_squared_error(target, of_mean))
    ratio = mean_squared_error(target, predicted) / mean_squared_error(target, of_mean)
    assert scores["skill"] == pytest.approx(1 - ratio)
    # Predicting the reference everywhere has no skill, and the truth has all of it.
    assert regression_skill(target, of_mean, reference)["skill"] == pytest.approx(0, abs=1e-12)
    assert regression_skill(target, target, reference)["skill"] == 1
    # If the test mean is the reference, skill is R2.
    centred = target - target.mean() + reference
    if np.ptp(target) > 0.01:
        r2 = regression_scores(centred, predicted)["r2"]
        assert regression_skill(centred, predicted, reference)["skill"] == pytest.approx(r2)


def test_skill_of_a_reference_without_error_is_not_defined() -> None:
    target = np.full(5, 0.1)
    reference = regression_reference(np.full(7, 0.1))
    scores = regression_skill(target, np.zeros(5), reference)
    assert np.isnan(scores["skill"])
    assert scores["reference_rmse"] == pytest.approx(0, abs=1e-12)
    ones = np.ones(3, dtype=np.int64)
    assert np.isnan(classification_skill(ones, ones, 1)["skill"])
    assert classification_skill(ones, ones * 2, 1)["reference_accuracy"] == 1


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=40),
    st.lists(st.integers(0, 4), min_size=1, max_size=40),
    st.integers(0, 2**32 - 1),
)
def test_skill_of_classes_is_over_the_training_majority(
    trained: list[int], test: list[int], seed: int
) -> None:
    target = np.array(test)
    predicted = np.random.default_rng(seed).integers(0, 5, len(test))
    majority = DummyClassifier(strategy="most_frequent").fit(np.zeros((len(trained), 1)), trained)
    reference = classification_reference(np.array(trained))
    assert reference == majority.predict([[0]])[0]
    scores = classification_skill(target, predicted, reference)
    accuracy = accuracy_score(target, predicted)
    of_majority = majority.score(np.zeros((len(test), 1)), target)
    assert scores["reference_accuracy"] == pytest.approx(of_majority)
    if of_majority < 1:
        assert scores["skill"] == pytest.approx(1 - (1 - accuracy) / (1 - of_majority))
    else:
        assert np.isnan(scores["skill"])


def test_pooled_skill_adds_losses_over_folds() -> None:
    """The skill of all points at once follows from the scores of the folds, as boards pool it."""
    rng = np.random.default_rng(0)
    sizes, references = (30, 70), (0.5, -0.2)
    folds = [(rng.normal(i, 1, n), rng.normal(0, 1, n)) for i, n in enumerate(sizes)]
    scores = [
        regression_scores(*fold) | regression_skill(*fold, reference)
        for fold, reference in zip(folds, references, strict=True)
    ]
    loss = sum(n * s["rmse"] ** 2 for n, s in zip(sizes, scores, strict=True))
    of_reference = sum(n * s["reference_rmse"] ** 2 for n, s in zip(sizes, scores, strict=True))
    target, predicted = (np.concatenate(column) for column in zip(*folds, strict=True))
    means = np.repeat(references, sizes)
    direct = 1 - np.sum((target - predicted) ** 2) / np.sum((target - means) ** 2)
    assert 1 - loss / of_reference == pytest.approx(direct)


def test_scores_of_normal_distributions_are_those_of_their_definitions() -> None:
    rng = np.random.default_rng(0)
    target, predicted, std = rng.normal(size=20), rng.normal(size=20), rng.uniform(0.2, 3, 20)
    scores = normal_scores(target, predicted, std)
    density = [norm(m, s).pdf(y) for y, m, s in zip(target, predicted, std, strict=True)]
    assert scores["log_score"] == pytest.approx(-np.mean(np.log(density)))
    # The CRPS is the integral over thresholds of the squared error of the predicted probability.
    x = np.linspace(-40, 40, 400_001)
    integrals = [
        np.trapezoid((norm(m, s).cdf(x) - (x >= y)) ** 2, x)
        for y, m, s in zip(target, predicted, std, strict=True)
    ]
    assert scores["crps"] == pytest.approx(np.mean(integrals), abs=1e-4)
    inside = [
        low <= y <= high
        for y, (low, high) in zip(
            target,
            (norm(m, s).interval(0.95) for m, s in zip(predicted, std, strict=True)),
            strict=True,
        )
    ]
    assert scores["interval_coverage"] == np.mean(inside)


def test_scores_of_normal_distributions_without_spread_are_not_defined() -> None:
    scores = normal_scores(np.ones(2), np.ones(2), np.array([1.0, 0.0]))
    assert set(scores) <= set(METRICS)
    assert all(np.isnan(value) for value in scores.values())


def test_every_score_has_a_card() -> None:
    of_regression = regression_scores(np.arange(3.0), np.arange(3.0))
    of_regression |= regression_skill(np.arange(3.0), np.arange(3.0), 0.0)
    assert set(of_regression) <= set(METRICS)
    assert set(REGRESSION) | set(CLASSIFICATION) <= set(METRICS)
