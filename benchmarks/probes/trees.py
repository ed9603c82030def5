"""The probe of gradient-boosted trees, by LightGBM, which is imported only to fit or predict."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import JsonValue

from satclip_bench.benchmarks.probes.base import Probe, ProbeCard, Settings
from satclip_bench.benchmarks.probes.estimators import (
    Float64,
    Floats,
    Part,
    ProbeClassifier,
    ProbeRegressor,
    seen,
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
        "LightGBM with early stopping on the validation part's MSE or log loss, from which labels "
        "unseen in training are left out. The target of a regression is standardised on the "
        "training part, because LightGBM keeps it in float32; features are not, because trees do "
        "not see scale. The L2 penalty on leaves matters with many classes: without it a leaf of a "
        "rare class overshoots. Nothing is searched, and nothing is refitted on training and "
        "validation together."
    ),
    settings=SETTINGS.model_dump(mode="json"),
    bounds=(
        "A round grows one tree a class. Rounds are max_trees / classes (one for a regression and "
        "for two classes), held between min_rounds and max_rounds; where that leaves fewer than "
        "few_rounds, the larger learning rate is used. A tree sees features_per_tree random "
        "columns, in bins."
    ),
)


class TreeRegressor(ProbeRegressor):
    """Gradient-boosted regression trees, stopped early on the validation part."""

    target_mean_: float
    target_scale_: float
    booster_: Any

    def _fit_parts(self, train: Part, validation: Part | None, seed: int) -> dict[str, JsonValue]:
        self.target_mean_ = float(train.y.mean())
        self.target_scale_ = float(train.y.std())
        train, validation = self._standardised(train), validation and self._standardised(validation)
        settings = {"objective": "regression", "num_leaves": SETTINGS.num_leaves_regression}
        self.booster_, rounds = _boost(train, validation, settings, trees_per_round=1, seed=seed)
        return {"rounds": rounds}

    def _predict(self, X: Floats) -> Float64:
        out = np.asarray(self.booster_.predict(X, num_threads=1), dtype=np.float64)
        return np.asarray(out * self.target_scale_ + self.target_mean_)

    def _standardised(self, part: Part) -> Part:
        return Part(part.X, (part.y - self.target_mean_) / self.target_scale_)


class TreeClassifier(ProbeClassifier):
    """Gradient-boosted classification trees, stopped early on the validation part."""

    booster_: Any

    def _fit_parts(self, train: Part, validation: Part | None, seed: int) -> dict[str, JsonValue]:
        classes = len(self.classes_)
        settings: dict[str, Any] = {"num_leaves": SETTINGS.num_leaves_classification}
        if classes == 2:
            trees, settings = 1, settings | {"objective": "binary"}
        else:
            trees, settings = classes, settings | {"objective": "multiclass", "num_class": classes}
        self.booster_, rounds = _boost(
            train, seen(validation), settings, trees_per_round=trees, seed=seed
        )
        return {"rounds": rounds}

    def _predict_proba(self, X: Floats) -> Float64:
        out = np.asarray(self.booster_.predict(X, num_threads=1), dtype=np.float64)
        return np.stack([1 - out, out], axis=1) if out.ndim == 1 else out


def _boost(
    train: Part,
    validation: Part | None,
    settings: dict[str, Any],
    *,
    trees_per_round: int,
    seed: int,
) -> tuple[Any, int]:
    """A booster, and how many of its rounds predictions use."""
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
        # The same bytes on every run, at any number of workers.
        "deterministic": True,
        "force_col_wise": True,
        "num_threads": 1,
        "verbosity": -1,
    }
    data = lightgbm.Dataset(train.X, train.y, params=settings)
    if validation is None:
        rounds = min(rounds, SETTINGS.rounds_without_validation)
        return lightgbm.train(settings, data, rounds), rounds
    held = lightgbm.Dataset(validation.X, validation.y, reference=data, params=settings)
    stop = lightgbm.early_stopping(SETTINGS.early_stopping_rounds, verbose=False)
    booster = lightgbm.train(settings, data, rounds, valid_sets=[held], callbacks=[stop])
    return booster, int(booster.best_iteration)


PROBE = Probe(CARD, TreeRegressor, TreeClassifier)
