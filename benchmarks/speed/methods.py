"""The probes and baselines whose time is compared with that of other ways to the same result."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeAlias

from satclip_bench.benchmarks.speed.comparison import Comparison
from satclip_bench.benchmarks.speed.embedded import Embedded
from satclip_bench.tasks.base import TaskType

Subject: TypeAlias = Literal["probes", "baselines"]
Method: TypeAlias = Callable[[Embedded], Iterator[Comparison]]


@dataclass(frozen=True)
class Timed:
    """A method that is timed.

    Attributes:
        compare: function that makes the comparisons for the embeddings of a task.
        task_type: type of the tasks on which it is timed; None for both.
    """

    compare: Method
    task_type: TaskType | None = None

    def comparisons(self, data: Embedded) -> Iterator[Comparison]:
        """The comparisons, none if the method is not timed on this task."""
        if self.task_type in (None, data.task_type):
            yield from self.compare(data)


def timed_methods(subject: Subject, max_iterations: int) -> tuple[Timed, ...]:
    """What is timed of the probes or the baselines.

    Args:
        subject: `probes`, on embeddings, or `baselines`, on points.
        max_iterations: largest number of iterations of L-BFGS.

    >>> len(timed_methods("baselines", 100))
    1
    """
    if subject == "baselines":
        from satclip_bench.benchmarks.speed.kriging import kriging

        return (Timed(kriging),)
    from satclip_bench.benchmarks.speed.logistic import logistic
    from satclip_bench.benchmarks.speed.neighbours import nearest_neighbours
    from satclip_bench.benchmarks.speed.ridge import ridge

    return (
        Timed(partial(logistic, max_iterations=max_iterations), task_type="classification"),
        Timed(ridge, task_type="regression"),
        Timed(nearest_neighbours),
    )
