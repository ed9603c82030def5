"""Parts of arrays of scores, so that large boards are computed in pieces that fit into caches."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Float = NDArray[np.float64]

PIECE = 2**16
"""Maximum number of bootstrap scores of a piece: 0.5 MB of float64."""


def columns_by_task(columns: pd.Index) -> dict[str, slice]:
    """Columns of each task among those of (task, seed), in their order.

    Raises:
        ValueError: the columns of a task are not next to each other.

    Example:
        >>> import pandas as pd
        >>> columns = pd.MultiIndex.from_product([["a", "b"], [0, 1]], names=["task", "seed"])
        >>> columns_by_task(columns)
        {'a': slice(0, 2, None), 'b': slice(2, 4, None)}
        >>> columns_by_task(columns[:0])
        {}
    """
    tasks = np.asarray(columns.get_level_values("task"), dtype=object)
    starts = [i for i in range(len(tasks)) if i == 0 or tasks[i] != tasks[i - 1]]
    names = [str(tasks[start]) for start in starts]
    if len(set(names)) < len(names):
        raise ValueError("the columns of a task must be next to each other")
    stops = [*starts, len(tasks)][1:]
    return {name: slice(*ends) for name, *ends in zip(names, starts, stops, strict=True)}


def pieces(replicates: Float) -> Iterator[slice]:
    """Slices of the encoders of bootstrap scores `(E, S, B)`, of at most `PIECE` scores each."""
    count = max(PIECE // max(replicates[0].size, 1), 1) if len(replicates) else 1
    for start in range(0, len(replicates), count):
        yield slice(start, start + count)


def clipped(scores: Float, floor: float) -> Float:
    """Scores of any shape, those below a floor raised to it; the array itself if there are none."""
    return scores if scores.min(initial=np.inf) >= floor else scores.clip(min=floor)
