"""The multi-layer perceptron probe. Its training loop, which needs torch, is in `network`."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import JsonValue

from satclip_bench.benchmarks.probes.base import Probe, ProbeCard
from satclip_bench.benchmarks.probes.estimators import (
    Float64,
    Floats,
    Part,
    ProbeClassifier,
    ProbeRegressor,
    fit_scaler,
    seen,
    softmax,
)
from satclip_bench.benchmarks.probes.perceptron import Layers, PerceptronSettings, forward

SETTINGS = PerceptronSettings()

CARD = ProbeCard(
    name="mlp",
    title="Multi-layer perceptron",
    description=(
        "Two hidden layers with ReLU in float32 on embeddings, and for regression a target, "
        "standardised on the training part; AdamW on shuffled mini-batches, MSE or cross-entropy. "
        "The weights are those of the epoch with the lowest validation loss; validation labels "
        "unseen in training are left out of it, and without validation rows the training loss "
        "stands in. SatCLIP tuned its MLPs in a search space that is not published; these are "
        "common values, the same for every encoder and task, and nothing is searched. Nothing is "
        "refitted on training and validation together."
    ),
    settings=SETTINGS.model_dump(mode="json"),
    bounds=(
        "At most max_epochs epochs and about max_steps steps, whichever is less (one epoch at "
        "least), ended earlier after patience epochs without a lower validation loss."
    ),
)


class PerceptronRegressor(ProbeRegressor):
    """A multi-layer perceptron with MSE, stopped early on the validation part."""

    scaler_: Any
    target_mean_: float
    target_scale_: float
    layers_: Layers

    def _fit_parts(self, train: Part, validation: Part | None, seed: int) -> dict[str, JsonValue]:
        from satclip_bench.benchmarks.probes.training import train_network

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
        return {"epochs": epochs}

    def _predict(self, X: Floats) -> Float64:
        standardised = forward(self.layers_, _inputs(self.scaler_, X))[:, 0]
        return np.asarray(standardised * self.target_scale_ + self.target_mean_)

    def _standardised(self, part: Part) -> tuple[Floats, Float64]:
        y = (part.y - self.target_mean_) / self.target_scale_
        return _inputs(self.scaler_, part.X), y


class PerceptronClassifier(ProbeClassifier):
    """A multi-layer perceptron with cross-entropy, stopped early on the validation part."""

    scaler_: Any
    layers_: Layers

    def _fit_parts(self, train: Part, validation: Part | None, seed: int) -> dict[str, JsonValue]:
        from satclip_bench.benchmarks.probes.training import train_network

        self.scaler_ = fit_scaler(train.X)
        held = seen(validation) or train
        self.layers_, epochs = train_network(
            (_inputs(self.scaler_, train.X), train.y),
            (_inputs(self.scaler_, held.X), held.y),
            SETTINGS,
            outputs=len(self.classes_),
            seed=seed,
        )
        return {"epochs": epochs}

    def _predict_proba(self, X: Floats) -> Float64:
        return softmax(forward(self.layers_, _inputs(self.scaler_, X)))


def _inputs(scaler: Any, X: Floats) -> Floats:
    return np.asarray(scaler.transform(X), dtype=np.float32)


PROBE = Probe(CARD, PerceptronRegressor, PerceptronClassifier)
