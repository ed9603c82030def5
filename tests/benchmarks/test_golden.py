"""Scores known beforehand: fields of known spectrum or smoothness, classes of known cells.

Encoders, splits, probes, baselines and scores are the ones that a run uses; what the score should
be comes from theory, and the fields from SciPy and scikit-learn.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import sph_harm_y_all
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import Matern

from satclip_bench.benchmarks.baselines import make_baseline
from satclip_bench.benchmarks.metrics.scores import (
    classification_scores,
    rank_classes,
    regression_scores,
)
from satclip_bench.benchmarks.probes import make_probe
from satclip_bench.benchmarks.runs.threads import thread_limit
from satclip_bench.benchmarks.splits import Fold, SplitInputs, get_split
from satclip_bench.core.sphere import EARTH_RADIUS_KM, unit_vectors
from satclip_bench.encoders import get_encoder
from satclip_bench.encoders.combine import fibonacci_lattice
from satclip_bench.tasks.base import TaskType

Float = NDArray[np.float64]
Int = NDArray[np.int64]

LATTICE = fibonacci_lattice(8000)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """As cells are run."""
    with thread_limit(1):
        yield


class Field(NamedTuple):
    values: Float
    power: Float
    """Variance over the sphere by degree."""


@lru_cache
def field(degrees: int, seed: int) -> Field:
    """A random field of `degrees` degrees on the lattice, the same variance expected of each."""
    lon, lat = np.radians(LATTICE).T
    waves = sph_harm_y_all(degrees - 1, degrees - 1, np.pi / 2 - lat, lon)
    rng = np.random.default_rng([degrees, seed])
    values, power = np.zeros(len(LATTICE)), np.zeros(degrees)
    for degree in range(1, degrees):
        a = rng.normal(size=(2, degree + 1)) / np.sqrt(2 * degree + 1)
        a[1, 0] = 0
        # Y_l(-m) is the conjugate of Y_lm up to sign, so that a real field has order 0 once and
        # the real part of the others twice; the mean of |Y|^2 over the sphere is 1 / 4 pi.
        twice = np.where(np.arange(degree + 1) > 0, 2, 1)
        harmonics = waves[degree, : degree + 1]
        values += twice @ (a[0, :, None] * harmonics.real - a[1, :, None] * harmonics.imag)
        power[degree] = twice @ np.square(a).sum(axis=0) / (4 * np.pi)
    return Field(values, power)


def folds(target: Float | Int, split: str) -> tuple[Fold, ...]:
    return get_split(split).folds(SplitInputs(LATTICE, target), seed=0)


def probed(encoder: str, probe: str, task_type: TaskType, target: Float | Int, fold: Fold) -> Any:
    """The fitted probe's predictions on the test set, and the estimator."""
    X = get_encoder(encoder).encode(LATTICE)
    chosen_on: Any = {"validation": (X[fold.validation], target[fold.validation])}
    if fold.inner:
        chosen_on = {"inner": fold.inner_positions}
    estimator: Any = make_probe(probe, task_type, seed=0)
    estimator.fit(X[fold.train], target[fold.train], **chosen_on)
    if task_type == "regression":
        return estimator.predict(X[fold.test]), estimator
    return estimator.predict_proba(X[fold.test]), estimator


def r2(encoder: str, target: Float, fold: Fold, probe: str = "linear") -> float:
    predicted, _ = probed(encoder, probe, "regression", target, fold)
    return regression_scores(target[fold.test], predicted)["r2"]


def test_the_fields_have_the_variance_that_parseval_says() -> None:
    for degrees in (10, 25):
        made = field(degrees, 0)
        assert made.values.mean() == pytest.approx(0, abs=1e-3)
        assert made.values.var() == pytest.approx(made.power.sum(), rel=1e-3)


