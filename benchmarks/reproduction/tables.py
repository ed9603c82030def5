"""The tables of papers, as far as they are at hand: the one place that knows their files.

A table that is not the paper's own rows says so in its caveat, which goes into every row that is
measured on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.errors import TaskError
from core.files import sha256_bytes
from core.sphere import check_lonlat, chord_to_km, unit_vectors
from tasks import TaskTable, get_task, list_tasks

if TYPE_CHECKING:
    import pandas as pd

REGION_SOURCES = ("countries", "air_temperature", "elevation", "population_density", "biomes")
"""Tasks whose open edition has points uniform over land with the continent of each."""
NEAREST = 5
FAR_KM = 100.0

US_BOX = (-126.04, -65.57, 24.05, 49.61)
"""West, east, south, north in degrees, of Climplicit's population points."""


@dataclass(frozen=True)
class PaperTable:
    """A table and how it differs from the paper's own.

    Attributes:
        table: with the points in the order of the file.
        caveat: empty where it is the paper's own, row by row.
    """

    table: TaskTable
    caveat: str = ""


@lru_cache(maxsize=16)
def paper_table(name: str, data_dir: Path | None) -> PaperTable:
    """A paper's table.

    Args:
        name: a task whose shipped or placed table is the papers' own, or a key of `READERS`.
        data_dir: folder with the tables that do not ship.

    Raises:
        BenchError: it is not at hand; says why.
    """
    if name in READERS:
        return READERS[name](data_dir)
    task = get_task(name)
    if "open" in task.card.editions and not task.card.editions["open"].differs_from_paper:
        return PaperTable(task.load())
    if "paper" not in task.card.editions:
        raise TaskError(f"the papers' own table of {name} cannot be loaded yet")
    if data_dir is None:
        raise TaskError(f"the papers' own table of {name} does not ship: name its --data-dir")
    return PaperTable(get_task(name, "paper", data_dir).load())


def nearest_continents(lonlat: NDArray[np.float64]) -> tuple[NDArray[np.str_], int]:
    """The continent of each point, after Natural Earth, and for how many it is doubtful.

    A point has the continent of the nearest point of the open edition. It is doubtful where that
    lies more than 100 km off, or the five nearest do not agree.

    Args:
        lonlat: `(N, 2)` degrees, longitude first.
    """
    from scipy.spatial import KDTree

    known = [get_task(name).load() for name in REGION_SOURCES]
    names = np.concatenate([table.region for table in known if table.region is not None])
    tree = KDTree(unit_vectors(np.concatenate([table.lonlat for table in known])))
    chord, row = tree.query(unit_vectors(lonlat), k=NEAREST)
    found = names[row]
    torn = (found != found[:, :1]).any(axis=1)
    far = chord_to_km(np.asarray(chord)[:, 0]) > FAR_KM
    return found[:, 0], int((torn | far).sum())


def _stations(data_dir: Path | None) -> PaperTable:
    found = paper_table("air_temperature", data_dir)
    return _with_continents(found.table, "")


def _mosaiks(task: str, file: str) -> Callable[[Path | None], PaperTable]:
    def read(data_dir: Path | None) -> PaperTable:
        frame, digest = _csv(task, data_dir, f"mosaiks/{file}")
        caveat = (
            f"another sample of the same source: {len(frame):,} MOSAIKS points that TorchSpatial "
            f"tests on, not the paper's {get_task(task).card.paper_rows:,}"
        )
        return _with_continents(_table(task, frame, "labels", (digest,)), caveat)

    return read


def _us_population(data_dir: Path | None) -> PaperTable:
    frame, digest = _csv("population_density", data_dir, "mosaiks/population.csv")
    west, east, south, north = US_BOX
    frame = frame[frame["lon"].between(west, east) & frame["lat"].between(south, north)]
    frame = frame.assign(labels=np.expm1(frame["labels"]))
    caveat = (
        f"another source and far fewer points: people per km2 at {len(frame):,} MOSAIKS points in "
        "the paper's box, not GPW v4 at 100,000"
    )
    table = _table("population_density", frame, "labels", (digest, repr(US_BOX), "expm1"))
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


def _with_continents(table: TaskTable, caveat: str) -> PaperTable:
    region, doubtful = nearest_continents(table.lonlat)
    digest = sha256_bytes(f"{table.sha256} {sha256_bytes(chr(10).join(region).encode())}".encode())
    told = (
        f"continents from Natural Earth by the nearest point of the open edition, "
        f"{doubtful:,} of {len(table):,} doubtful"
    )
    return PaperTable(
        replace(table, region=region.copy(), sha256=digest), "; ".join(filter(None, (caveat, told)))
    )


def _csv(task: str, data_dir: Path | None, file: str) -> tuple[pd.DataFrame, str]:
    import io

    import pandas as pd

    if data_dir is None:
        raise TaskError(f"the papers' own table of {task} does not ship: name its --data-dir")
    try:
        content = (data_dir / file).read_bytes()
        return pd.read_csv(io.BytesIO(content)), sha256_bytes(content)
    except (OSError, ValueError) as error:
        raise TaskError(f"{data_dir / file} of task {task!r} cannot be read: {error}") from error


def _table(task: str, frame: pd.DataFrame, target: str, made_of: tuple[str, ...]) -> TaskTable:
    missing = {"lon", "lat", target} - set(frame.columns)
    if missing:
        raise TaskError(f"the table of {task} lacks the columns {', '.join(sorted(missing))}")
    return TaskTable(
        card=get_task(task).card,
        edition="paper",
        lonlat=check_lonlat(frame[["lon", "lat"]].to_numpy(dtype=np.float64)),
        target=frame[target].to_numpy(dtype=np.float64, copy=True),
        sha256=sha256_bytes(" ".join(made_of).encode()),
    )


READERS: Mapping[str, Callable[[Path | None], PaperTable]] = {
    "air_temperature+continents": _stations,
    "mosaiks.elevation": _mosaiks("elevation", "elevation.csv"),
    "mosaiks.population": _mosaiks("population_density", "population.csv"),
    "climplicit.population": _us_population,
    "climplicit.median_income": _median_income,
}
"""Tables that are more than a task's edition."""


def known_tables() -> tuple[str, ...]:
    """The names of all tables that can be asked for, whether their files are there or not."""
    return (*list_tasks(), *READERS)
