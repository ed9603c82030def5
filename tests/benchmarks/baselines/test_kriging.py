"""Kriging against the textbook's system and scikit-learn's Gaussian process."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.linalg import null_space
from scipy.optimize import minimize_scalar
from scipy.stats import multivariate_normal
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern
from threadpoolctl import threadpool_limits

from satclip_bench.benchmarks.baselines import kriging, make_baseline
from satclip_bench.benchmarks.baselines.kriging import GP
from satclip_bench.benchmarks.baselines.kriging_systems import (
    covariance,
    kriging_precision,
    left_out_residual,
)
from satclip_bench.benchmarks.baselines.sphere import SphereBaseline
from satclip_bench.benchmarks.metrics.scores import normal_scores
from satclip_bench.benchmarks.targets import count_outside
from satclip_bench.core.sphere import EARTH_RADIUS_KM, unit_vectors
from tests.benchmarks.baselines.test_baselines import (
    TEST,
    TRAIN,
    VALIDATION,
    by_longitude,
    classes,
    part,
)

Float = NDArray[np.float64]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """As cells are run; small systems are slower on more."""
    with threadpool_limits(1):
        yield


def fitted(
    train: tuple[Float, Float] = TRAIN, validation: tuple[Float, Float] = VALIDATION
) -> SphereBaseline:
    return make_baseline("baseline.gp", "regression").fit(*train, validation=validation)


def std_of(found: SphereBaseline, lonlat: Float) -> Float:
    mean, std = found.distribution(lonlat)
    assert (mean == found.unclipped(lonlat)).all()
    assert std is not None
    return std


def matern(smoothness: float, length_km: float) -> Matern:
    return Matern(length_km / EARTH_RADIUS_KM, nu=smoothness)


def textbook(
    train: Float, values: Float, test: Float, smoothness: float, length_km: float, noise: float
) -> Float:
    """Ordinary kriging by its weights: the system with a Lagrange multiplier."""
    kernel, a, b = matern(smoothness, length_km), unit_vectors(train), unit_vectors(test)
    n = len(a)
    system = np.ones((n + 1, n + 1))
    system[:n, :n] = kernel(a) + noise * np.eye(n)
    system[n, n] = 0
    right = np.vstack([kernel(a, b), np.ones(len(b))])
    weights = np.linalg.solve(system, right)[:n]
    assert weights.sum(axis=0) == pytest.approx(np.ones(len(b)))
    return np.asarray(weights.T @ values)


def settings(found: SphereBaseline) -> tuple[float, float, float]:
    smoothness, length_km, noise, _ = found.best_params_.values()
    return smoothness, length_km, noise


@pytest.mark.parametrize("smoothness", [0.5, 1.5])
@pytest.mark.parametrize("length_km", [30.0, 1000.0, 10_000.0])
def test_covariance_is_scikit_learns(smoothness: float, length_km: float) -> None:
    points = unit_vectors(TEST[0])
    km = EARTH_RADIUS_KM * np.linalg.norm(points[:, None] - points, axis=2)
    found = covariance(km, smoothness, length_km)
    np.testing.assert_allclose(found, matern(smoothness, length_km)(points), atol=1e-10)


def test_only_the_straight_line_keeps_smooth_covariances_positive_definite() -> None:
    points = unit_vectors(TEST[0])
    chord = np.linalg.norm(points[:, None] - points, axis=2)
    arc = 2 * np.arcsin(np.clip(chord / 2, 0, 1))
    least = {
        (name, smoothness): np.linalg.eigvalsh(
            covariance(EARTH_RADIUS_KM * distance, smoothness, 10_000)
        )[0]
        for name, distance in (("chord", chord), ("arc", arc))
        for smoothness in (0.5, 1.5)
    }
    assert least["chord", 0.5] > 0
    assert least["chord", 1.5] > 0
    assert least["arc", 0.5] > 0
    assert least["arc", 1.5] < -0.001


def test_regression_is_the_textbooks() -> None:
    found = fitted()
    wanted = textbook(TRAIN[0], TRAIN[1], TEST[0], *settings(found))
    inside = wanted.clip(TRAIN[1].min(), TRAIN[1].max())
    np.testing.assert_allclose(found.predict(TEST[0]), inside, atol=1e-9)
    np.testing.assert_allclose(found.unclipped(TEST[0]), wanted, atol=1e-9)
    outside = (np.abs(wanted - inside) > 1e-8).sum()
    assert count_outside(found.unclipped(TEST[0]), found.target_range_) == outside


def test_a_gaussian_process_whose_mean_is_all_but_unknown_agrees() -> None:
    found = fitted()
    smoothness, length_km, noise = settings(found)
    kernel = ConstantKernel(1e5, "fixed") + matern(smoothness, length_km)
    oracle = GaussianProcessRegressor(kernel, alpha=noise, optimizer=None)
    oracle.fit(unit_vectors(TRAIN[0]), TRAIN[1])
    wanted, std = oracle.predict(unit_vectors(TEST[0]), return_std=True)
    inside = wanted.clip(TRAIN[1].min(), TRAIN[1].max())
    np.testing.assert_allclose(found.predict(TEST[0]), inside, atol=1e-4)
    # The oracle's variance is that of the process of sill 1, without noise.
    sill = found.fit_info_["sill"]
    spread = np.sqrt(sill * (std**2 + noise))
    np.testing.assert_allclose(std_of(found, TEST[0]), spread, rtol=1e-3)


def test_the_sill_maximises_the_restricted_likelihood() -> None:
    """By its definition: the density of contrasts, which do not depend on the unknown mean."""
    train = part(60, 9)
    found = fitted(train)
    smoothness, length_km, noise = settings(found)
    correlation = matern(smoothness, length_km)(unit_vectors(train[0])) + noise * np.eye(60)
    contrasts = null_space(np.ones((1, 60))).T
    z, shape = contrasts @ train[1], contrasts @ correlation @ contrasts.T

    def loss(log_sill: float) -> float:
        return -float(multivariate_normal(cov=np.exp(log_sill) * shape).logpdf(z))

    best = minimize_scalar(loss, bracket=(-3, 3)).x
    assert found.fit_info_["sill"] == pytest.approx(np.exp(best), rel=1e-4)


def test_the_variance_is_that_of_the_best_linear_unbiased_prediction() -> None:
    """From the weights of the textbook's system: variance of the error, with the unknown mean."""
    train = part(60, 9)
    found = fitted(train)
    smoothness, length_km, noise = settings(found)
    kernel, a, b = matern(smoothness, length_km), unit_vectors(train[0]), unit_vectors(TEST[0])
    weights = textbook(train[0], np.eye(60), TEST[0], smoothness, length_km, noise)
    covariances = kernel(a) + noise * np.eye(60)
    error = 1 + noise - 2 * np.sum(weights * kernel(b, a), axis=1)
    error += np.einsum("mi,ij,mj->m", weights, covariances, weights)
    wanted = np.sqrt(found.fit_info_["sill"] * error)
    np.testing.assert_allclose(std_of(found, TEST[0]), wanted, rtol=1e-6)


