"""Readers of the files of the paper editions, one for each file format.

Every reader takes the paths of a variant's files, in the order of its card, and returns a data
frame with columns lon and lat in degrees and target, and the numbers of rows left out by reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from satclip_bench.core.download.content import stand_in
from satclip_bench.core.errors import TaskError
from satclip_bench.tasks.open_edition.tables import shipped_frame

if TYPE_CHECKING:
    import pandas as pd

LON = ("lon", "longitude", "x", "intptlong")
LAT = ("lat", "latitude", "y", "intptlat")
BOX = (-130.0, -50.0, 22.0, 50.0)
"""West, east, south and north bounds in degrees, exclusive, of the contiguous counties, as in
SatCLIP's code."""
COUNTY_COLUMNS = {
    "education": ("FIPS", "BachelorRate2016"),
    "election": ("fips_code", "dem_2016", "gop_2016"),
    "income": ("FIPS", "MedianIncome2016"),
    "population": ("FIPS", "R_birth_2016", "R_death_2016", "R_NET_MIG_2016"),
    "unemployment": ("FIPS", "Unemployment_rate_2016"),
}
"""Columns of each table that a county must have (Jia and Benson 2020) to count as complete. The
first is the county's code."""


@dataclass(frozen=True)
class ReaderResult:
    """Points and targets that a reader returns.

    Attributes:
        frame: columns lon, lat and target, and that of the dates if the task's card names one.
        left_out: number of rows left out, by reason.
    """

    frame: pd.DataFrame
    left_out: Mapping[str, int]


def read_frame(path: Path, separator: str = ",") -> pd.DataFrame:
    """Read a table: Parquet, or text with any line ends, with or without a byte order mark.

    Args:
        path: path of the file; anything but `.parquet` is read as text.
        separator: separator of columns in text.

    Raises:
        TaskError: the file cannot be read as a table, or is a web page or a Git LFS pointer.
    """
    import pandas as pd

    try:
        if content := stand_in(path, html=True):
            raise TaskError(
                f"{path} is not a table: {content}. Delete it, and download it in a browser."
            )
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        frame = pd.read_csv(path, sep=separator, encoding="utf-8-sig", low_memory=False)
    except (OSError, ValueError) as error:
        raise TaskError(f"{path} cannot be read as a table: {error}") from error
    return frame.rename(columns=lambda name: str(name).strip())


def named_column(frame: pd.DataFrame, names: Sequence[str], path: Path) -> pd.Series:
    """The only column with one of these names, ignoring case.

    Raises:
        TaskError: there is none, or several.
    """
    matches = [c for c in frame.columns if str(c).lower() in {n.lower() for n in names}]
    if len(matches) != 1:
        raise TaskError(
            f"{path} should have one column called {' or '.join(names)}; it has "
            f"{', '.join(map(str, frame.columns[:12]))}"
        )
    return frame[matches[0]]


def as_numbers(column: pd.Series, path: Path) -> pd.Series:
    """A column as float64: "57,617" and "$58,343" are numbers, an empty field is NaN.

    Raises:
        TaskError: some values are not numbers.
    """
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column):
        return column.astype(np.float64)
    plain = column.astype("string").str.replace(r"[$,\s]", "", regex=True)
    plain = plain.mask(plain == "")
    try:
        return pd.to_numeric(plain).astype(np.float64)
    except (ValueError, TypeError) as error:
        raise TaskError(f"{path}, column {column.name!r}: {error}") from error


def with_points(frame: pd.DataFrame, path: Path, target: pd.Series) -> pd.DataFrame:
    """Columns lon, lat and target of a table that has coordinates.

    The columns `lon` and `lat` are read if the table has both, as those of CoordBench have beside
    the columns of their sources, such as `Lon` and `longitude`.

    Raises:
        TaskError: the coordinates are missing, ambiguous or not numbers.
    """
    import pandas as pd

    exact = {"lon", "lat"} <= set(frame.columns)
    lon = frame["lon"] if exact else named_column(frame, LON, path)
    lat = frame["lat"] if exact else named_column(frame, LAT, path)
    return pd.DataFrame(
        {"lon": as_numbers(lon, path), "lat": as_numbers(lat, path), "target": target}
    )


