"""The multi-layer perceptron probe. Its training loop, which needs torch, is in `training`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import softmax

from satclip_bench.benchmarks.probes.base import Probe, ProbeCard
from satclip_bench.benchmarks.probes.data import Dataset, Float64, Floats, InnerSets, Params
from satclip_bench.benchmarks.probes.estimators import (
    ProbeClassifier,
    ProbeRegressor,
    fit_scaler,
    rows_of_seen_classes,
)
from satclip_bench.benchmarks.probes.perceptron import Layers, PerceptronSettings, forward

SETTINGS = PerceptronSettings()

CARD = ProbeCard(
    name="mlp",
    title="Multi-layer perceptron",
    description=(
        "Two hidden layers with ReLU, trained in float32 by AdamW on shuffled mini-batches with "
        "MSE or cross-entropy. Embeddings, and the target of a regression, are standardised on "
        "the training set. The weights are those of the epoch with the lowest validation loss, "
        "which leaves out validation labels that are not in the training set; without validation "
        "rows, the training loss is used instead. With inner folds, the first of them gives the "
        "training and validation set. Predicted numbers are clipped to the range of the training "
        "targets. SatCLIP tuned its MLPs in a search space that is not published; "
        "the settings here are common values, the same for every encoder and task, and nothing is "
        "searched. Nothing is refitted on training and validation together."
    ),
    settings=SETTINGS.model_dump(mode="json"),
    version=2,
    bounds=(
        "At most max_epochs epochs or about max_steps steps, whichever is less, and at least one "
        "epoch. Training stops after patience epochs without a lower validation loss."
    ),
)


class PerceptronRegressor(ProbeRegressor):
    """Multi-layer perceptron trained with MSE and early stopping on the validation set.

    Examples:
        >>> X = np.linspace(-1, 1, 64, dtype=np.float32)[:, None]
        >>> probe = PerceptronRegressor(random_state=0).fit(X, np.abs(X[:, 0]))
        >>> bool(abs(probe.predict([[0.5]])[0] - 0.5) < 0.1)
        True
    """

    scaler_: Any
    target_mean_: float
    target_scale_: float
    layers_: Layers

    def _fit_sets(self, train: Dataset, validation: Dataset | None, seed: int) -> Params:
        from satclip_bench.benchmarks.probes.training import max_epochs, train_network

        self.scaler_ = fit_scaler(train.X)
        self.target_mean_ = float(train.y.mean())
        self.target_scale_ = float(train.y.std())
        self.layers_, epochs = train_network(
            self._standardised(train),
            self._standardised(validation or train),
            SETTINGS,
            outputs=None,
            seed=seed,
        )
        self.converged_ = epochs + SETTINGS.patience <= max_epochs(len(train.y), SETTINGS)
        return {"epochs": epochs}

    def _fit_folds(self, data: Dataset, folds: Sequence[InnerSets], seed: int) -> Params:
        train, validation = folds[0] if folds else (data, None)
        return self._fit_sets(train, validation, seed)

    def _predict(self, X: Floats) -> Float64:
        standardised = forward(self.layers_, _inputs(self.scaler_, X))[:, 0]
        return np.asarray(standardised * self.target_scale_ + self.target_mean_)

    def _standardised(self, dataset: Dataset) -> tuple[Floats, Float64]:
        y = (dataset.y - self.target_mean_) / self.target_scale_
        return _inputs(self.scaler_, dataset.X), y


class PerceptronClassifier(ProbeClassifier):
    """Multi-layer perceptron trained with cross-entropy and early stopping on the validation set.

    Examples:
        >>> X = np.linspace(-1, 1, 64, dtype=np.float32)[:, None]
        >>> probe = PerceptronClassifier(random_state=0).fit(X, np.abs(X[:, 0]) > 0.5)
        >>> probe.predict([[0.0], [0.9]])
        array([False,  True])
    """

    scaler_: Any
    layers_: Layers

    def _fit_sets(self, train: Dataset, validation: Dataset | None, seed: int) -> Params:
        from satclip_bench.benchmarks.probes.training import max_epochs, train_network

        self.scaler_ = fit_scaler(train.X)
        held_out = rows_of_seen_classes(validation) or train
        self.layers_, epochs = train_network(
            (_inputs(self.scaler_, train.X), train.y),
            (_inputs(self.scaler_, held_out.X), held_out.y),
            SETTINGS,
            outputs=len(self.classes_),
            seed=seed,
        )
        self.converged_ = epochs + SETTINGS.patience <= max_epochs(len(train.y), SETTINGS)
        return {"epochs": epochs}

    def _fit_folds(self, data: Dataset, folds: Sequence[InnerSets], seed: int) -> Params:
        train, validation = folds[0] if folds else (data, None)
        return self._fit_sets(train, validation, seed)

    def _predict_proba(self, X: Floats) -> Float64:
        return np.asarray(softmax(forward(self.layers_, _inputs(self.scaler_, X)), axis=1))


def _inputs(scaler: Any, X: Floats) -> Floats:
    return np.asarray(scaler.transform(X), dtype=np.float32)


PROBE = Probe(CARD, PerceptronRegressor, PerceptronClassifier)
