"""Functions to be called by workers, and what an executor is."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.errors import BenchError, UnfinishedError

T = TypeVar("T")


class LazyRows(Protocol):
    """Rows of an embedding that a worker computes."""

    def compute(self) -> NDArray[np.float32]:
        """The `(n, D)` embedding of the rows. Raises BenchError."""


class LazyEmbedding(LazyRows, Protocol):
    """An embedding that workers compute; equal ones are computed once and shared by cells."""

    def shards(self) -> Sequence[LazyRows]:
        """Blocks of rows that several workers compute; empty if one worker computes all rows."""

    def join(self, blocks: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """The `(N, D)` embedding made of the blocks that `shards` gives. Raises BenchError."""

    def __hash__(self) -> int: ...


AnyEmbedding: TypeAlias = "Path | LazyEmbedding | None"
"""A `.npy` file on this machine, an embedding that a worker computes, or none."""


@dataclass(frozen=True)
class Work(Generic[T]):
    """A function to be called by a worker, and the embedding that it is called with.

    Attributes:
        function: function of an embedding, that can be pickled: of the path of a `.npy` file, of
            an `(N, D)` array, or of None.
        embedding: the embedding; a `LazyEmbedding` only for an executor that is `remote`.
    """

    function: Callable[[Any], T]
    embedding: AnyEmbedding = None


def finished_by(results: Generator[T]) -> Generator[T]:
    """What workers yield; if the system refuses them a process or a thread, a run ends.

    Args:
        results: what they yield.

    Raises:
        UnfinishedError: the system refuses something that they need.
    """
    try:
        yield from results
    except BrokenPipeError:
        # The reader of a message has gone.
        raise
    except OSError as error:
        raise _unfinished(error) from error
    except RuntimeError as error:
        if refused := _refused_thread(error):
            raise _unfinished(refused) from error
        raise


def _refused_thread(error: BaseException | None) -> BaseException | None:
    """The refusal of a thread that led to an error; None if there was none.

    A limit on processes is one on threads, too. Python has no error of its own for it, and what
    was to end the thread may have raised another one since.
    """
    while error and "can't start new thread" not in str(error):
        error = error.__context__
    return error


def _unfinished(error: BaseException) -> UnfinishedError:
    return UnfinishedError(
        f"the run cannot go on: {type(error).__name__}: {error}. Finished cells are kept; the same "
        "command computes the others."
    )


class Executor(Protocol):
    """Calls functions and yields what they return."""

    @property
    def remote(self) -> bool:
        """Whether workers may be on other machines, which do not have the files of this one."""

    @property
    def shares_files(self) -> bool:
        """Whether workers can be given files of this machine."""

    @property
    def processes(self) -> int:
        """Maximum number of processes of this machine that a run may start."""

    def check_connection(self, warn: Callable[[str], None]) -> None:
        """Raise BenchError if there is no cluster, where one is needed that runs already.

        Args:
            warn: function that is called with messages for the user.
        """

    def run(
        self, work: Mapping[int, Work[T]], scratch: Path, warn: Callable[[str], None]
    ) -> Generator[tuple[int, T | BenchError], None, None]:
        """Call functions, and yield their results in the order of finishing.

        Args:
            work: functions by number; they start in this order.
            scratch: folder for files that are needed only while this runs.
            warn: function that is called with messages for the user.

        Yields:
            The number of a function, and what it returned; or the error, if its worker was
            killed or its time was up, or if its embedding could not be computed by a worker.

        Raises:
            UnfinishedError: no more work can be done, because the cluster is lost.
        """
