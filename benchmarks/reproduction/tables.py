"""Tables that papers were evaluated on, as far as they are available.

If a table does not have the paper's own rows, its caveat says so, in every row of results that is
measured on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from satclip_bench.benchmarks.runs.tables import require_table
from satclip_bench.core.errors import TaskError
from satclip_bench.core.files import sha256_bytes
from satclip_bench.core.sphere import check_lonlat
from satclip_bench.tasks import TaskTable, get_task, list_tasks
from satclip_bench.tasks.paper_edition.loading import data_folder

if TYPE_CHECKING:
    import pandas as pd

US_BOX = (-126.04, -65.57, 24.05, 49.61)
"""West, east, south and north of Climplicit's population points, in degrees."""


@dataclass(frozen=True)
class PaperTable:
    """A table, and how it differs from the paper's own.

    Attributes:
        table: the table, with points in the order of the file.
        caveat: differences from the paper's own table; empty if it has the same rows.
    """

    table: TaskTable
    caveat: str = ""


@dataclass(frozen=True)
class PaperSource:
    """Which table of a paper to load.

    Attributes:
        name: name of the table, as in `paper_table`.
        data_dir: folder with the tables that do not ship.
        sha256: hash of the table when the run was planned; empty if any table will do.
    """

    name: str
    data_dir: Path | None = None
    sha256: str = ""

    def load(self) -> TaskTable:
        """The table, read once per process. Raises BenchError, also if it has another hash."""
        table = paper_table(self.name, self.data_dir).table
        require_table(table, self.sha256)
        return table


@lru_cache(maxsize=16)
def paper_table(name: str, data_dir: Path | None) -> PaperTable:
    """Load a paper's table, once per process.

    Args:
        name: name of a task whose table is the papers' own, or a key of `READERS`.
        data_dir: folder with the tables that do not ship.

    Raises:
        BenchError: the table is not available; the message says why.
    """
    if name in READERS:
        return READERS[name](data_dir)
    table = get_task(name, "paper", data_dir).load()
    if table.caveat:
        raise TaskError(f"the papers' own table of {name} is not available, but {table.caveat}")
    return PaperTable(table)


def _any_rows(task: str) -> Callable[[Path | None], PaperTable]:
    """Reader of a paper edition that may have other rows, which its caveat then describes."""

    def read(data_dir: Path | None) -> PaperTable:
        table = get_task(task, "paper", data_dir).load()
        size = f"{table.caveat} ({len(table):,})" if table.caveat else ""
        return PaperTable(table, "; ".join(filter(None, (size, *table.notes))))

    return read


def _us_population(data_dir: Path | None) -> PaperTable:
    whole = get_task("population_density", "paper", data_dir).load()
    west, east, south, north = US_BOX
    lon, lat = whole.lonlat.T
    inside = (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)
    table = TaskTable(
        card=whole.card,
        edition="paper",
        lonlat=whole.lonlat[inside],
        target=np.expm1(whole.target[inside]),
        sha256=sha256_bytes(f"{whole.sha256} {US_BOX!r} expm1".encode()),
    )
    caveat = (
        f"another source and far fewer points: people per km2 at {len(table):,} MOSAIKS points in "
        "the paper's box, not GPW v4 at 100,000"
    )
    return PaperTable(table, caveat)


def _median_income(data_dir: Path | None) -> PaperTable:
    frame, digest = _csv("median_income", data_dir, "median_income/unemployment.csv")
    centroids = get_task("median_income").load()
    import pandas as pd

    places = pd.DataFrame(centroids.lonlat, columns=["lon", "lat"]).assign(
        FIPS=centroids.features["fips"].astype(str).astype(np.int64)
    )
    joined = frame.merge(places, on="FIPS", how="inner")
    income = joined["Median_Household_Income_2017"].astype(str).str.replace(r"[$,]", "", regex=True)
    joined = joined.assign(income=pd.to_numeric(income) / 1000)
    caveat = (
        f"another year and other points: income of 2017, not 2021, of {len(joined):,} contiguous "
        "counties at the centroids of the open edition"
    )
    digests = (digest, centroids.sha256, "2017")
    return PaperTable(_table("median_income", joined, "income", digests), caveat)


def _csv(task: str, data_dir: Path | None, file: str) -> tuple[pd.DataFrame, str]:
    import io

    import pandas as pd

    if data_dir is None:
        data_dir = data_folder(None)
    try:
        content = (data_dir / file).read_bytes()
        return pd.read_csv(io.BytesIO(content)), sha256_bytes(content)
    except (OSError, ValueError) as error:
        raise TaskError(f"{data_dir / file} of task {task!r} cannot be read: {error}") from error


def _table(task: str, frame: pd.DataFrame, target: str, digests: tuple[str, ...]) -> TaskTable:
    missing = {"lon", "lat", target} - set(frame.columns)
    if missing:
        raise TaskError(f"the table of {task} has no columns {', '.join(sorted(missing))}")
    return TaskTable(
        card=get_task(task).card,
        edition="paper",
        lonlat=check_lonlat(frame[["lon", "lat"]].to_numpy(dtype=np.float64)),
        target=frame[target].to_numpy(dtype=np.float64, copy=True),
        sha256=sha256_bytes(" ".join(digests).encode()),
    )


READERS: Mapping[str, Callable[[Path | None], PaperTable]] = {
    **{
        f"{task}+any": _any_rows(task)
        for task in ("air_temperature", "elevation", "population_density")
    },
    "climplicit.population": _us_population,
    "climplicit.median_income": _median_income,
}
"""Readers of tables that are not simply the edition of a task, by name."""


def known_tables() -> tuple[str, ...]:
    """Names of all tables, whether or not their files are available."""
    return (*list_tasks(), *READERS)
