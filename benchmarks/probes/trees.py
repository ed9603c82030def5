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
    many_classes: int = 200
    many_classes_learning_rate: float = 0.1
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
        "income and biomes, with three encoders, and are the same for every encoder and task. With "
        "inner folds, one booster per fold grows at the same pace; losses are added over all "
        "validation rows, and the lowest sum gives the number of rounds for which the final "
        "booster is fitted on all rows. Otherwise nothing is refitted on training and validation "
        "together. Without validation rows, there are rounds_without_validation rounds, and the "
        "fit counts as not converged."
    ),
    settings=SETTINGS.model_dump(mode="json"),
    version=3,
    bounds=(
        "A round grows one tree per class, or one for a regression and for two classes. Boosting "
        "ends early_stopping_rounds rounds after the lowest validation loss. max_rounds is far "
        "beyond what the main job needs; a fit that reaches it is recorded as not converged. Each "
        "tree uses features_per_tree random columns, binned. With more than many_classes classes, "
        "many_classes_learning_rate is used."
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
        params = {
            "objective": "regression",
            "learning_rate": SETTINGS.learning_rate,
        }
        standardised = [InnerSets(*map(self._standardised, fold)) for fold in folds]
        refit = are_nested(folds, data)
        fit = _fit(self._standardised(data), standardised, params, seed, refit=refit)
        self.booster_, best_params, self.converged_, self.fit_info_ = fit
        return best_params

    def _predict(self, X: Floats) -> Float64:
        out = np.asarray(self.booster_.predict(X, num_threads=1), dtype=np.float64)
        return np.asarray(out * self.target_scale_ + self.target_mean_)

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
        params: dict[str, Any] = {"learning_rate": SETTINGS.learning_rate}
        if classes > SETTINGS.many_classes:
            params["learning_rate"] = SETTINGS.many_classes_learning_rate
        if classes == 2:
            params |= {"objective": "binary"}
        else:
            params |= {"objective": "multiclass", "num_class": classes}
        fit = _fit(data, seen_only(folds), params, seed, refit=are_nested(folds, data))
        self.booster_, best_params, self.converged_, self.fit_info_ = fit
        return best_params

    def _predict_proba(self, X: Floats) -> Float64:
        out = np.asarray(self.booster_.predict(X, num_threads=1), dtype=np.float64)
        return np.stack([1 - out, out], axis=1) if out.ndim == 1 else out


def _fit(
    data: Dataset, folds: Sequence[InnerSets], params: dict[str, Any], seed: int, *, refit: bool
) -> _Fit:
    from satclip_bench.benchmarks.probes.boosting import boost, boost_rounds

    params = params | {
        "num_leaves": SETTINGS.num_leaves,
        "min_data_in_leaf": SETTINGS.min_data_in_leaf,
        "lambda_l2": SETTINGS.lambda_l2,
        "max_bin": SETTINGS.max_bin,
        "feature_fraction": min(1.0, SETTINGS.features_per_tree / data.X.shape[1]),
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
        patience=SETTINGS.early_stopping_rounds,
    )
    booster = boost_rounds(data, params, boosted.rounds) if refit else boosted.booster
    info: Params = {"cap": SETTINGS.max_rounds, "rounds_trained": boosted.rounds_trained}
    return _Fit(booster, {"rounds": boosted.rounds}, boosted.stopped_early, info)


PROBE = Probe(CARD, TreeRegressor, TreeClassifier)