@pytest.mark.parametrize("split", ["random", "blocks.20"])
def test_harmonics_reach_the_ceiling_of_a_field_within_their_degrees(split: str) -> None:
    made = field(10, 0)
    noise = 0.05 * np.sqrt(made.power.sum())
    target = made.values + noise * np.random.default_rng(1).normal(size=len(LATTICE))
    ceiling = 1 - noise**2 / (made.power.sum() + noise**2)
    fold = folds(target, split)[0]
    assert r2("harmonics.l10", target, fold) == pytest.approx(ceiling, abs=0.001)
    assert r2("harmonics.l20", target, fold) > 0.98
    assert r2("direct", target, fold) < 0.3


@pytest.mark.parametrize(
    ("encoder", "degrees"), [("cartesian3d", 2), ("harmonics.l10", 10), ("harmonics.l20", 20)]
)
def test_what_lies_beyond_an_encoders_degrees_is_out_of_reach(encoder: str, degrees: int) -> None:
    made = field(25, 0)
    fold = folds(made.values, "random")[0]
    beyond = made.power[degrees:].sum() / made.power.sum()
    # What cannot be expressed is noise to the fit, which least squares pay for once more.
    rows, columns = len(fold.train), degrees**2
    expected = 1 - beyond * (1 + columns / (rows - columns - 1))
    assert r2(encoder, made.values, fold) == pytest.approx(expected, abs=0.03)


def test_more_degrees_reach_a_rougher_field() -> None:
    made = field(25, 0)
    fold = folds(made.values, "random")[0]
    assert r2("harmonics.l25", made.values, fold) > 0.9999
    assert r2("harmonics.l40", made.values, fold) > 0.99


def drawn(points: int, seed: int) -> Float:
    """Points drawn uniformly over the sphere; a lattice would keep neighbours apart."""
    rng = np.random.default_rng(seed)
    lat = np.degrees(np.arcsin(rng.uniform(-1, 1, points)))
    return np.stack([rng.uniform(-180, 180, points), lat], axis=1)


def gaussian_fields(covariances: Float, count: int, seed: int) -> Float:
    """Fields with these covariances, `(count, n)`."""
    root = np.linalg.cholesky(covariances + 1e-10 * np.eye(len(covariances)))
    return np.asarray((root @ np.random.default_rng(seed).normal(size=(len(root), count))).T)


@pytest.mark.parametrize(("smoothness", "exponent"), [(0.5, 0.5), (1.5, 1.0)])
def test_the_nearest_neighbours_error_falls_as_the_smoothness_says(
    smoothness: float, exponent: float
) -> None:
    """It is twice the semivariogram at its distance: as n^-H for a field of Hölder exponent H."""
    lonlat, test, kernel = drawn(2600, 3), slice(0, 600), Matern(1.0, nu=smoothness)
    points = unit_vectors(lonlat)
    fields = gaussian_fields(kernel(points), 12, 4)
    errors = {}
    for rows in (125, 500, 2000):
        train = slice(600, 600 + rows)
        distance = np.linalg.norm(points[test, None] - points[None, train], axis=2).min(axis=1)
        semivariogram = 1 - kernel(np.zeros((1, 1)), distance[:, None])[0]
        losses = []
        for y in fields:
            itself = lonlat[train], y[train]
            found = make_baseline("baseline.knn", "regression").fit(*itself, validation=itself)
            assert found.best_params_ == {"n_neighbors": 1}
            losses.append(np.square(found.predict(lonlat[test]) - y[test]).mean())
        errors[rows] = np.mean(losses)
        assert errors[rows] == pytest.approx(2 * semivariogram.mean(), rel=0.1)
    assert errors[125] / errors[2000] == pytest.approx(16**exponent, rel=0.2)


@pytest.mark.parametrize("probe", ["knn", "lightgbm"])
def test_probes_without_the_right_basis_improve_with_density(probe: str) -> None:
    made = field(10, 2)
    fold = folds(made.values, "random")[0]
    scores = []
    for rows in (150, 600, 2400):
        some = np.random.default_rng(rows).choice(fold.train, rows, replace=False)
        thinned = Fold("0", np.sort(some), fold.validation, fold.test)
        scores.append(r2("cartesian3d", made.values, thinned, probe))
    assert scores[0] + 0.1 < scores[1] < scores[2] - 0.02
    assert scores[2] > 0.9