def test_predictive_intervals_cover_what_they_say() -> None:
    """Of a field that is drawn from a Gaussian process whose covariance is a candidate."""
    lonlat, _ = part(1800, 11)
    rng = np.random.default_rng(0)
    covariances = matern(0.5, 3000.0)(unit_vectors(lonlat)) + 0.1 * np.eye(1800)
    y = 7 * np.linalg.cholesky(covariances) @ rng.normal(size=1800)
    train, held, test = np.split(np.arange(1800), [600, 800])
    found = fitted((lonlat[train], y[train]), (lonlat[held], y[held]))
    std = std_of(found, lonlat[test])
    scores = normal_scores(y[test], found.predict(lonlat[test]), std)
    assert scores["interval_coverage"] == pytest.approx(0.95, abs=0.02)
    # No other spread is better by much, so that the sill is right as well.
    others = [
        normal_scores(y[test], found.predict(lonlat[test]), factor * std)["log_score"]
        for factor in (0.7, 0.8, 0.9, 1.1, 1.2, 1.4)
    ]
    assert scores["log_score"] < min(others) + 0.01


def test_a_class_has_no_standard_deviation() -> None:
    found = make_baseline("baseline.gp", "classification")
    found.fit(TRAIN[0], classes(TRAIN[1]), inner=by_longitude(TRAIN[0]))
    with pytest.raises(ValueError, match="only a regression"):
        found.distribution(TEST[0])
    assert found.fit_info_ == {}


