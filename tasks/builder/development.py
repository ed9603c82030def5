"""Builds the development set: land points, away from the benchmark's, to choose recipes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.files import atomic_write, sha256_bytes
from satclip_bench.tasks import task_card
from satclip_bench.tasks.builder import population, rasters
from satclip_bench.tasks.builder.build import SEEDS, built_with, pins, table_bytes
from satclip_bench.tasks.builder.points import (
    LandPoints,
    away_from,
    containing,
    draw_land,
    read_countries,
)
from satclip_bench.tasks.builder.polygons import read_ecoregions
from satclip_bench.tasks.development import DEVELOPMENT_TASKS, MIN_KM, PROVENANCE, TABLE
from satclip_bench.tasks.open_edition.tables import shipped_frame

if TYPE_CHECKING:
    import pandas as pd

ROWS = 5_000
SEED = 201
"""Seed of the points; none of those in `SEEDS`."""

SECTOR_DEGREES = 60


def benchmark_points() -> NDArray[np.float64]:
    """Points of all global tables of the open edition, `(n, 2)` lonlat."""
    return np.concatenate([shipped_frame(task)[["lon", "lat"]].to_numpy() for task in SEEDS])


def sectors(lonlat: NDArray[np.float64]) -> NDArray[np.str_]:
    """Names of the sectors of longitude, 60 degrees wide, that contain the points.

    >>> sectors(np.array([[-180.0, 0.0], [13.4, 52.5], [180.0, 0.0]])).tolist()
    ['-180 to -120', '0 to 60', '120 to 180']
    """
    west = np.floor(lonlat[:, 0] / SECTOR_DEGREES).astype(np.int64) * SECTOR_DEGREES
    west = np.minimum(west, 180 - SECTOR_DEGREES)
    return np.array([f"{w} to {w + SECTOR_DEGREES}" for w in west.tolist()])


def build_development(folder: Path) -> pd.DataFrame:
    """Build columns lon, lat, one per task with its target, and region: the sector of longitude.

    Args:
        folder: folder of the packages; missing packages are downloaded into it.
    """
    import pandas as pd

    altitude, ecoregions = rasters.read_altitude(folder), read_ecoregions(folder)
    others = benchmark_points()

    def usable(land: LandPoints) -> NDArray[np.bool_]:
        known = np.isfinite(rasters.altitude_at(altitude, land.lonlat))
        known &= containing(land.lonlat, ecoregions) >= 0
        return known & away_from(land.lonlat, others)

    lonlat = draw_land(read_countries(folder), ROWS, SEED, usable).lonlat
    temperature = rasters.era5_at(rasters.read_temperature(folder), lonlat)
    density = population.density_at(*population.read_places(folder), lonlat)
    names = ecoregions["biome"].to_numpy(dtype=np.str_)
    return pd.DataFrame(
        {
            "lon": lonlat[:, 0],
            "lat": lonlat[:, 1],
            "air_temperature": np.round(temperature, 2),
            "elevation": rasters.altitude_at(altitude, lonlat),
            "population_density": np.round(np.log1p(density), 4),
            "biomes": names[containing(lonlat, ecoregions)],
            "region": sectors(lonlat),
        }
    )


def write_development(folder: Path, out: Path) -> dict[str, Any]:
    """Build the development set into a folder, with its provenance.

    Args:
        folder: folder of the packages.
        out: folder of the table.

    Returns:
        The table's entry in the provenance.
    """
    frame = build_development(folder)
    content = table_bytes(frame)
    sources = {
        source.distribution: source
        for task in DEVELOPMENT_TASKS
        for source in task_card(task).editions["open"].sources
    }
    entry: dict[str, Any] = {
        "file": TABLE,
        "sha256": sha256_bytes(content),
        "bytes": len(content),
        "rows": len(frame),
        "seed": SEED,
        "min_km_to_benchmark_points": MIN_KM,
        "regions": {str(k): int(v) for k, v in frame["region"].value_counts().sort_index().items()},
        "sources": [
            source.model_dump() | pins(source.distribution.partition("==")[0])
            for source in sources.values()
        ],
    }
    written = {"table": entry, "built_with": built_with()}
    with atomic_write(out / TABLE) as stream:
        stream.write(content)
    with atomic_write(out / PROVENANCE) as stream:
        stream.write((json.dumps(written, indent=1, ensure_ascii=False) + "\n").encode())
    return entry
