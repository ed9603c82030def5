"""The Gaussian-process baseline: ordinary kriging on the sphere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import groupby, product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from satclip_bench.benchmarks.baselines.base import (
    Baseline,
    BaselineCard,
    Choice,
    Distribution,
    HeldOut,
    Lonlat,
    Method,
    Points,
    Target,
    Values,
    as_values,
)
from satclip_bench.benchmarks.baselines.kriging_systems import (
    BLOCK_ROWS,
    Kriged,
    NumpySystems,
    Shape,
    Systems,
)
from satclip_bench.benchmarks.targets import UNSEEN, clip_to, range_of
from satclip_bench.core.device import on_gpu, torch_device
from satclip_bench.core.sphere import unit_vectors

Float = NDArray[np.float64]

MAX_TRAIN_POINTS = 7000
"""The last system takes three to four seconds on one core, and the time grows with the cube."""
HALVING_TRAIN_POINTS = (500, 1000, 2000)
HALVING_KEEP = (18, 6, 1)
MAX_VALIDATION_POINTS = 1000
SEED = 0


class Candidate(NamedTuple):
    """A covariance of variance 1, and the variance of the noise; see `covariance` for the units."""

    smoothness: float
    length_scale_km: float
    noise_variance: float

    @property
    def shape(self) -> Shape:
        """The parameters of the covariance."""
        return Shape(self.smoothness, self.length_scale_km)


Losses = Callable[[list[Candidate], Values], list[float]]
"""Loss of each candidate, fitted to the first training points; their values are `(n, C)`."""


class Kriging(Method):
    """Ordinary kriging of a number, or of the indicators of classes."""

    _systems: Systems[Any]
    _points: Float
    _best: Candidate
    _kriged: Kriged[Any]

    @override
    def fit(self, train: Points, held_out: HeldOut) -> Choice:
        self._systems = chosen_systems()
        rng = np.random.default_rng(SEED)
        sample = rng.permutation(len(train.labels))[:MAX_TRAIN_POINTS]
        self._points = unit_vectors(train.lonlat[sample])
        labels = train.labels[sample]
        values = as_values(labels, self.classes)
        if held_out.validation is not None:
            rows = rng.permutation(len(held_out.validation.labels))[:MAX_VALIDATION_POINTS]
            losses: Losses = partial(self._losses, held_out.validation.take(rows))
        else:
            folds = [(np.isin(sample, fit), np.isin(sample, held)) for fit, held in held_out.inner]
            losses = partial(self._inner_losses, folds, labels)
        self._best = self._search(values, losses)
        covariances = self._systems.self_covariance(self._points, self._best.shape)
        self._kriged = self._systems.krige(covariances, self._best.noise_variance, values)
        if self.classes is None:
            self.info = {"sill": float(self._kriged.sill[0])}
        return {**self._best._asdict(), "n_train_points": len(self._points)}

    @override
    def values(self, lonlat: Lonlat) -> Values:
        blocks = [
            self._systems.predict(self._kriged, across) for across in self._covariances(lonlat)
        ]
        return self._shares(np.concatenate(blocks))

    @override
    def distribution(self, lonlat: Lonlat) -> Distribution:
        blocks = [
            (
                self._systems.predict(self._kriged, across),
                self._systems.relative_variance(self._kriged, across),
            )
            for across in self._covariances(lonlat)
        ]
        values, variances = map(np.concatenate, zip(*blocks, strict=True))
        of_observation = variances + self._best.noise_variance
        return Distribution(
            values[:, 0],
            np.asarray(np.sqrt(self._kriged.sill * of_observation)),
        )

    def _covariances(self, lonlat: Lonlat) -> Iterator[Any]:
        """Covariances of up to `BLOCK_ROWS` points at a time with the training points."""
        points = unit_vectors(lonlat)
        for row in range(0, len(points), BLOCK_ROWS):
            km = self._systems.distances(points[row : row + BLOCK_ROWS], self._points)
            yield self._systems.covariance(km, self._best.shape)

    def _shares(self, values: Values) -> Values:
        if self.classes is None:
            return values
        # The weights of kriging sum to 1, and so do the rows; positive values sum to at least 1.
        values = np.maximum(values, 0)
        return np.asarray(values / values.sum(axis=1, keepdims=True))

    def _search(self, values: Values, losses_of: Losses) -> Candidate:
        candidates = [Candidate(*c) for c in product(*self.card.search.values())]
        for rows, keep in zip(HALVING_TRAIN_POINTS, HALVING_KEEP, strict=True):
            best = np.argsort(losses_of(candidates, values[:rows]), kind="stable")
            all_used = rows >= len(values)
            candidates = [candidates[i] for i in sorted(best[: 1 if all_used else keep])]
            if all_used:
                break
        return candidates[0]

    def _losses(
        self, validation: Points, candidates: list[Candidate], values: Values
    ) -> list[float]:
        """Loss of each candidate on the validation points.

        Candidates of the same covariance are neighbours in the list, so that it is computed once.
        """
        systems = self._systems
        points, held_out = self._points[: len(values)], unit_vectors(validation.lonlat)
        among, across = systems.distances(points, points), systems.distances(held_out, points)
        losses = []
        for shape, group in groupby(candidates, key=_shape):
            inner, outer = systems.covariance(among, shape), systems.covariance(across, shape)
            for candidate in group:
                solved = systems.krige(systems.copy(inner), candidate.noise_variance, values)
                predicted = systems.predict(solved, outer)
                losses.append(self._loss(predicted, validation.labels, values))
        return losses

    def _inner_losses(
        self,
        folds: Sequence[tuple[NDArray[np.bool_], NDArray[np.bool_]]],
        labels: Target,
        candidates: list[Candidate],
        values: Values,
    ) -> list[float]:
        """Loss of each candidate summed over the inner folds, by one decomposition for all folds.

        Args:
            folds: for each inner fold, which training points are fitted on and which are held out.
            labels: labels of the training points.
            candidates: candidates, those of the same covariance in a row.
            values: `(n, C)` values of the first training points, which alone are used.
        """
        n = len(values)
        systems = self._systems
        among = systems.distances(self._points[:n], self._points[:n])
        used = [(fitted[:n], held[:n]) for fitted, held in folds]
        used = [(fitted, held) for fitted, held in used if fitted.any() and held.any()]
        losses = []
        for shape, group in groupby(candidates, key=_shape):
            inner = systems.covariance(among, shape)
            for candidate in group:
                residuals = systems.left_out_residuals(
                    systems.copy(inner),
                    candidate.noise_variance,
                    values,
                    [~fitted for fitted, _ in used],
                )
                loss = 0.0
                for (fitted, held), left_out in zip(used, residuals, strict=True):
                    predicted = values[held] - left_out[held[~fitted]]
                    loss += self._loss(predicted, labels[:n][held], values[fitted])
                losses.append(loss)
        return losses

    def _loss(self, predicted: Values, labels: Target, fitted: Values) -> float:
        """Sum of squared errors of clipped predictions, or of the shares of classes.

        Args:
            predicted: `(m, C)` predictions of kriging.
            labels: `(m,)` labels.
            fitted: `(n, C)` values that the prediction was fitted to.
        """
        if self.classes is None:
            clipped = clip_to(predicted[:, 0], range_of(fitted))
            return float(np.sum((clipped - labels) ** 2))
        values, codes = self._shares(predicted), labels.astype(np.int64)
        true = np.where(codes == UNSEEN, 0, values[np.arange(len(codes)), codes])
        return float(np.sum(np.sum(values**2, axis=1) - 2 * true + 1))


def chosen_systems() -> Systems[Any]:
    """Systems of kriging on the chosen device: by torch on a GPU, by LAPACK on the CPU."""
    if not on_gpu():
        return NumpySystems()
    from satclip_bench.benchmarks.baselines.kriging_torch import TorchSystems

    return TorchSystems(torch_device())


def _shape(candidate: Candidate) -> Shape:
    return candidate.shape


GP = Baseline(
    BaselineCard(
        name="baseline.gp",
        title="GP on the sphere",
        description="Ordinary kriging, which is Gaussian-process regression with an unknown "
        "constant mean. The covariance is a Matérn function of the straight-line distance between "
        "points on the sphere, plus noise. With the straight-line distance it is positive definite "
        "for any smoothness; with the great-circle distance it is not above 1/2. Classes: "
        "indicator kriging with one covariance for all classes; negative shares are set to 0 and "
        "rows are normalised. Smoothness, length scale and noise are those with the lowest squared "
        "error on at most `max_validation_points` of the validation set, or on the inner folds (of "
        "class indicators; a label that is not in the training set has none), by successive "
        "halving: all candidates are fitted on the first of `halving_train_points` training "
        "points, and the best `halving_keep` on the next; inner folds are folds of these points. "
        "The last fit is exact up to `max_train_points` training points; from larger training "
        "sets, that many are drawn at random. `n_train_points` in the chosen parameters is their "
        "number. Predicted numbers are clipped to the range of the training targets. A regression "
        "also predicts the standard deviation of an observation at a point: the kriging variance "
        "with the sill of restricted maximum likelihood, plus noise. Of classes the shares are "
        "kept, whose log loss is their score as probabilities.",
        citation="Matheron 1963, Principles of geostatistics, Economic Geology 58, 1246; Journel "
        "1983, Nonparametric estimation of spatial distributions, Mathematical Geology 15, 445; "
        "Dubrule 1983, Cross validation of kriging in a unique neighborhood, Mathematical Geology "
        "15, 687; "
        "Gneiting 2013, Strictly and non-strictly positive definite functions on spheres, "
        "Bernoulli 19, 1327; Jamieson and Talwalkar 2016, Non-stochastic best arm identification "
        "and hyperparameter optimization, AISTATS",
        settings={
            "max_train_points": MAX_TRAIN_POINTS,
            "halving_train_points": HALVING_TRAIN_POINTS,
            "halving_keep": HALVING_KEEP,
            "max_validation_points": MAX_VALIDATION_POINTS,
            "seed": SEED,
        },
        search={
            "smoothness": (0.5, 1.5),
            "length_scale_km": (30.0, 100.0, 300.0, 1000.0, 3000.0, 10_000.0),
            "noise_variance": (0.001, 0.01, 0.03, 0.1, 0.3, 1.0),
        },
        version=2,
    ),
    Kriging,
)
