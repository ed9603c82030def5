"""Coastlines for maps, simplified from Natural Earth's countries (public domain)."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

Detail = Literal["world", "region"]
"""How much is shown: the world to 0.2 degrees, or a region to 0.05 degrees with smaller islands."""

FILE = Path(__file__).with_suffix(".parquet")
"""Rings of land, one row per vertex: detail, ring, and lon and lat in hundredths of a degree.
`docs/studies/coastlines.py` makes it."""

ATTRIBUTION = "Made with Natural Earth"


@lru_cache(maxsize=2)
def coastlines(detail: Detail) -> tuple[Float, ...]:
    """Closed lines around land, each `(n, 2)` degrees, longitude first.

    No line crosses the antimeridian: land on both sides of it has a line along it on each.

    Args:
        detail: how much is shown.

    Example:
        >>> lines = coastlines("world")
        >>> all((line[0] == line[-1]).all() for line in lines)
        True
    """
    import pyarrow.parquet as pq

    table = pq.read_table(FILE, filters=[("detail", "=", detail)])
    lonlat = np.stack([table[name].to_numpy() for name in ("lon", "lat")], axis=1) / 100
    starts = np.flatnonzero(np.diff(table["ring"].to_numpy())) + 1
    lines = np.split(lonlat, starts)
    for line in lines:
        line.setflags(write=False)
    return tuple(lines)
