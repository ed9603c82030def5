"""Probes: estimators that are fitted on frozen embeddings.

>>> from satclip_bench.benchmarks.probes import make_probe
>>> probe = make_probe("linear", "regression", seed=0)
>>> probe.fit([[0.0], [1.0], [2.0], [3.0]], [1.0, 3.0, 5.0, 7.0]).predict([[4.0]]).shape
(1,)
"""

from __future__ import annotations

from typing import get_args

from satclip_bench.benchmarks.probes.base import Probe, ProbeCard, ProbeEstimator
from satclip_bench.core.errors import BenchError
from satclip_bench.core.registry import Registry
from satclip_bench.tasks.base import TaskType

registry: Registry[Probe] = Registry(
    "probe",
    {
        "linear": "satclip_bench.benchmarks.probes.linear_card:PROBE",
        "ridge": "satclip_bench.benchmarks.probes.ridge_card:PROBE",
        "knn": "satclip_bench.benchmarks.probes.knn_card:PROBE",
        "mlp": "satclip_bench.benchmarks.probes.mlp:PROBE",
        "lightgbm": "satclip_bench.benchmarks.probes.trees:PROBE",
    },
    group="satclip_bench.probes",
)
"""`Probe` objects by name."""


def list_probes() -> tuple[str, ...]:
    """Names of all probes.

    Examples:
        >>> list_probes()
        ('linear', 'ridge', 'knn', 'mlp', 'lightgbm')
    """
    return registry.names()


def get_probe(name: str) -> Probe:
    """Card and estimators of the probe called `name`.

    Those of `linear`, `ridge` and `knn` import no library before an estimator is made, and none
    imports torch or LightGBM.

    Raises:
        UnknownNameError: there is no such probe; the message suggests similar names.
        BenchError: the probe cannot be imported, or is not a `Probe`.

    Examples:
        >>> get_probe("knn").regressor(random_state=0)
        NeighbourRegressor(random_state=0)
    """
    entry: object = registry.load(name)
    if not isinstance(entry, Probe):
        raise BenchError(
            f"probe {name!r} ({registry.target(name)}) is a {type(entry).__name__}; it must be a "
            "satclip_bench.benchmarks.probes.Probe, which has a card and two estimators"
        )
    return entry


def probe_card(name: str) -> ProbeCard:
    """Card of the probe called `name`. Raises as `get_probe`.

    Examples:
        >>> probe_card("knn").search
        {'n_neighbors': (1, 3, 5, 10, 20)}
    """
    return get_probe(name).card


def make_probe(name: str, task_type: TaskType, seed: int) -> ProbeEstimator:
    """Unfitted estimator of the probe called `name`.

    Args:
        name: name of the probe, as in `list_probes`.
        task_type: whether the target is a number or a class.
        seed: seed of the initial weights, the order of batches, the sampled columns, and the rows
            that are held out if `fit` is called without a validation set.

    Raises:
        UnknownNameError: there is no such probe; the message suggests similar names.
        BenchError: the probe cannot be imported, or `task_type` is unknown.

    Examples:
        >>> make_probe("linear", "classification", seed=0)
        LinearClassifier(random_state=0)
    """
    probe = get_probe(name)
    if task_type not in get_args(TaskType):
        raise BenchError(
            f"probe {name!r} cannot be made for {task_type!r}: "
            "the task type must be 'regression' or 'classification'"
        )
    make = probe.regressor if task_type == "regression" else probe.classifier
    return make(random_state=seed)


__all__ = [
    "Probe",
    "ProbeCard",
    "ProbeEstimator",
    "get_probe",
    "list_probes",
    "make_probe",
    "probe_card",
    "registry",
]
