"""Builds every table of the open edition from its sources, and writes it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from satclip_bench.core.files import atomic_write, sha256_bytes
from satclip_bench.tasks import SHIPPED_TASKS, get_task
from satclip_bench.tasks.builder import (
    airports,
    census,
    population,
    rasters,
    settlements,
    wide,
    zip_areas,
)
from satclip_bench.tasks.builder.distributions import DISTRIBUTIONS
from satclip_bench.tasks.builder.points import (
    LandPoints,
    containing,
    draw_land,
    land_table,
    read_countries,
)
from satclip_bench.tasks.builder.polygons import read_ecoregions

if TYPE_CHECKING:
    import geopandas as gpd

GLOBAL_ROWS = 10_000

SEEDS = {
    "air_temperature": 101,
    "elevation": 102,
    "population_density": 103,
    "countries": 104,
    "biomes": 105,
    # The same points as for biomes, as in the paper.
    "ecoregions": 105,
}
"""Seeds of the points of the global tables that are among the SatCLIP paper's tasks."""

WIDE_SEEDS = dict.fromkeys(wide.GRIDS, SEEDS["elevation"]) | {
    "airport_elevation": airports.SEED,
    "degree_of_urbanisation": settlements.SEED,
}
"""Seeds of the points of the other global tables. Those of grids have the points of elevation."""


