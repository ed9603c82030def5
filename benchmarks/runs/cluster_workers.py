"""Checks that the scheduler and the workers of a Dask cluster have this machine's software."""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from satclip_bench.benchmarks.runs import cluster_client
from satclip_bench.benchmarks.runs.cluster_calls import require_one_thread
from satclip_bench.benchmarks.runs.software import PACKAGE, require_software, software
from satclip_bench.core.errors import UnfinishedError

if TYPE_CHECKING:
    from distributed import Client


def require_scheduler(client: Client, address: str, expected: Mapping[str, str]) -> None:
    """Raise UnfinishedError if a scheduler cannot load cells, or not as this machine does.

    Args:
        client: client of the scheduler.
        address: its address, for the message.
        expected: software of this machine.
    """
    where = f"the Dask scheduler {address}"
    try:
        # It computes nothing: only the code of the cells matters, which it loads to send them on.
        answer = client.run_on_scheduler(software, callback_timeout=cluster_client.CONNECT_SECONDS)
        actual = {PACKAGE: answer[PACKAGE]}
    except OSError:
        raise
    except Exception as error:
        raise UnfinishedError(_cannot_load(where, error)) from error
    require_software(actual, {PACKAGE: expected[PACKAGE]}, where)


@dataclass
class WorkerChecks:
    """Asks every worker for its software, before cells are sent to it.

    A worker without the package cannot load a cell: it leaves the scheduler, which does not say
    why. It does answer a question about its software, with the error that it met.

    Attributes:
        client: client of the scheduler.
        expected: software of this machine.
        wake: function that is called when a worker has answered, in another thread.
    """

    client: Client
    expected: Mapping[str, str]
    wake: Callable[[], None]
    _asked: dict[str, float] = field(default_factory=dict)
    _checked: set[str] = field(default_factory=set)
    _answers: SimpleQueue[tuple[str, object]] = field(default_factory=SimpleQueue)
    _begun: bool = False

    def usable(self, threads: Mapping[str, int]) -> int:
        """Number of workers that can compute cells; 0 while the first ones are being asked.

        Args:
            threads: number of threads of every worker, by its address.

        Raises:
            UnfinishedError: a worker has other software or several threads; the message names it.
        """
        for address, count in threads.items():
            require_one_thread(count, address)
            if address not in self._asked:
                self._asked[address] = time.monotonic()
                self._ask(address)
        self._read_answers(threads)
        count = len(self._checked & threads.keys())
        self._begun = self._begun or (count > 0 and not self._awaited(threads))
        return count if self._begun else 0

    def problem(self, threads: Mapping[str, int]) -> str:
        """Why no worker is usable, if that is so and no answer is to be expected soon."""
        if not threads:
            return "has no workers"
        if self._checked & threads.keys() or self._awaited(threads):
            return ""
        return "has no workers that answer"

    def _awaited(self, threads: Mapping[str, int]) -> bool:
        """Whether a worker may still answer."""
        earliest = time.monotonic() - cluster_client.CONNECT_SECONDS
        unknown = threads.keys() - self._checked
        return any(self._asked.get(address, earliest) > earliest for address in unknown)

    def _ask(self, address: str) -> None:
        # Not by `Client.run` from here, which waits for a worker that is busy.
        if loop := self.client.loop:
            loop.add_callback(self._answer, address)

    async def _answer(self, address: str) -> None:
        answer: object
        try:
            answers = await self.client.run(software, workers=[address], on_error="return")
            answer = answers[address]
        except Exception as error:
            answer = error
        self._answers.put((address, answer))
        self.wake()

    def _read_answers(self, workers: Container[str]) -> None:
        while True:
            try:
                address, answer = self._answers.get_nowait()
            except Empty:
                return
            where = f"the Dask worker {address}"
            if isinstance(answer, Mapping):
                require_software(answer, self.expected, where)
                self._checked.add(address)
            elif isinstance(answer, OSError | KeyError):
                # The connection was lost, most likely because the worker has ended.
                if address in workers:
                    self._ask(address)
            else:
                raise UnfinishedError(_cannot_load(where, answer))


def _cannot_load(where: str, error: object) -> str:
    return (
        f"{where} cannot load this package, and so no cells ({error}). Install the same versions "
        "(constraints.txt) and the same code there, and start it again. Finished cells are kept."
    )
