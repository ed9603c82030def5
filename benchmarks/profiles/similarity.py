"""Similarity of two embeddings of the same points."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.errors import BenchError


def linear_cka(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """Linear centred kernel alignment, from 0 to 1: ||X'Y||^2 / (||X'X|| ||Y'Y||).

    X and Y are the centred embeddings and the norms are Frobenius'. It is 1 for embeddings that
    differ by a rotation, a shift and one factor (Kornblith, Norouzi, Lee and Hinton 2019,
    Similarity of neural network representations revisited, ICML, eq. 4). Axes count by their
    variance: two embeddings with the same few large axes are similar.

    Args:
        first: `(N, D)` rows.
        second: `(N, E)` rows for the same points in the same order.

    Raises:
        BenchError: one of them is the same everywhere.

    Examples:
        >>> points = np.random.default_rng(0).normal(size=(50, 2))
        >>> round(linear_cka(points, 3 * points[:, ::-1] + 1), 6)
        1.0
    """
    x, y = (
        np.asarray(part, dtype=np.float64) - np.mean(part, axis=0, dtype=np.float64)
        for part in (first, second)
    )
    scale = np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y)
    if not scale > 0:
        raise BenchError("an embedding that is the same everywhere is not similar to any other")
    return float(np.linalg.norm(x.T @ y) ** 2 / scale)