class Builder:
    """Builds tables from a folder of packages, reading each source once.

    Args:
        folder: folder of the packages; missing packages are downloaded into it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def _countries(self) -> gpd.GeoDataFrame:
        return read_countries(self.folder)

    @cached_property
    def _ecoregions(self) -> gpd.GeoDataFrame:
        return read_ecoregions(self.folder)

    def _land(
        self, task: str, keep: Callable[[LandPoints], NDArray[np.bool_]] | None = None
    ) -> LandPoints:
        keep = keep or (lambda land: np.ones(len(land.lonlat), dtype=np.bool_))
        return draw_land(self._countries, GLOBAL_ROWS, SEEDS[task], keep)

    def table(self, task: str) -> pd.DataFrame:
        """Build the table of a task: columns lon, lat and target, and for some region and more."""
        build: Mapping[str, Callable[[], pd.DataFrame]] = {
            "air_temperature": self._air_temperature,
            "elevation": self._elevation,
            "california_housing": lambda: census.california_housing(self.folder),
            "population_density": self._population_density,
            "countries": self._countries_table,
            "biomes": lambda: self._ecoregion_table("biomes", "biome"),
            "ecoregions": lambda: self._ecoregion_table("ecoregions", "ECO_NAME"),
            "airport_elevation": lambda: airports.airport_elevation(self.folder, self._countries),
            "degree_of_urbanisation": lambda: settlements.degree_of_urbanisation(
                self.folder, self._countries
            ),
        }
        if task in wide.GRIDS:
            return wide.grid_table(task, self.folder, self._elevation_points)
        if task in census.COUNTY_COLUMNS:
            return census.county_table(task, self.folder)
        if task in zip_areas.COLUMNS:
            return zip_areas.zip_table(task, self.folder)
        return build[task]()

    def _air_temperature(self) -> pd.DataFrame:
        land = self._land("air_temperature")
        grid = rasters.read_temperature(self.folder)
        return land_table(land, np.round(rasters.era5_at(grid, land.lonlat), 2))

    @cached_property
    def _altitude(self) -> NDArray[np.uint8]:
        return rasters.read_altitude(self.folder)

    @cached_property
    def _elevation_points(self) -> LandPoints:
        """Points of the task elevation, which tasks outside the paper share."""
        return self._land(
            "elevation", lambda land: np.isfinite(rasters.altitude_at(self._altitude, land.lonlat))
        )

    def _elevation(self) -> pd.DataFrame:
        land = self._elevation_points
        return land_table(land, rasters.altitude_at(self._altitude, land.lonlat))

    def _population_density(self) -> pd.DataFrame:
        land = self._land("population_density")
        places, inhabitants = population.read_places(self.folder)
        density = population.density_at(places, inhabitants, land.lonlat)
        return land_table(land, np.round(np.log1p(density), 4))

    def _countries_table(self) -> pd.DataFrame:
        land = self._land("countries")
        return land_table(land, land.country)

    def _ecoregion_table(self, task: str, column: str) -> pd.DataFrame:
        names = self._ecoregions[column].to_numpy(dtype=np.str_)
        land = self._land(task, lambda land: containing(land.lonlat, self._ecoregions) >= 0)
        return land_table(land, names[containing(land.lonlat, self._ecoregions)])


def table_bytes(table: pd.DataFrame) -> bytes:
    """Parquet content of a table, deterministic, with dictionaries for text columns."""
    arrays = {
        name: pa.array(column.to_numpy())
        if pd.api.types.is_numeric_dtype(column)
        else pa.array(column.astype(str).to_list()).dictionary_encode()
        for name, column in table.items()
    }
    sink = io.BytesIO()
    text = [str(name) for name, column in arrays.items() if pa.types.is_dictionary(column.type)]
    pq.write_table(
        pa.table({str(name): column for name, column in arrays.items()}),
        sink,
        compression="zstd",
        compression_level=19,
        use_dictionary=text,
        column_encoding={
            str(n): "BYTE_STREAM_SPLIT" for n in arrays if pa.types.is_floating(arrays[n].type)
        },
    )
    return sink.getvalue()


def describe(task: str, table: pd.DataFrame, content: bytes) -> dict[str, Any]:
    """Entry of a table in `provenance.json`."""
    target = table["target"]
    numeric = pd.api.types.is_numeric_dtype(target)
    return {
        "file": f"{task}.parquet",
        "sha256": sha256_bytes(content),
        "bytes": len(content),
        "rows": len(table),
        "seed": (SEEDS | WIDE_SEEDS | dict.fromkeys(zip_areas.COLUMNS, zip_areas.SEED)).get(task),
        "target": {
            "min": float(target.min()),
            "max": float(target.max()),
            "mean": round(float(target.mean()), 6),
        }
        if numeric
        else {"classes": int(target.nunique())},
        "regions": {str(k): int(v) for k, v in table["region"].value_counts().sort_index().items()}
        if "region" in table
        else {},
        "sources": [
            source.model_dump() | pins(source.distribution.partition("==")[0])
            for source in get_task(task).edition_card.sources
        ],
    }


def pins(name: str) -> dict[str, Any]:
    """Hashes of a package and of its members that are read."""
    pinned = DISTRIBUTIONS[name]
    return {"distribution_sha256": pinned.sha256, "member_sha256": dict(pinned.members)}


def built_with() -> dict[str, str]:
    """Versions of the libraries that can affect a table's values or its bytes."""
    libraries = ("numpy", "pandas", "pyarrow", "shapely", "geopandas", "scipy", "pyproj")
    return {name: version(name) for name in libraries}


def write_all(tasks: tuple[str, ...], folder: Path, out: Path) -> dict[str, dict[str, Any]]:
    """Build tables into a folder and update its `provenance.json`.

    Args:
        tasks: names of tasks.
        folder: folder of the packages.
        out: folder of the tables.

    Returns:
        The entries of all tables in `provenance.json`, by name of the task.
    """
    builder = Builder(folder)
    provenance = out / "provenance.json"
    entries = json.loads(provenance.read_text())["tables"] if provenance.is_file() else {}
    for task in tasks:
        table = builder.table(task)
        content = table_bytes(table)
        with atomic_write(out / f"{task}.parquet") as stream:
            stream.write(content)
        entries[task] = describe(task, table, content)
    written = {
        "tables": {task: entries[task] for task in SHIPPED_TASKS if task in entries},
        "built_with": built_with(),
    }
    with atomic_write(provenance) as stream:
        stream.write((json.dumps(written, indent=1, ensure_ascii=False) + "\n").encode())
    return entries
