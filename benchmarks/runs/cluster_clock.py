"""Clock of the functions that Dask workers run: which of them take longer than the time limit."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, field


@dataclass
class Clock:
    """Notes when and where functions start, and tells which have taken longer than their limit.

    A worker reports itself that a function's time is up, unless the function holds Python's global
    lock all the time. Then the worker only ends, which looks as if memory had run out, and
    what was noted here makes the difference.

    Attributes:
        limit: time limit in seconds; infinite for none.
        grace: time in seconds after the limit until a worker that has reported nothing is ended.
    """

    limit: float
    grace: float
    _starts: dict[int, tuple[float, str]] = field(default_factory=dict)

    def start(self, number: int, moment: float, worker: str) -> None:
        """Note a start; that of another attempt counts unless the first one was late.

        Args:
            number: number of the function.
            moment: time of the start in seconds.
            worker: address of its worker.
        """
        if not self.is_late(number, moment):
            self._starts[number] = moment, worker

    def worker(self, number: int) -> str:
        """Address of the worker on which a function has started; empty if it has not."""
        return self._starts.get(number, (math.inf, ""))[1]

    def is_late(self, number: int, moment: float) -> bool:
        """Whether a function that runs or was ended at a moment had taken all its time by then."""
        start, _ = self._starts.get(number, (math.inf, ""))
        return moment - start >= self.limit

    def late(self, running: Collection[int], moment: float, workers: Collection[str]) -> list[int]:
        """Functions that have taken all their time, although nothing was reported.

        Those that have lost their worker before are no longer timed: they start again elsewhere.

        Args:
            running: numbers of functions without a result.
            moment: time in seconds.
            workers: addresses of all workers at that time.
        """
        late = []
        for number in running:
            start, worker = self._starts.get(number, (math.inf, ""))
            if worker in workers and moment - start < self.limit + self.grace:
                continue
            if self.is_late(number, moment):
                late.append(number)
            else:
                self._starts.pop(number, None)
        return late
