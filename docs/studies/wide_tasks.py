"""The tables of docs/tasks.md on what the tasks outside the paper add.

    python docs/studies/wide_tasks.py targets
    python docs/studies/wide_tasks.py sources

`targets` prints the association of the tasks' targets with one another, over the places that two
tables share or, for tables with other points, over pairs of places up to 25 km apart.

`sources` prints the cross-checks on the cards: targets against other sources at the same places. It
reads the packages that the tables are built from, and downloads them if they are missing.
"""

from __future__ import annotations

import sys
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from satclip_bench.core.sphere import chord_to_km, unit_vectors
from satclip_bench.tasks import OPEN_TASKS, SHIPPED_TASKS, WIDE_TASKS, TaskTable, get_task
from satclip_bench.tasks.builder import rasters, wide
from satclip_bench.tasks.builder.crosscheck import agreement
from satclip_bench.tasks.builder.distributions import distributions_dir
from satclip_bench.tasks.builder.rasters import read_months

WITHIN_KM = 25.0
COUNTY_KM = 10.0
MIN_PAIRS = 300
"""Fewest pairs of places from which an association is computed."""

MANY_CLASSES = ("countries", "ecoregions")
"""Tasks whose classes are so many and so small that every smooth map differs between them."""


def paired_rows(
    first: TaskTable, second: TaskTable, within_km: float = WITHIN_KM
) -> tuple[NDArray[np.int64], NDArray[np.int64], bool]:
    """Rows of the same place in two tables, and whether the places are the same or only near."""
    from scipy.spatial import cKDTree

    chord, nearest = cKDTree(unit_vectors(second.lonlat)).query(unit_vectors(first.lonlat))
    km = chord_to_km(np.asarray(chord))
    shared = bool(np.mean(km < 1e-3) > 0.5)
    rows = np.flatnonzero(km <= (1e-3 if shared else within_km))
    return rows, np.asarray(nearest)[rows], shared


def association(
    a: NDArray[np.float64] | NDArray[np.int64],
    b: NDArray[np.float64] | NDArray[np.int64],
    *,
    a_is_class: bool,
    b_is_class: bool,
) -> float:
    """Strength of the association of two targets, 0 to 1, corrected for the number of classes.

    The absolute value of Spearman's correlation of two numbers; the root of epsilon squared, the
    corrected correlation ratio of Kelley (1935), of the ranks of a number over classes; Cramer's V
    of two classes as corrected by Bergsma (2013).
    """
    from scipy.stats import rankdata, spearmanr

    if not a_is_class and not b_is_class:
        return float(abs(spearmanr(a, b).statistic))
    if a_is_class and b_is_class:
        return corrected_cramers_v(np.asarray(pd.crosstab(a, b)))
    number, classes = (b, a) if a_is_class else (a, b)
    ranks = pd.Series(rankdata(number))
    groups = ranks.groupby(np.asarray(classes))
    within = float(((ranks - groups.transform("mean")) ** 2).sum()) / (len(ranks) - groups.ngroups)
    return float(np.sqrt(max(0.0, 1 - within / float(ranks.var()))))


def corrected_cramers_v(counts: NDArray[np.int64]) -> float:
    """Cramer's V of a table of counts, corrected for its bias (Bergsma 2013)."""
    from scipy.stats import chi2_contingency

    n = counts.sum()
    rows, columns = counts.shape
    phi2 = chi2_contingency(counts, correction=False).statistic / n
    phi2 = max(0.0, phi2 - (rows - 1) * (columns - 1) / (n - 1))
    rows_corrected = rows - (rows - 1) ** 2 / (n - 1)
    columns_corrected = columns - (columns - 1) ** 2 / (n - 1)
    return float(np.sqrt(phi2 / (min(rows_corrected, columns_corrected) - 1)))


