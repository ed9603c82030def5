"""Embeddings and targets of one fold, on which probes and baselines are timed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.runs.embedding_jobs import Place
from satclip_bench.benchmarks.runs.tables import TaskSource, load_table, make_folds
from satclip_bench.benchmarks.targets import UNSEEN, class_codes
from satclip_bench.tasks.base import TaskType


class Labelled(NamedTuple):
    """Rows of a training, validation or test set."""

    X: NDArray[Any]
    """`(n, D)` float32 embeddings, or `(n, 2)` float64 lonlat of a baseline."""
    y: NDArray[Any]
    """`(n,)` targets: numbers, or codes of the classes of the training set."""


@dataclass(frozen=True)
class Embedded:
    """Training, validation and test set of fold 0 of the split `random` with seed 0.

    Attributes:
        task: name of the task.
        task_type: whether the target is a number or a class.
        encoder: name of the encoder; None if the features are lonlat.
        train: the training set.
        validation: the validation set, without classes that the training set does not have.
        test: the test set, without these classes.
    """

    task: str
    task_type: TaskType
    encoder: str | None
    train: Labelled
    validation: Labelled
    test: Labelled

    @property
    def classes(self) -> int:
        """Number of classes of the training set; 0 if the target is a number."""
        return 0 if self.task_type == "regression" else int(self.train.y.max()) + 1


def embed(task: str, encoder: str | None) -> Embedded:
    """Embeddings of the points of a task, from the cache if a run has left them there.

    Args:
        task: name of a task of the open edition.
        encoder: name of the encoder; None for lonlat itself.

    Raises:
        BenchError: a name is unknown, or weights are missing.

    >>> data = embed("biomes", "wrap")
    >>> data.train.X.shape, data.validation.X.shape
    ((3000, 4), (1000, 4))
    """
    source = TaskSource(task)
    table, fold = load_table(source), make_folds(source, "random", 0)[0]
    X = table.lonlat if encoder is None else Place(encoder, source).compute()
    y, parts = table.target, [fold.train, fold.validation, fold.test]
    if table.card.task_type == "classification":
        y = class_codes(y, np.unique(y[fold.train]))
        parts = [part[y[part] != UNSEEN] for part in parts]
    labelled = [Labelled(X[part], y[part]) for part in parts]
    return Embedded(task, table.card.task_type, encoder, *labelled)
