"""From the papers' files to points and targets, one reader a kind of file.

Every reader takes the files of a variant, in their order, and gives a frame with lon, lat in
degrees, the target, and how many rows were left out and why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from satclip_bench.core.errors import TaskError
from satclip_bench.tasks.open_edition.tables import shipped_frame

if TYPE_CHECKING:
    import pandas as pd

LON = ("lon", "longitude", "x", "intptlong")
LAT = ("lat", "latitude", "y", "intptlat")
BOX = (-130.0, -50.0, 22.0, 50.0)
"""West, east, south, north in degrees, all excluded: the contiguous counties (SatCLIP's recipe)."""
COUNTY_COLUMNS = {
    "education": ("FIPS", "BachelorRate2016"),
    "election": ("fips_code", "dem_2016", "gop_2016"),
    "income": ("FIPS", "MedianIncome2016"),
    "population": ("FIPS", "R_birth_2016", "R_death_2016", "R_NET_MIG_2016"),
    "unemployment": ("FIPS", "Unemployment_rate_2016"),
}
"""What a county must have of each table (Jia and Benson 2020); others are not complete."""


@dataclass(frozen=True)
class ReaderResult:
    """What a reader found.

    Attributes:
        frame: columns lon, lat and target.
        left_out: rows that are not in it, by reason.
    """

    frame: pd.DataFrame
    left_out: Mapping[str, int]


def read_frame(path: Path, separator: str = ",") -> pd.DataFrame:
    """A table as it is: Parquet, or text with or without a byte order mark and any line ends.

    Raises:
        TaskError: it cannot be read as one; a web page in its place is called so.
    """
    import pandas as pd

    try:
        with path.open("rb") as stream:
            start = stream.read(512).lstrip(b"\xef\xbb\xbf \r\n\t")
        if start[:1] == b"<":
            raise TaskError(
                f"{path} is a web page and no table: a download that asked for a click. Fetch it "
                "again by hand."
            )
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        frame = pd.read_csv(path, sep=separator, encoding="utf-8-sig", low_memory=False)
    except (OSError, ValueError) as error:
        raise TaskError(f"{path} cannot be read as a table: {error}") from error
    return frame.rename(columns=lambda name: str(name).strip())


def _column(frame: pd.DataFrame, names: Sequence[str], path: Path) -> pd.Series:
    """The one column that goes by one of these names, capitals or not; raises TaskError."""
    found = [c for c in frame.columns if str(c).lower() in {n.lower() for n in names}]
    if len(found) != 1:
        raise TaskError(
            f"{path} should have one column {' or '.join(names)}; it has "
            f"{', '.join(map(str, frame.columns[:12]))}"
        )
    return frame[found[0]]


def _numbers(column: pd.Series, path: Path) -> pd.Series:
    """As float64; "57,617" and "$58,343" are numbers, an empty field is NaN. Raises TaskError."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column):
        return column.astype(np.float64)
    plain = column.astype("string").str.replace(r"[$,\s]", "", regex=True)
    plain = plain.mask(plain == "")
    try:
        return pd.to_numeric(plain).astype(np.float64)
    except (ValueError, TypeError) as error:
        raise TaskError(f"{path}, column {column.name!r}: {error}") from error


def _points(frame: pd.DataFrame, path: Path, target: pd.Series) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(
        {
            "lon": _numbers(_column(frame, LON, path), path),
            "lat": _numbers(_column(frame, LAT, path), path),
            "target": target,
        }
    )


def _values(path: Path, names: Sequence[str]) -> ReaderResult:
    """Numbers at points; rows without one are left out."""
    raw = read_frame(path)
    frame = _points(raw, path, _numbers(_column(raw, names, path), path))
    known = np.isfinite(frame["target"])
    return ReaderResult(
        frame[known].reset_index(drop=True), {"without a value": int((~known).sum())}
    )


def _classes(path: Path, name: str, sea: int) -> ReaderResult:
    """Class numbers on land; `sea` stands for none."""
    raw = read_frame(path)
    number = _numbers(_column(raw, (name,), path), path)
    frame = _points(raw, path, number)
    known = np.isfinite(number)
    land = known & (number != sea)
    frame = frame[land].reset_index(drop=True)
    # Names sort as numbers do.
    frame["target"] = frame["target"].astype(np.int64).map("{:04d}".format)
    left_out = {"at sea": int((known & ~land).sum()), "without a class": int((~known).sum())}
    return ReaderResult(frame, left_out)


def stations(paths: Sequence[Path]) -> ReaderResult:
    """Mean temperature at weather stations."""
    return _values(paths[0], ("meanT",))


def elevation(paths: Sequence[Path]) -> ReaderResult:
    """Metres."""
    return _values(paths[0], ("elevation",))


def population(paths: Sequence[Path]) -> ReaderResult:
    """Logarithm of the density."""
    return _values(paths[0], ("log_population",))


def mosaiks(paths: Sequence[Path]) -> ReaderResult:
    """Tables of TorchSpatial, whose target is called labels."""
    return _values(paths[0], ("labels",))


def countries(paths: Sequence[Path]) -> ReaderResult:
    """Countries by number, 0 at sea."""
    return _classes(paths[0], "country", 0)


def biomes(paths: Sequence[Path]) -> ReaderResult:
    """Biomes by number, -1 at sea."""
    return _classes(paths[0], "biome_class_index", -1)


def ecoregions(paths: Sequence[Path]) -> ReaderResult:
    """Ecoregions by number, -1 at sea."""
    return _classes(paths[0], "ecoregion_class_index", -1)


def median_income(paths: Sequence[Path]) -> ReaderResult:
    """Household income of 2016 at the points of the census gazetteer."""
    import pandas as pd

    gazetteer = paths[-1]
    raw = read_frame(gazetteer, "\t")
    places = pd.DataFrame(
        {
            "FIPS": _numbers(_column(raw, ("GEOID",), gazetteer), gazetteer),
            "lon": _numbers(_column(raw, LON, gazetteer), gazetteer),
            "lat": _numbers(_column(raw, LAT, gazetteer), gazetteer),
        }
    )
    return _counties(paths[:-1], places)


def median_income_at_centroids(paths: Sequence[Path]) -> ReaderResult:
    """The same at the centroids of the open edition."""
    table = shipped_frame("median_income")
    places = table[["lon", "lat"]].assign(FIPS=table["fips"].astype(str).astype(np.float64))
    return _counties(paths, places)


def _counties(paths: Sequence[Path], places: pd.DataFrame) -> ReaderResult:
    joined = places
    for path, (key, *wanted) in zip(paths, COUNTY_COLUMNS.values(), strict=True):
        raw = read_frame(path)
        table = raw[[]].assign(FIPS=_numbers(_column(raw, (key,), path), path))
        for name in wanted:
            table[name] = _numbers(_column(raw, (name,), path), path)
        if table["FIPS"].duplicated().any():
            raise TaskError(f"{path} has a county twice")
        joined = joined.merge(table, on="FIPS", how="left")
    complete = joined.notna().all(axis=1)
    west, east, south, north = BOX
    lon, lat = joined["lon"], joined["lat"]
    inside = (lon > west) & (lon < east) & (lat > south) & (lat < north)
    frame = joined[complete & inside]
    out = frame[["lon", "lat"]].assign(target=frame["MedianIncome2016"] / 1000)
    left_out = {
        "not complete": int((inside & ~complete).sum()),
        "outside the contiguous states": int((~inside).sum()),
    }
    return ReaderResult(out.reset_index(drop=True), left_out)
