"""The probe of gradient-boosted trees. LightGBM is imported only to fit or predict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from satclip_bench.benchmarks.probes.base import Probe, ProbeCard, Settings
from satclip_bench.benchmarks.probes.data import (
    Dataset,
    Float64,
    Floats,
    InnerSets,
    Params,
    are_nested,
    seen_only,
)
from satclip_bench.benchmarks.probes.estimators import ProbeClassifier, ProbeRegressor


class TreeSettings(Settings):
    """Fixed hyper-parameters; without validation rows, there is no early stopping."""

    learning_rate: float = 0.05
    many_classes: int = 20
    many_classes_learning_rate: float = 0.3
    many_classes_early_stopping_rounds: int = 20
    many_classes_min_improvement: float = 0.005
    many_classes_num_leaves: int = 3
    many_classes_features_per_tree: int = 16
    num_leaves: int = 8
    min_data_in_leaf: int = 5
    lambda_l2: float = 3.0
    max_bin: int = 63
    features_per_tree: int = 32
    early_stopping_rounds: int = 100
    max_rounds: int = 50_000
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
        "training targets, also in validation. Nothing is searched but the number of rounds; the "
        "other settings were chosen by validation losses on random, seed 0, of elevation, median "
        "income and biomes, with three encoders, and are the same for every encoder. With "
        "inner folds, one booster per fold grows at the same pace; losses are added over all "
        "validation rows, and the lowest sum gives the number of rounds for which the final "
        "booster is fitted on all rows. Otherwise nothing is refitted on training and validation "
        "together. Without validation rows, there are rounds_without_validation rounds, and the "
        "fit counts as not converged. With more than many_classes classes, trees are smaller, see "
        "fewer columns and learn faster (many_classes_*), which was chosen on the development set, "
        "with the countries and ecoregions of its points as classes."
    ),
    settings=SETTINGS.model_dump(mode="json"),
    version=4,
    bounds=(
        "A round grows one tree per class, or one for a regression and for two classes. Boosting "
        "ends early_stopping_rounds rounds after the lowest validation loss; with more than "
        "many_classes classes, when many_classes_early_stopping_rounds rounds have not lowered it "
        "by the fraction many_classes_min_improvement, because the last per cent take most of the "
        "trees. max_rounds is far beyond what the suites need; a fit that reaches it is recorded "
        "as not converged. Each tree uses features_per_tree random columns, binned."
    ),
)


class _Fit(NamedTuple):
    booster: Any
    best_params: Params
    converged: bool
    info: Params


class TreeRegressor(ProbeRegressor):
    """Gradient-boosted regression trees with early stopping on the validation data.

    Examples:
        >>> X = np.arange(200.0)[:, None]
        >>> probe = TreeRegressor(random_state=0).fit(X, np.where(X[:, 0] < 100, -1.0, 1.0))
        >>> probe.predict([[20.0], [180.0]]).round(1)
        array([-1.,  1.])
    """

    target_mean_: float
    target_scale_: float
    booster_: Any

    def _fit_folds(self, data: Dataset, folds: Sequence[InnerSets], seed: int) -> Params:
        # The unit of the target changes no tree, so that all inner folds can share it.
        self.target_mean_ = float(data.y.mean())
        self.target_scale_ = float(data.y.std())
        params = {"objective": "regression"}
        standardised = [InnerSets(*map(self._standardised, fold)) for fold in folds]
        fit = _fit(
            self._standardised(data),
            standardised,
            params,
            seed,
            many=False,
            refit=are_nested(folds, data),
        )
        self.booster_, best_params, self.converged_, self.fit_info_ = fit
        return best_params

    def _predict(self, X: Floats) -> Float64:
        from satclip_bench.benchmarks.probes.boosting import raw_scores

        return np.asarray(raw_scores(self.booster_, X) * self.target_scale_ + self.target_mean_)

    def _standardised(self, dataset: Dataset) -> Dataset:
        return Dataset(dataset.X, (dataset.y - self.target_mean_) / self.target_scale_)


class TreeClassifier(ProbeClassifier):
    """Gradient-boosted classification trees with early stopping on the validation data.

    Examples:
        >>> X = np.arange(200.0)[:, None]
        >>> probe = TreeClassifier(random_state=0).fit(X, np.where(X[:, 0] < 100, "a", "b"))
        >>> probe.predict([[20.0], [180.0]])
        array(['a', 'b'], dtype='<U1')
    """

    booster_: Any

    def _fit_folds(self, data: Dataset, folds: Sequence[InnerSets], seed: int) -> Params:
        classes = len(self.classes_)
        many = classes > SETTINGS.many_classes
        params: dict[str, Any] = {"objective": "binary"}
        if classes > 2:
            params = {"objective": "multiclass", "num_class": classes}
        fit = _fit(data, seen_only(folds), params, seed, many=many, refit=are_nested(folds, data))
        self.booster_, best_params, self.converged_, self.fit_info_ = fit
        return best_params

    def _predict_proba(self, X: Floats) -> Float64:
        from scipy.special import expit, softmax

        from satclip_bench.benchmarks.probes.boosting import raw_scores

        scores = raw_scores(self.booster_, X)
        if scores.ndim == 1:
            return np.stack([expit(-scores), expit(scores)], axis=1)
        return np.asarray(softmax(scores, axis=1), dtype=np.float64)


class _Growth(NamedTuple):
    """Settings that depend on the number of classes."""

    learning_rate: float
    num_leaves: int
    features_per_tree: int
    patience: int
    min_improvement: float


def _growth(*, many: bool) -> _Growth:
    s = SETTINGS
    if not many:
        few = s.learning_rate, s.num_leaves, s.features_per_tree, s.early_stopping_rounds
        return _Growth(*few, min_improvement=0.0)
    return _Growth(
        s.many_classes_learning_rate,
        s.many_classes_num_leaves,
        s.many_classes_features_per_tree,
        s.many_classes_early_stopping_rounds,
        s.many_classes_min_improvement,
    )


def _fit(
    data: Dataset,
    folds: Sequence[InnerSets],
    params: dict[str, Any],
    seed: int,
    *,
    many: bool,
    refit: bool,
) -> _Fit:
    from satclip_bench.benchmarks.probes.boosting import boost, boost_rounds

    growth = _growth(many=many)
    params = params | {
        "learning_rate": growth.learning_rate,
        "num_leaves": growth.num_leaves,
        "min_data_in_leaf": SETTINGS.min_data_in_leaf,
        "lambda_l2": SETTINGS.lambda_l2,
        "max_bin": SETTINGS.max_bin,
        "feature_fraction": min(1.0, growth.features_per_tree / data.X.shape[1]),
        "seed": seed,
        # These settings give the same bytes on every run, with any number of workers.
        "deterministic": True,
        "force_col_wise": True,
        "num_threads": 1,
        "verbosity": -1,
    }
    if not folds:
        rounds = SETTINGS.rounds_without_validation
        booster = boost_rounds(data, params, rounds)
        return _Fit(booster, {"rounds": rounds}, False, {"cap": rounds, "rounds_trained": rounds})
    boosted = boost(
        folds,
        params,
        max_rounds=SETTINGS.max_rounds,
        patience=growth.patience,
        min_improvement=growth.min_improvement,
    )
    booster = boost_rounds(data, params, boosted.rounds) if refit else boosted.booster
    info: Params = {"cap": SETTINGS.max_rounds, "rounds_trained": boosted.rounds_trained}
    return _Fit(booster, {"rounds": boosted.rounds}, boosted.stopped_early, info)


PROBE = Probe(CARD, TreeRegressor, TreeClassifier)
