"""The probes and baselines whose time is compared with that of other ways to the same result."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Literal, TypeAlias

from satclip_bench.benchmarks.speed.comparison import Comparison
from satclip_bench.benchmarks.speed.embedded import Embedded

Subject: TypeAlias = Literal["probes", "baselines"]
Method: TypeAlias = Callable[[Embedded], Iterator[Comparison]]
"""Makes the comparisons for the embeddings of a task; none if it does not apply to the task."""

PROBES = ("linear", "ridge", "knn", "mlp", "lightgbm")
"""Names of the probes that can be timed."""


def timed_methods(
    subject: Subject, max_iterations: int, probes: Sequence[str] = PROBES
) -> tuple[Method, ...]:
    """What is timed of the probes or the baselines.

    Args:
        subject: `probes`, on embeddings, or `baselines`, on points.
        max_iterations: largest number of iterations of L-BFGS.
        probes: names of the probes to time, among `PROBES`.

    >>> len(timed_methods("baselines", 100))
    1
    """
    if subject == "baselines":
        from satclip_bench.benchmarks.speed.kriging import kriging

        return (kriging,)
    from satclip_bench.benchmarks.speed.boosted_trees import boosted_trees
    from satclip_bench.benchmarks.speed.logistic import logistic
    from satclip_bench.benchmarks.speed.neighbours import nearest_neighbours
    from satclip_bench.benchmarks.speed.perceptrons import perceptrons
    from satclip_bench.benchmarks.speed.ridge import ridge

    methods: dict[str, Method] = {
        "linear": partial(logistic, max_iterations=max_iterations),
        "ridge": ridge,
        "knn": nearest_neighbours,
        "mlp": perceptrons,
        "lightgbm": boosted_trees,
    }
    return tuple(methods[name] for name in probes)
