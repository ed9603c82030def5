"""The probe of gradient-boosted trees. LightGBM is imported only to fit or predict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from satclip_bench.benchmarks.probes.base import Probe, ProbeCard, Settings
from satclip_bench.benchmarks.probes.data import Dataset, Float64, Floats, InnerSets, Params
from satclip_bench.benchmarks.probes.estimators import (
    ProbeClassifier,
    ProbeRegressor,
    rows_of_seen_classes,
)


class TreeSettings(Settings):
    """Fixed hyper-parameters; without validation rows, there is no early stopping."""

    learning_rate: float = 0.1
    few_rounds_learning_rate: float = 0.3
    few_rounds: int = 100
    num_leaves_regression: int = 31
    num_leaves_classification: int = 15
    min_data_in_leaf: int = 10
    lambda_l2: float = 3.0
    max_bin: int = 63
    features_per_tree: int = 64
    early_stopping_rounds: int = 20
    max_rounds: int = 1000
    max_trees: int = 10_000
    min_rounds: int = 10
    rounds_without_validation: int = 50


SETTINGS = TreeSettings()

CARD = ProbeCard(
    name="lightgbm",
    title="Gradient-boosted trees",
    description=(
        "LightGBM with early stopping on the validation MSE or log loss, which leaves out labels "
        "that are not in the training set. The target of a regression is standardised on the "
        "training set, because LightGBM keeps it in float32; features are not, because trees do "
        "not depend on scale. The L2 penalty on leaves matters with many classes: without it, a "
        "leaf of a rare class overshoots. Predicted numbers are clipped to the range of the "
        "training targets. Nothing is searched, and nothing is refitted on training and validation "
        "together; with inner folds, the first of them gives the training and validation set."
    ),
    settings=SETTINGS.model_dump(mode="json"),
    version=2,
    bounds=(
        "A round grows one tree per class, or one for a regression and for two classes. There are "
        "at most max_trees / (trees per round) rounds, clipped to min_rounds and max_rounds; if "
        "these are fewer than few_rounds, few_rounds_learning_rate is used. Each tree uses "
        "features_per_tree random columns, binned."
    ),
)


class TreeRegressor(ProbeRegressor):
    """Gradient-boosted regression trees with early stopping on the validation set.

    Examples:
        >>> X = np.arange(200.0)[:, None]
        >>> probe = TreeRegressor(random_state=0).fit(X, np.where(X[:, 0] < 100, -1.0, 1.0))
        >>> probe.predict([[20.0], [180.0]]).round(1)
        array([-1.,  1.])
    """

    target_mean_: float
    target_scale_: float
    booster_: Any

    def _fit_sets(self, train: Dataset, validation: Dataset | None, seed: int) -> Params:
        self.target_mean_ = float(train.y.mean())
        self.target_scale_ = float(train.y.std())
        train, validation = self._standardised(train), validation and self._standardised(validation)
        settings = {"objective": "regression", "num_leaves": SETTINGS.num_leaves_regression}
        self.booster_, rounds = _boost(train, validation, settings, trees_per_round=1, seed=seed)
        self.converged_ = validation is None or _stopped_early(self.booster_)
        return {"rounds": rounds}

    def _fit_folds(self, data: Dataset, folds: Sequence[InnerSets], seed: int) -> Params:
        train, validation = folds[0] if folds else (data, None)
        return self._fit_sets(train, validation, seed)

    def _predict(self, X: Floats) -> Float64:
        out = np.asarray(self.booster_.predict(X, num_threads=1), dtype=np.float64)
        return np.asarray(out * self.target_scale_ + self.target_mean_)

    def _standardised(self, dataset: Dataset) -> Dataset:
        return Dataset(dataset.X, (dataset.y - self.target_mean_) / self.target_scale_)


class TreeClassifier(ProbeClassifier):
    """Gradient-boosted classification trees with early stopping on the validation set.

    Examples:
        >>> X = np.arange(200.0)[:, None]
        >>> probe = TreeClassifier(random_state=0).fit(X, np.where(X[:, 0] < 100, "a", "b"))
        >>> probe.predict([[20.0], [180.0]])
        array(['a', 'b'], dtype='<U1')
    """

    booster_: Any

    def _fit_sets(self, train: Dataset, validation: Dataset | None, seed: int) -> Params:
        classes = len(self.classes_)
        settings: dict[str, Any] = {"num_leaves": SETTINGS.num_leaves_classification}
        if classes == 2:
            trees, settings = 1, settings | {"objective": "binary"}
        else:
            trees, settings = classes, settings | {"objective": "multiclass", "num_class": classes}
        self.booster_, rounds = _boost(
            train, rows_of_seen_classes(validation), settings, trees_per_round=trees, seed=seed
        )
        self.converged_ = validation is None or _stopped_early(self.booster_)
        return {"rounds": rounds}

    def _fit_folds(self, data: Dataset, folds: Sequence[InnerSets], seed: int) -> Params:
        train, validation = folds[0] if folds else (data, None)
        return self._fit_sets(train, validation, seed)

    def _predict_proba(self, X: Floats) -> Float64:
        out = np.asarray(self.booster_.predict(X, num_threads=1), dtype=np.float64)
        return np.stack([1 - out, out], axis=1) if out.ndim == 1 else out


def _stopped_early(booster: Any) -> bool:
    rounds = booster.current_iteration() - booster.best_iteration
    return bool(rounds >= SETTINGS.early_stopping_rounds)


def _boost(
    train: Dataset,
    validation: Dataset | None,
    settings: dict[str, Any],
    *,
    trees_per_round: int,
    seed: int,
) -> tuple[Any, int]:
    """A fitted booster, and the number of its rounds that predictions use."""
    import lightgbm

    rounds = SETTINGS.max_trees // trees_per_round
    rounds = min(max(rounds, SETTINGS.min_rounds), SETTINGS.max_rounds)
    few = rounds < SETTINGS.few_rounds
    rate = SETTINGS.few_rounds_learning_rate if few else SETTINGS.learning_rate
    settings = settings | {
        "learning_rate": rate,
        "min_data_in_leaf": SETTINGS.min_data_in_leaf,
        "lambda_l2": SETTINGS.lambda_l2,
        "max_bin": SETTINGS.max_bin,
        "feature_fraction": min(1.0, SETTINGS.features_per_tree / train.X.shape[1]),
        "seed": seed,
        # These settings give the same bytes on every run, with any number of workers.
        "deterministic": True,
        "force_col_wise": True,
        "num_threads": 1,
        "verbosity": -1,
    }
    data = lightgbm.Dataset(train.X, train.y, params=settings)
    if validation is None:
        rounds = min(rounds, SETTINGS.rounds_without_validation)
        return lightgbm.train(settings, data, rounds), rounds
    held_out = lightgbm.Dataset(validation.X, validation.y, reference=data, params=settings)
    stop = lightgbm.early_stopping(SETTINGS.early_stopping_rounds, verbose=False)
    booster = lightgbm.train(settings, data, rounds, valid_sets=[held_out], callbacks=[stop])
    return booster, int(booster.best_iteration)


PROBE = Probe(CARD, TreeRegressor, TreeClassifier)