def print_targets() -> None:
    """Print the associations of wide tasks with all tasks with enough places in common."""
    tables = {name: get_task(name).load() for name in SHIPPED_TASKS}
    found: dict[tuple[str, str], str] = {}
    for one, other in combinations(SHIPPED_TASKS, 2):
        rows, others, shared = paired_rows(tables[one], tables[other])
        if len(rows) < MIN_PAIRS:
            continue
        value = association(
            tables[one].target[rows],
            tables[other].target[others],
            a_is_class=tables[one].classes is not None,
            b_is_class=tables[other].classes is not None,
        )
        found[one, other] = found[other, one] = f"{value:.2f}{'' if shared else '*'}"
    columns = [task for task in OPEN_TASKS if task not in MANY_CLASSES]
    print("| | " + " | ".join(columns) + " | closest outside the paper |")
    print("|---" * (len(columns) + 2) + "|")
    for task in WIDE_TASKS:
        cells = [found.get((task, other), "") for other in columns]
        strength, closest = max((found.get((task, other), ""), other) for other in WIDE_TASKS)
        print(f"| {task} | " + " | ".join([*cells, f"{closest} {strength}"]) + " |")


def print_sources() -> None:
    """Print the agreement of targets with other sources."""
    folder = distributions_dir()
    land, airports = get_task("elevation").load(), get_task("airport_elevation").load()
    altitude = rasters.altitude_at(rasters.read_altitude(folder), airports.lonlat)
    known = np.isfinite(altitude)
    print("airports, elevation grid:", agreement(numbers(airports)[known], altitude[known]))
    difference = np.abs(airports.target - altitude)
    print(f"  share that differs by more than 500 m: {np.nanmean(difference > 500):.3f}")
    mean = rasters.era5_at(rasters.read_temperature(folder), land.lonlat)
    other = wide.stressor("T_ambient_mean", folder, land.lonlat)
    known = np.isfinite(other)
    print("pvcz, ERA5:", agreement(other[known], mean[known]))
    for task, reference in (("zip_density", "county_density"), ("zip_income", "median_income")):
        first, second = get_task(task).load(), get_task(reference).load()
        rows, others, _ = paired_rows(first, second, COUNTY_KM)
        print(f"{task}, {reference}:", agreement(numbers(first)[rows], numbers(second)[others]))
    zones = wide.koppen_geiger(folder, land.lonlat)
    groups = main_groups(
        *(
            np.stack([rasters.era5_at(month, land.lonlat) for month in read_months(folder, name)])
            for name in ("t2m", "tp")
        ),
        north=land.lonlat[:, 1] >= 0,
    )
    known = zones != ""
    same = np.mean(
        [zone[0] == group for zone, group in zip(zones[known], groups[known], strict=True)]
    )
    print(f"main groups of zones, ERA5: {same:.3f} of {known.sum()} points")


def numbers(table: TaskTable) -> NDArray[np.float64]:
    """Targets of a regression, `(N,)`."""
    return np.asarray(table.target, dtype=np.float64)


def main_groups(
    celsius: NDArray[np.float64], mm: NDArray[np.float64], *, north: NDArray[np.bool_]
) -> NDArray[np.str_]:
    """Main groups A to E of Köppen-Geiger, `(n,)` (Kottek et al. 2006, Table 1).

    Args:
        celsius: `(12, n)` monthly mean temperatures.
        mm: `(12, n)` monthly precipitation.
        north: `(n,)`, whether the points are on the northern hemisphere.
    """
    annual = mm.sum(axis=0)
    april_to_september = mm[3:9].sum(axis=0)
    summer = np.where(north, april_to_september, annual - april_to_september) / annual
    more = np.where(summer >= 2 / 3, 280, np.where(summer <= 1 / 3, 0, 140))
    dry = annual < 20 * celsius.mean(axis=0) + more
    coldest, warmest = celsius.min(axis=0), celsius.max(axis=0)
    return np.select(
        [warmest < 10, dry, coldest >= 18, coldest > -3], ["E", "B", "A", "C"], default="D"
    )


if __name__ == "__main__":
    if sys.argv[1:] == ["targets"]:
        print_targets()
    elif sys.argv[1:] == ["sources"]:
        print_sources()
    else:
        sys.exit(__doc__)
