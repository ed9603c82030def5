"""Points on the sphere, an embedding of them, and targets of known form."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.probes import list_probes
from satclip_bench.tasks.base import TaskType

PROBES = list_probes()
BOTH: tuple[tuple[str, TaskType], ...] = tuple(
    (name, task_type) for name in PROBES for task_type in ("regression", "classification")
)


class Parts(NamedTuple):
    X: NDArray[np.float32]
    y: NDArray[Any]
    validation: tuple[NDArray[np.float32], NDArray[Any]]
    X_test: NDArray[np.float32]
    y_test: NDArray[Any]


def points(rows: int, seed: int = 0) -> NDArray[np.float64]:
    vectors = np.random.default_rng(seed).standard_normal((rows, 3))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def embed(xyz: NDArray[np.float64], columns: int = 32) -> NDArray[np.float32]:
    """Random Fourier features."""
    random = np.random.default_rng(1)
    waves = random.standard_normal((3, columns)) * random.choice([0.5, 1, 2], columns)
    waved = np.sin(xyz @ waves + random.uniform(0, 6, columns))
    return np.asarray(waved, dtype=np.float32)


def smooth(xyz: NDArray[np.float64]) -> NDArray[np.float64]:
    x, y, z = xyz.T
    return np.asarray(280 + 20 * (np.sin(2 * x) + y * z - z**2))


def cells(xyz: NDArray[np.float64], classes: int = 6) -> NDArray[np.int64]:
    """Voronoi cells, labelled 10, 17, 24, ..."""
    return np.asarray((xyz @ points(classes, seed=9).T).argmax(axis=1) * 7 + 10)


def parts(task_type: TaskType, rows: int = 400, columns: int = 32, held: int = 150) -> Parts:
    xyz = points(rows + 2 * held)
    X, y = embed(xyz, columns), smooth(xyz) if task_type == "regression" else cells(xyz)
    a, b = rows, rows + held
    return Parts(X[:a], y[:a], (X[a:b], y[a:b]), X[b:], y[b:])