def test_kriging_errs_by_the_kriging_variance_where_its_model_is_true() -> None:
    lonlat, noise = drawn(1400, 5), 0.01
    points, kernel = unit_vectors(lonlat), Matern(1000 / EARTH_RADIUS_KM, nu=1.5)
    train, validation, test = slice(0, 500), slice(500, 800), slice(800, 1400)
    oracle = GaussianProcessRegressor(kernel, alpha=noise, optimizer=None)
    losses = []
    for y in gaussian_fields(kernel(points) + noise * np.eye(1400), 12, 6):
        found = make_baseline("baseline.gp", "regression")
        found.fit(lonlat[train], y[train], validation=(lonlat[validation], y[validation]))
        known, deviation = oracle.fit(points[train], y[train]).predict(points[test], True)
        squares = (found.predict(lonlat[test]) - y[test]) ** 2, (known - y[test]) ** 2
        losses.append((*map(np.mean, squares), np.mean(deviation**2) + noise))
    ours, best, expected = np.mean(losses, axis=0)
    assert best == pytest.approx(expected, rel=0.1)
    assert best < ours < 1.05 * best


CLASSES = 8
CENTRES = unit_vectors(fibonacci_lattice(5000))[
    np.random.default_rng(8).choice(5000, CLASSES, replace=False)
]


def cells(lonlat: Float) -> Int:
    """The nearest centre; as all have length 1, a linear function of Cartesian coordinates."""
    return np.asarray((unit_vectors(lonlat) @ CENTRES.T).argmax(axis=1), dtype=np.int64)


def noisy_cells(share: float) -> Int:
    """The cells, a share of them replaced by any class at random."""
    rng = np.random.default_rng(9)
    truth = cells(LATTICE)
    drawn = rng.integers(CLASSES, size=len(truth))
    return np.where(rng.random(len(truth)) < share, drawn, truth)


def scored(target: Int, probabilities: Float, classes: NDArray[Any]) -> dict[str, float]:
    ranked, weight = rank_classes(probabilities, classes)
    own = probabilities[np.arange(len(target)), np.searchsorted(classes, target)]
    return classification_scores(target, ranked, weight[:, 0], own.astype(np.float32), classes)


def four_errors(share: float, points: int) -> float:
    return float(4 * np.sqrt(share * (1 - share) / points))


@pytest.mark.parametrize("split", ["random", "blocks.20"])
@pytest.mark.parametrize(("probe", "least"), [("linear", 0.985), ("knn", 0.93), ("lightgbm", 0.9)])
def test_cells_can_be_told_without_error(probe: str, least: float, split: str) -> None:
    target = cells(LATTICE)
    fold = folds(target, split)[0]
    probabilities, estimator = probed("cartesian3d", probe, "classification", target, fold)
    scores = scored(target[fold.test], probabilities, estimator.classes_)
    assert scores["accuracy"] > least
    if probe == "linear":
        assert scores["log_loss"] < 0.05


def test_the_majority_scores_its_share_of_the_sphere() -> None:
    target = cells(LATTICE)
    fold = folds(target, "random")[0]
    found = make_baseline("baseline.mean", "classification")
    validation = LATTICE[fold.validation], target[fold.validation]
    found.fit(LATTICE[fold.train], target[fold.train], validation=validation)
    shares = np.bincount(cells(fibonacci_lattice(50_000))) / 50_000
    scores = scored(target[fold.test], found.predict_proba(LATTICE[fold.test]), found.classes_)
    n = len(fold.test)
    assert scores["accuracy"] == pytest.approx(shares.max(), abs=four_errors(shares.max(), n))
    assert scores["balanced_accuracy"] == pytest.approx(1 / CLASSES)
    assert scores["top5_accuracy"] == pytest.approx(np.sort(shares)[-5:].sum(), abs=0.03)
    assert scores["log_loss"] == pytest.approx(-shares @ np.log(shares), abs=0.03)
    assert scores["ece"] < 0.03


