"""Probes: what is fitted on frozen embeddings, and never changes them.

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
        "linear": "satclip_bench.benchmarks.probes.linear:PROBE",
        "knn": "satclip_bench.benchmarks.probes.knn:PROBE",
        "mlp": "satclip_bench.benchmarks.probes.mlp:PROBE",
        "lightgbm": "satclip_bench.benchmarks.probes.trees:PROBE",
    },
    group="satclip_bench.probes",
)
"""Names to `Probe` objects."""


def list_probes() -> tuple[str, ...]:
    """The names of all probes."""
    return registry.names()


def get_probe(name: str) -> Probe:
    """The card and the two estimators called `name`; torch and LightGBM are not imported.

    Raises:
        UnknownNameError: no such probe; the message proposes near names.
        BenchError: it cannot be imported, or is not a `Probe`.
    """
    found: object = registry.load(name)
    if not isinstance(found, Probe):
        raise BenchError(
            f"probe {name!r} ({registry.target(name)}) is a {type(found).__name__}; "
            "it should be a satclip_bench.benchmarks.probes.Probe, which holds a card and two "
            "estimators"
        )
    return found


def probe_card(name: str) -> ProbeCard:
    """The card of the probe called `name`. Raises as `get_probe`."""
    return get_probe(name).card


def make_probe(name: str, task_type: TaskType, seed: int) -> ProbeEstimator:
    """An unfitted estimator.

    Args:
        name: as listed.
        task_type: whether the target is a number or a class.
        seed: decides initial weights, the order of batches, sampled columns, and the rows that are
            set aside where no validation part is given.

    Raises:
        BenchError: as `get_probe`, or a `task_type` that is neither.
    """
    probe = get_probe(name)
    if task_type not in get_args(TaskType):
        raise BenchError(
            f"probe {name!r} cannot be made for {task_type!r}: "
            "give 'regression' or 'classification'"
        )
    make = probe.regressor if task_type == "regression" else probe.classifier
    return make(random_state=seed)


__all__ = [
    "Probe",
    "ProbeCard",
    "ProbeEstimator",
    "TaskType",
    "get_probe",
    "list_probes",
    "make_probe",
    "probe_card",
    "registry",
]
