"""Reads the development set, which ships with the package."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from satclip_bench.tasks.open_edition.tables import read_verified

if TYPE_CHECKING:
    import pandas as pd

DEVELOPMENT = Path(__file__).parent
TABLE = "development.parquet"
PROVENANCE = "provenance.json"

DEVELOPMENT_TASKS = ("air_temperature", "elevation", "population_density", "biomes")
"""Tasks whose targets the set has; each is a column of that name."""

MIN_KM = 25.0
"""Smallest great-circle distance of its points to points of the benchmark's global tables, in km.

A table's points are some 55 km from their nearest neighbours in the same table.
"""


def development_frame() -> pd.DataFrame:
    """Read the development set: columns lon, lat, region and one per task, one row per point.

    Returns:
        A frame of 5,000 rows: longitude and latitude in degrees, the targets in the units of the
        tasks' cards, biomes as names, and the sector of longitude as the region.

    Raises:
        TaskError: the file cannot be read.
        IntegrityError: its SHA-256 is not the one in its `provenance.json`.

    >>> frame = development_frame()
    >>> len(frame), frame["biomes"].nunique(), frame["region"].nunique()
    (5000, 14, 6)
    """
    entry = json.loads((DEVELOPMENT / PROVENANCE).read_text(encoding="utf-8"))["table"]
    return read_verified(DEVELOPMENT / TABLE, "development", entry["sha256"])[0]