class Ceiling(NamedTuple):
    """Best possible scores of cells whose labels are noisy."""

    accuracy: float
    """1 - p (K - 1) / K for a share p of K classes."""
    log_loss: float
    """The entropy of a label."""
    wrong: float
    """Probability of each class but the cell's."""


def ceiling(noise: float) -> Ceiling:
    wrong = noise / CLASSES
    right = 1 - noise + wrong
    entropy = -right * np.log(right) - (CLASSES - 1) * wrong * np.log(wrong)
    return Ceiling(right, float(entropy), wrong)


NOISE = pytest.mark.parametrize("noise", [0.2, 0.6])


@NOISE
def test_the_true_probabilities_score_the_ceiling(noise: float) -> None:
    target, best = noisy_cells(noise), ceiling(noise)
    truth = np.full((len(LATTICE), CLASSES), best.wrong)
    truth[np.arange(len(LATTICE)), cells(LATTICE)] = best.accuracy
    scores = scored(target, truth, np.arange(CLASSES))
    sampling = four_errors(best.accuracy, len(LATTICE))
    assert scores["accuracy"] == pytest.approx(best.accuracy, abs=sampling)
    assert scores["ece"] < sampling
    # A label costs one of two values; so the loss errs by the accuracy's error times their gap.
    gap = np.log(best.accuracy / best.wrong)
    assert scores["log_loss"] == pytest.approx(best.log_loss, abs=sampling * gap)
    # Being sure of what is true costs more than knowing how often it is not.
    sure = scored(target, np.eye(CLASSES)[cells(LATTICE)], np.arange(CLASSES))
    assert sure["accuracy"] == scores["accuracy"]
    assert sure["ece"] == pytest.approx(1 - sure["accuracy"])
    assert sure["log_loss"] == pytest.approx((1 - sure["accuracy"]) * 23 * np.log(2))


@NOISE
@pytest.mark.parametrize("probe", ["linear", "lightgbm", "mlp"])
def test_probes_that_are_told_the_cell_reach_the_ceiling(probe: str, noise: float) -> None:
    target, best = noisy_cells(noise), ceiling(noise)
    fold = folds(target, "random")[0]
    X = np.eye(CLASSES, dtype=np.float32)[cells(LATTICE)]
    validation = X[fold.validation], target[fold.validation]
    estimator: Any = make_probe(probe, "classification", seed=0)
    estimator.fit(X[fold.train], target[fold.train], validation)
    scores = scored(target[fold.test], estimator.predict_proba(X[fold.test]), estimator.classes_)
    sampling = four_errors(best.accuracy, len(fold.test))
    assert scores["accuracy"] == pytest.approx(best.accuracy, abs=sampling)
    gap = np.log(best.accuracy / best.wrong)
    assert scores["log_loss"] == pytest.approx(best.log_loss, abs=sampling * gap + 0.02)
    # What a cell's label is worth is learnt from its share of the training rows.
    learnt = np.sqrt(best.accuracy * (1 - best.accuracy) * CLASSES / len(fold.train))
    assert scores["ece"] < 3 * learnt


@NOISE
@pytest.mark.parametrize(
    ("encoder", "probe"), [("harmonics.l10", "linear"), ("cartesian3d", "knn")]
)
def test_from_places_alone_none_is_above_the_ceiling(
    encoder: str, probe: str, noise: float
) -> None:
    target, best = noisy_cells(noise), ceiling(noise)
    fold = folds(target, "random")[0]
    probabilities, estimator = probed(encoder, probe, "classification", target, fold)
    scores = scored(target[fold.test], probabilities, estimator.classes_)
    sampling = four_errors(best.accuracy, len(fold.test))
    assert best.accuracy - 0.06 < scores["accuracy"] < best.accuracy + sampling
    assert scores["log_loss"] > best.log_loss
