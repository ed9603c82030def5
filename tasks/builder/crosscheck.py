"""Hold shipped targets against the papers' own tables at nearby points.

`python -m satclip_bench.tasks.builder.crosscheck --data-dir DIR`, where DIR holds
`air_temperature/stationDataAll.csv`, `mosaiks/elevation.csv`, `mosaiks/population.csv` and
`median_income/income.csv`. The numbers on the task cards come from here.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from satclip_bench.core.sphere import chord_to_km, unit_vectors
from satclip_bench.tasks.open_edition.tables import OPEN_EDITION

Float = NDArray[np.float64]

PAIRS = {
    "air_temperature": ("air_temperature/stationDataAll.csv", "Lon", "Lat", "meanT", 25.0),
    "elevation": ("mosaiks/elevation.csv", "lon", "lat", "labels", 5.0),
    "population_density": ("mosaiks/population.csv", "lon", "lat", "labels", 5.0),
}
"""Task to file, its columns of longitude, latitude and value, and how near is near, in km."""


def nearby(ours: Float, theirs: Float, within_km: float) -> tuple[NDArray[np.int64], ...]:
    """Rows of `ours` that have a point of `theirs` within reach, and the nearest such point."""
    from scipy.spatial import cKDTree

    chord, nearest = cKDTree(unit_vectors(theirs)).query(unit_vectors(ours))
    rows = np.flatnonzero(chord_to_km(np.asarray(chord)) <= within_km)
    return rows, np.asarray(nearest)[rows]


def compare(task: str, data_dir: Path) -> dict[str, object]:
    """Number of pairs, Pearson r, bias and RMSE of a task against its table."""
    name, lon, lat, value, within_km = PAIRS[task]
    theirs = pd.read_csv(data_dir / name).dropna(subset=[lon, lat, value])
    ours = pd.read_parquet(OPEN_EDITION / f"{task}.parquet")
    rows, nearest = nearby(
        ours[["lon", "lat"]].to_numpy(), theirs[[lon, lat]].to_numpy(dtype=np.float64), within_km
    )
    a, b = ours["target"].to_numpy()[rows], theirs[value].to_numpy(dtype=np.float64)[nearest]
    return {"task": task, "against": name, "within_km": within_km} | agreement(a, b)


def compare_income(data_dir: Path) -> dict[str, object]:
    """Counties by FIPS code: family income of 1989 against the paper's household income."""
    theirs = pd.read_csv(data_dir / "median_income" / "income.csv")
    ours = pd.read_parquet(OPEN_EDITION / "median_income.parquet")
    fips = theirs["FIPS"].astype(str).str.zfill(5)
    income = pd.to_numeric(theirs["MedianIncome2016"].astype(str).str.replace(",", ""), "coerce")
    value = dict(zip(fips, income, strict=True))
    both = ours.assign(paper=ours["fips"].astype(str).map(value)).dropna(subset="paper")
    result = agreement(both["target"].to_numpy(), both["paper"].to_numpy() / 1000)
    return {"task": "median_income", "against": "median_income/income.csv"} | result


def agreement(a: Float, b: Float) -> dict[str, object]:
    """How two columns of values agree."""
    return {
        "points": len(a),
        "pearson_r": round(float(np.corrcoef(a, b)[0, 1]), 3),
        "bias": round(float(np.mean(a - b)), 3),
        "rmse": round(float(np.sqrt(np.mean((a - b) ** 2))), 3),
    }


def main() -> int:
    """Print one JSON object a comparison; a table that is absent is skipped, and said to be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    options = parser.parse_args()
    for task in (*PAIRS, "median_income"):
        try:
            result = (
                compare(task, options.data_dir)
                if task in PAIRS
                else compare_income(options.data_dir)
            )
        except FileNotFoundError as error:
            result = {"task": task, "skipped": f"{error.filename} is absent"}
        sys.stdout.write(json.dumps(result) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
