"""The multi-layer perceptron probe; `halving` and `networks`, which need torch, train it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.special import softmax

from satclip_bench.benchmarks.probes.base import Probe, ProbeCard
from satclip_bench.benchmarks.probes.data import (
    Dataset,
    Float64,
    Floats,
    InnerSets,
    Params,
    are_nested,
    seen_only,
)
from satclip_bench.benchmarks.probes.estimators import (
    ProbeClassifier,
    ProbeRegressor,
    fit_scaler,
)
from satclip_bench.benchmarks.probes.mlp_search import CANDIDATES, MlpSettings, search_card
from satclip_bench.benchmarks.probes.perceptron import Layers, forward
from satclip_bench.core.device import torch_device

if TYPE_CHECKING:
    import torch

    from satclip_bench.benchmarks.probes.halving import NetworkFold
    from satclip_bench.benchmarks.probes.networks import Rows

SETTINGS = MlpSettings()

CARD = ProbeCard(
    name="mlp",
    title="Multi-layer perceptron",
    description=(
        "A perceptron with ReLU, trained in float32 by AdamW on shuffled mini-batches with MSE or "
        "cross-entropy. Embeddings, and the target of a regression, are standardised on the "
        "training set. Losses and predictions are those of an exponential moving average of the "
        "weights. Learning rate, weight decay, depth and width are tuned by a random "
        "search: the candidates on this card were drawn once, so that they are the same for every "
        "encoder, task and seed, and each is one position in the lists under search. Successive "
        "halving compares them by validation loss: all are trained to the step of the first rung, "
        "the survivors to that of the next, and the last ones until early stopping ends them. The "
        "candidate with the lowest validation loss is chosen, with its own weights of that check, "
        "and the seed of the cell is that of all initial weights and batches; means over seeds are "
        "means over initialisations. Validation labels that are not in the training set are left "
        "out. With inner folds, one network per fold is trained, all at the same step; losses are "
        "added over all validation rows, and the chosen candidate is then trained on all rows for "
        "the chosen number of steps. Otherwise nothing is refitted on training and validation "
        "together. Without validation rows, the first candidate is trained for "
        "steps_without_validation steps and counts as not converged. Predicted numbers are clipped "
        "to the range of the training targets, also in validation. SatCLIP tunes its perceptrons "
        "in the same way, but its search space is not published."
    ),
    settings=SETTINGS.model_dump(mode="json"),
    search=search_card(),
    version=5,
    bounds=(
        "The validation loss is taken every steps_per_check steps. Training ends when "
        "patience_steps steps have not lowered it by min_improvement times the loss of a constant "
        "prediction: the mean of the training targets or, for classes, their shares. For numbers "
        "that is min_improvement of the validation skill. max_steps is far beyond what early "
        "stopping needs; a fit that reaches it is recorded as not converged."
    ),
)


class Scaling(NamedTuple):
    """Standardisation of features and targets, fitted on a training set."""

    scaler: Any
    target_mean: float
    target_scale: float


class _Fit(NamedTuple):
    scaling: Scaling
    layers: Layers
    best_params: Params
    converged: bool
    info: Params


class PerceptronRegressor(ProbeRegressor):
    """Multi-layer perceptron trained with MSE; its settings are chosen on the validation data.

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

    def _fit_folds(self, data: Dataset, folds: Sequence[InnerSets], seed: int) -> Params:
        return self._keep(_fit(data, folds, None, seed))

    def _predict(self, X: Floats) -> Float64:
        standardised = forward(self.layers_, _inputs(self.scaler_, X))[:, 0]
        return np.asarray(standardised * self.target_scale_ + self.target_mean_)

    def _keep(self, fit: _Fit) -> Params:
        self.scaler_, self.target_mean_, self.target_scale_ = fit.scaling
        self.layers_, self.converged_, self.fit_info_ = fit.layers, fit.converged, fit.info
        return fit.best_params


