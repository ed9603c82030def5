"""Baselines that need no encoder, against which the scores of encoders are read.

>>> import numpy as np
>>> from satclip_bench.benchmarks.baselines import make_baseline
>>> lonlat = np.array([[0.0, 0.0], [1.0, 0.0], [90.0, 0.0], [91.0, 0.0]])
>>> y = np.array([1.0, 2.0, 8.0, 9.0])
>>> baseline = make_baseline("baseline.idw", "regression").fit(lonlat, y, (lonlat, y))
>>> baseline.predict(np.array([[90.5, 0.0]])).round(1)
array([8.5])
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from satclip_bench.benchmarks.baselines.base import PREFIX, Baseline, BaselineCard, is_baseline
from satclip_bench.core.registry import Registry
from satclip_bench.tasks.base import TaskType

if TYPE_CHECKING:
    from satclip_bench.benchmarks.baselines.sphere import SphereBaseline

registry: Registry[Baseline] = Registry(
    "baseline",
    {
        f"{PREFIX}mean": "satclip_bench.benchmarks.baselines.neighbours:MEAN",
        f"{PREFIX}knn": "satclip_bench.benchmarks.baselines.neighbours:KNN",
        f"{PREFIX}idw": "satclip_bench.benchmarks.baselines.neighbours:IDW",
        f"{PREFIX}gp": "satclip_bench.benchmarks.baselines.kriging:GP",
    },
)
"""Baselines by name."""


def list_baselines() -> tuple[str, ...]:
    """Names of all baselines.

    Examples:
        >>> list_baselines()
        ('baseline.mean', 'baseline.knn', 'baseline.idw', 'baseline.gp')
    """
    return registry.names()


def get_baseline(name: str) -> Baseline:
    """Card and method of the baseline called `name`.

    Raises:
        UnknownNameError: there is no such baseline; the message suggests similar names.

    Examples:
        >>> get_baseline("baseline.gp").method.__name__
        'Kriging'
    """
    return registry.load(name)


def baseline_card(name: str) -> BaselineCard:
    """Card of the baseline called `name`. Raises as `get_baseline`.

    Examples:
        >>> baseline_card("baseline.knn").search
        {'n_neighbors': (1, 3, 5, 10, 20)}
    """
    return get_baseline(name).card


def make_baseline(name: str, task_type: TaskType) -> SphereBaseline:
    """Unfitted estimator of the baseline called `name`. Raises as `get_baseline`."""
    from satclip_bench.benchmarks.baselines.sphere import SphereBaseline

    return SphereBaseline(get_baseline(name), task_type)


__all__ = [
    "Baseline",
    "BaselineCard",
    "baseline_card",
    "get_baseline",
    "is_baseline",
    "list_baselines",
    "make_baseline",
    "registry",
]