@pytest.mark.parametrize("buffer", [0, 40])
def test_the_choice_by_inner_folds_is_the_best_by_fits_of_their_own(buffer: int) -> None:
    """Held-out residuals from one decomposition are those of kriging each inner training set."""
    lonlat, y = part(150, 3)
    # The buffer leaves out points that are in neither set of an inner fold.
    inner = [(train[: len(train) - buffer], held) for train, held in by_longitude(lonlat)]
    losses = {}
    for candidate in product(*GP.card.search.values()):
        losses[candidate] = 0.0
        for train, held in inner:
            raw = textbook(lonlat[train], y[train], lonlat[held], *candidate)
            inside = raw.clip(y[train].min(), y[train].max())
            losses[candidate] += float(np.square(inside - y[held]).sum())
    found = make_baseline("baseline.gp", "regression").fit(lonlat, y, inner=inner)
    assert settings(found) == best(losses)
    wanted = textbook(lonlat, y, TEST[0], *settings(found)).clip(y.min(), y.max())
    np.testing.assert_allclose(found.predict(TEST[0]), wanted, atol=1e-9)


def test_residuals_of_points_left_out_are_those_of_a_fit_without_them() -> None:
    lonlat, y = part(80, 3)
    values = np.column_stack([y, y**2])
    candidate = (1.5, 3000.0, 0.01)
    inner = matern(*candidate[:2])(unit_vectors(lonlat))
    precision = kriging_precision(inner, candidate[2])
    left_out = np.arange(80) % 3 == 0
    residual = left_out_residual(precision, precision @ values, left_out)
    predicted = textbook(lonlat[~left_out], values[~left_out], lonlat[left_out], *candidate)
    np.testing.assert_allclose(values[left_out] - residual, predicted, atol=1e-8)


def test_inner_folds_for_classes_that_are_in_one_region_alone() -> None:
    lonlat, y = part(150, 3)
    labels = np.where(lonlat[:, 0] > 90, 77, classes(y))
    found = make_baseline("baseline.gp", "classification")
    found.fit(lonlat, labels, inner=by_longitude(lonlat))
    assert found.predict_proba(TEST[0]).sum(axis=1) == pytest.approx(np.ones(200))
    losses = {}
    known = np.unique(labels)
    for candidate in product(*GP.card.search.values()):
        losses[candidate] = 0.0
        for train, held in by_longitude(lonlat):
            indicators = (labels[:, None] == known).astype(float)
            shares = textbook(lonlat[train], indicators[train], lonlat[held], *candidate).clip(0)
            shares /= shares.sum(axis=1, keepdims=True)
            losses[candidate] += float(np.square(shares - indicators[held]).sum())
    assert settings(found) == best(losses)


def test_indicators_are_the_textbooks() -> None:
    y = classes(TRAIN[1])
    found = make_baseline("baseline.gp", "classification")
    found.fit(TRAIN[0], y, validation=(VALIDATION[0], classes(VALIDATION[1])))
    indicators = (y[:, None] == np.unique(y)).astype(float)
    raw = textbook(TRAIN[0], indicators, TEST[0], *settings(found))
    assert raw.min() < 0
    wanted = raw.clip(min=0) / raw.clip(min=0).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found.predict_proba(TEST[0]), wanted, atol=1e-9)


def best(losses: dict[tuple[float, ...], float]) -> tuple[float, ...]:
    return min(losses, key=lambda candidate: losses[candidate])


def test_the_choice_is_the_best_on_validation() -> None:
    train, held = part(150, 3), part(60, 4)
    ends = train[1].min(), train[1].max()
    losses = {
        candidate: float(
            np.square(textbook(*train, held[0], *candidate).clip(*ends) - held[1]).mean()
        )
        for candidate in product(*GP.card.search.values())
    }
    assert settings(fitted(train, held)) == best(losses)


def test_the_choice_for_classes_is_the_best_on_validation() -> None:
    (lonlat, y), (lonlat_held, y_held) = part(150, 3), part(60, 4)
    # The last row's label is unknown to training: its indicators are all 0.
    labels, labels_held = classes(y), np.append(classes(y_held)[:-1], 999)
    known = np.unique(labels)
    losses = {}
    for candidate in product(*GP.card.search.values()):
        shares = textbook(lonlat, (labels[:, None] == known).astype(float), lonlat_held, *candidate)
        shares = shares.clip(min=0) / shares.clip(min=0).sum(axis=1, keepdims=True)
        losses[candidate] = float(np.square(shares - (labels_held[:, None] == known)).mean())
    found = make_baseline("baseline.gp", "classification")
    found.fit(lonlat, labels, validation=(lonlat_held, labels_held))
    assert settings(found) == best(losses)