class PerceptronClassifier(ProbeClassifier):
    """Multi-layer perceptron trained with cross-entropy; chosen on the validation data.

    Examples:
        >>> X = np.linspace(-1, 1, 64, dtype=np.float32)[:, None]
        >>> probe = PerceptronClassifier(random_state=0).fit(X, np.abs(X[:, 0]) > 0.5)
        >>> probe.predict([[0.0], [0.9]])
        array([False,  True])
    """

    scaler_: Any
    layers_: Layers

    def _fit_folds(self, data: Dataset, folds: Sequence[InnerSets], seed: int) -> Params:
        return self._keep(_fit(data, seen_only(folds), len(self.classes_), seed))

    def _predict_proba(self, X: Floats) -> Float64:
        return np.asarray(softmax(forward(self.layers_, _inputs(self.scaler_, X)), axis=1))

    def _keep(self, fit: _Fit) -> Params:
        self.scaler_ = fit.scaling.scaler
        self.layers_, self.converged_, self.fit_info_ = fit.layers, fit.converged, fit.info
        return fit.best_params


def _fit(data: Dataset, folds: Sequence[InnerSets], outputs: int | None, seed: int) -> _Fit:
    """Choose a candidate on the folds, whose weights are those of all rows."""
    from satclip_bench.benchmarks.probes.halving import search
    from satclip_bench.benchmarks.probes.networks import Member, Networks

    device = torch_device()
    scaling = fit_scaling(data, outputs)
    compared = [network_fold(fold, outputs, device) for fold in folds]
    if not compared:
        chosen, steps, ended, converged = 0, SETTINGS.steps_without_validation, None, False
    else:
        winner = search(compared, CANDIDATES, SETTINGS, outputs=outputs, seed=seed)
        chosen, steps, ended = winner.candidate, winner.steps, winner.steps_trained
        converged, layers = winner.stopped_early, winner.layers
    if not compared or are_nested(folds, data):
        member = Member(_standardised(scaling, data, outputs, device), CANDIDATES[chosen], seed)
        network = Networks([member], SETTINGS, outputs)
        network.train(steps)
        layers = network.layers(network.averages[0])
    epochs = steps / -(-len(data.y) // SETTINGS.batch_size)
    info: Params = {
        "candidate": chosen,
        "steps": steps,
        "steps_trained": ended or steps,
        "epochs": round(epochs, 1),
        "cap": SETTINGS.max_steps,
    }
    best_params = CANDIDATES[chosen].model_dump(mode="json") | {"steps": steps}
    return _Fit(scaling, layers, best_params, converged, info)


def fit_scaling(train: Dataset, outputs: int | None) -> Scaling:
    """Fit the standardisation on a training set; classes (`outputs` is not None) stay codes."""
    # Sums of columns round differently if rows are not contiguous.
    scaler = fit_scaler(np.ascontiguousarray(train.X))
    if outputs is not None:
        return Scaling(scaler, 0.0, 1.0)
    return Scaling(scaler, float(train.y.mean()), float(train.y.std()))


def network_fold(fold: InnerSets, outputs: int | None, device: torch.device) -> NetworkFold:
    """Sets of one fold, standardised on its training set, on which candidates are compared.

    Args:
        fold: training and validation set; classes as codes.
        outputs: number of classes; None for one number.
        device: device of the networks.
    """
    from satclip_bench.benchmarks.probes.halving import NetworkFold

    scaling = fit_scaling(fold.train, outputs)
    return NetworkFold(
        _standardised(scaling, fold.train, outputs, device),
        _standardised(scaling, fold.validation, outputs, device),
        scaling.target_scale**2,
        _constant_loss(scaling, fold, outputs),
    )


def _constant_loss(scaling: Scaling, fold: InnerSets, outputs: int | None) -> float:
    """Validation loss of the training set's mean, standardised, or of its shares of classes."""
    y = fold.validation.y
    if outputs is None:
        return float(np.square((y - scaling.target_mean) / scaling.target_scale).sum())
    shares = np.bincount(fold.train.y, minlength=outputs) / len(fold.train.y)
    return float(-np.log(shares[y]).sum())


def _standardised(
    scaling: Scaling, dataset: Dataset, outputs: int | None, device: torch.device
) -> Rows:
    from satclip_bench.benchmarks.probes.networks import rows

    y = dataset.y
    if outputs is None:
        y = (y - scaling.target_mean) / scaling.target_scale
    return rows(_inputs(scaling.scaler, np.asarray(dataset.X)), y, device)


def _inputs(scaler: Any, X: Floats) -> Floats:
    return np.asarray(scaler.transform(X), dtype=np.float32)


PROBE = Probe(CARD, PerceptronRegressor, PerceptronClassifier)