def _values(path: Path, names: Sequence[str]) -> ReaderResult:
    """Read a table with a numeric target; rows without a value are left out."""
    raw = read_frame(path)
    frame = with_points(raw, path, as_numbers(named_column(raw, names, path), path))
    known = np.isfinite(frame["target"])
    return ReaderResult(
        frame[known].reset_index(drop=True), {"without a value": int((~known).sum())}
    )


def _classes(path: Path, name: str, sea: int) -> ReaderResult:
    """Read a table with class numbers; rows with the number `sea` are left out."""
    raw = read_frame(path)
    number = as_numbers(named_column(raw, (name,), path), path)
    frame = with_points(raw, path, number)
    known = np.isfinite(number)
    land = known & (number != sea)
    frame = frame[land].reset_index(drop=True)
    # Padded names sort in the order of the numbers.
    frame["target"] = frame["target"].astype(np.int64).map("{:04d}".format)
    left_out = {"at sea": int((known & ~land).sum()), "without a class": int((~known).sum())}
    return ReaderResult(frame, left_out)


def stations(paths: Sequence[Path]) -> ReaderResult:
    """Read mean temperatures at weather stations, in degrees Celsius."""
    return _values(paths[0], ("meanT",))


def elevation(paths: Sequence[Path]) -> ReaderResult:
    """Read elevations in metres."""
    return _values(paths[0], ("elevation",))


def population(paths: Sequence[Path]) -> ReaderResult:
    """Read logarithms of population densities."""
    return _values(paths[0], ("log_population",))


def mosaiks(paths: Sequence[Path]) -> ReaderResult:
    """Read a table of TorchSpatial, whose target column is called labels."""
    return _values(paths[0], ("labels",))


def countries(paths: Sequence[Path]) -> ReaderResult:
    """Read countries as numbers, 0 at sea."""
    return _classes(paths[0], "country", 0)


def biomes(paths: Sequence[Path]) -> ReaderResult:
    """Read biomes as numbers, -1 at sea."""
    return _classes(paths[0], "biome_class_index", -1)


def ecoregions(paths: Sequence[Path]) -> ReaderResult:
    """Read ecoregions as numbers, -1 at sea."""
    return _classes(paths[0], "ecoregion_class_index", -1)


def median_income(paths: Sequence[Path]) -> ReaderResult:
    """Read household incomes of 2016, at the points of the census gazetteer."""
    import pandas as pd

    gazetteer = paths[-1]
    raw = read_frame(gazetteer, "\t")
    places = pd.DataFrame(
        {
            "FIPS": as_numbers(named_column(raw, ("GEOID",), gazetteer), gazetteer),
            "lon": as_numbers(named_column(raw, LON, gazetteer), gazetteer),
            "lat": as_numbers(named_column(raw, LAT, gazetteer), gazetteer),
        }
    )
    return _counties(paths[:-1], places)


def median_income_at_centroids(paths: Sequence[Path]) -> ReaderResult:
    """Read household incomes of 2016, at the county centroids of the open edition."""
    table = shipped_frame("median_income")
    places = table[["lon", "lat"]].assign(FIPS=table["fips"].astype(str).astype(np.float64))
    return _counties(paths, places)


def _counties(paths: Sequence[Path], places: pd.DataFrame) -> ReaderResult:
    joined = places
    for path, (key, *columns) in zip(paths, COUNTY_COLUMNS.values(), strict=True):
        raw = read_frame(path)
        table = raw[[]].assign(FIPS=as_numbers(named_column(raw, (key,), path), path))
        for name in columns:
            table[name] = as_numbers(named_column(raw, (name,), path), path)
        if table["FIPS"].duplicated().any():
            raise TaskError(f"{path} has a county more than once")
        joined = joined.merge(table, on="FIPS", how="left")
    complete = joined.notna().all(axis=1)
    west, east, south, north = BOX
    lon, lat = joined["lon"], joined["lat"]
    inside = (lon > west) & (lon < east) & (lat > south) & (lat < north)
    counties = joined[complete & inside]
    frame = counties[["lon", "lat"]].assign(target=counties["MedianIncome2016"] / 1000)
    left_out = {
        "that are incomplete": int((inside & ~complete).sum()),
        "outside the contiguous states": int((~inside).sum()),
    }
    return ReaderResult(frame.reset_index(drop=True), left_out)