def test_halving_keeps_to_good_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fitted()
    monkeypatch.setattr(kriging, "HALVING_TRAIN_POINTS", (100, 200, 300))
    halved = fitted()
    errors = [np.square(f.predict(VALIDATION[0]) - VALIDATION[1]).mean() for f in (whole, halved)]
    assert errors[0] <= errors[1] < 1.1 * errors[0]
    assert halved.best_params_["n_train_points"] == 400


def test_of_more_points_a_stated_number_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kriging, "MAX_TRAIN_POINTS", 150)
    found, again = fitted(), fitted()
    assert found.best_params_["n_train_points"] == 150
    assert found.predict(TEST[0]).tobytes() == again.predict(TEST[0]).tobytes()
    rows = np.random.default_rng(0).permutation(400)[:150]
    wanted = textbook(TRAIN[0][rows], TRAIN[1][rows], TEST[0], *settings(found))
    # The range is that of all training targets, not of those that were drawn.
    wanted = wanted.clip(TRAIN[1].min(), TRAIN[1].max())
    np.testing.assert_allclose(found.predict(TEST[0]), wanted, atol=1e-9)


def test_settings_on_the_card_are_the_ones_in_use() -> None:
    assert GP.card.settings == {
        "max_train_points": kriging.MAX_TRAIN_POINTS,
        "halving_train_points": kriging.HALVING_TRAIN_POINTS,
        "halving_keep": kriging.HALVING_KEEP,
        "max_validation_points": kriging.MAX_VALIDATION_POINTS,
        "seed": kriging.SEED,
    }
    assert kriging.HALVING_KEEP[-1] == 1
    assert list(GP.card.search) == list(kriging.Candidate._fields)
    assert max(kriging.HALVING_TRAIN_POINTS) < kriging.MAX_TRAIN_POINTS


def test_the_sphere_has_no_seam() -> None:
    turned = [
        (np.stack([-180 + np.mod(lonlat[:, 0] + 180 + 77, 360), -lonlat[:, 1]], axis=1), y)
        for lonlat, y in (TRAIN, VALIDATION)
    ]
    test = np.stack([TEST[0][:, 0] + 77, -TEST[0][:, 1]], axis=1)
    found, other = fitted(), fitted(*turned)
    assert found.best_params_ == other.best_params_
    np.testing.assert_allclose(found.predict(TEST[0]), other.predict(test), atol=1e-6)
    ends = found.predict(np.array([[180.0, 10], [-180, 10], [20, 90], [-130, 90]]))
    assert ends[0] == pytest.approx(ends[1])
    assert ends[2] == pytest.approx(ends[3])


def test_repeated_points_and_targets_far_from_zero() -> None:
    lonlat, y = np.tile(TRAIN[0], (2, 1)), np.concatenate([TRAIN[1] + 0.1, TRAIN[1] - 0.1])
    found = fitted((lonlat, y))
    far = fitted((lonlat, y + 1e8), (VALIDATION[0], VALIDATION[1] + 1e8))
    assert np.isfinite(found.predict(TEST[0])).all()
    np.testing.assert_allclose(far.predict(TEST[0]) - 1e8, found.predict(TEST[0]), atol=1e-5)


def test_it_is_better_than_its_neighbours_on_a_smooth_field() -> None:
    test = part(200, 5)
    errors = {
        name: np.square(
            make_baseline(name, "regression").fit(*TRAIN, validation=VALIDATION).predict(test[0])
            - test[1]
        ).mean()
        for name in ("baseline.mean", "baseline.knn", "baseline.idw", "baseline.gp")
    }
    # The noise alone is 0.01.
    assert 0.008 < errors["baseline.gp"] < 0.014
    assert errors["baseline.gp"] < 0.8 * min(errors["baseline.knn"], errors["baseline.idw"])


def test_a_constant_target_is_constant_everywhere() -> None:
    found = fitted((TRAIN[0], np.full(400, 3.5)), (VALIDATION[0], np.full(100, 3.5)))
    assert found.predict(TEST[0]) == pytest.approx(np.full(200, 3.5))
    assert (std_of(found, TEST[0]) == 0).all()
    assert count_outside(found.unclipped(TEST[0]), found.target_range_) == 0
