"""Processor time of two ways to compute the same, measured in turns."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from pydantic import JsonValue

from satclip_bench.benchmarks.runs.threads import thread_limit

Job = Callable[[], object]


@dataclass(frozen=True)
class Comparison:
    """A computation of this project, and what its time is compared with.

    Attributes:
        method: what is computed, such as `knn, choice of k`.
        task: name of the task.
        encoder: name of the encoder; None for a baseline.
        against: what `reference` does.
        ours: the computation of this project.
        reference: another way to the same result, or a part that no way can leave out.
        scale: factor by which the time of `reference` is multiplied, where it runs only a part of
            equally expensive steps.
        at_least: whether the reference falls short of the result, so that its time is too low.
        result: whether both come to the same result, in words.
        facts: numbers behind `result` and `scale`.
    """

    method: str
    task: str
    encoder: str | None
    against: str
    ours: Job
    reference: Job
    scale: float = 1.0
    at_least: bool = False
    result: str = ""
    facts: dict[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True)
class Durations:
    """Processor seconds of both jobs of a comparison, one entry per round.

    Attributes:
        comparison: the comparison.
        ours: seconds of this project's computation.
        reference: seconds of the reference, multiplied by its scale.
    """

    comparison: Comparison
    ours: tuple[float, ...]
    reference: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Median over the rounds of the reference's duration divided by ours.

        >>> nothing = Comparison("m", "t", None, "a", ours=list, reference=list)
        >>> Durations(nothing, (1.0, 2.0, 4.0), (3.0, 2.0, 40.0)).ratio
        3.0
        """
        pairs = zip(self.reference, self.ours, strict=True)
        return median(reference / ours for reference, ours in pairs)

    def as_dict(self) -> dict[str, Any]:
        """Durations, ratio and facts, for JSON."""
        comparison = self.comparison
        return {
            "method": comparison.method,
            "task": comparison.task,
            "encoder": comparison.encoder,
            "against": comparison.against,
            "seconds": {"ours": self.ours, "reference": self.reference},
            "median_seconds": {"ours": median(self.ours), "reference": median(self.reference)},
            "reference_is_lower_bound": comparison.at_least,
            "reference_scale": comparison.scale,
            "times_faster_than_reference": self.ratio,
            "result": comparison.result,
            **comparison.facts,
        }


def measure(comparison: Comparison, rounds: int) -> Iterator[Durations]:
    """Time both jobs in turns on one thread, and yield the durations so far after every round.

    Args:
        comparison: the comparison.
        rounds: number of timed calls of each job.

    >>> nothing = Comparison("m", "t", None, "a", ours=list, reference=list)
    >>> *_, durations = measure(nothing, rounds=3)
    >>> len(durations.ours)
    3
    """
    ours: list[float] = []
    reference: list[float] = []
    with thread_limit(1):
        for _ in range(rounds):
            ours.append(_seconds(comparison.ours))
            reference.append(comparison.scale * _seconds(comparison.reference))
            yield Durations(comparison, tuple(ours), tuple(reference))


def _seconds(job: Job) -> float:
    started = time.process_time()
    job()
    return time.process_time() - started
