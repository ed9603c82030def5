"""Compare the open edition's targets with the paper edition's at nearby points.

`python -m satclip_bench.tasks.builder.crosscheck --data-dir DIR`, where DIR contains
`air_temperature/stationDataAll.csv`, `mosaiks/elevation.csv`, `mosaiks/population.csv` and
`median_income/income.csv`. Prints the cross-checks on the task cards.
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
"""For each task: file, columns of longitude, latitude and value, and largest distance in km."""


def nearby(ours: Float, theirs: Float, within_km: float) -> tuple[NDArray[np.int64], ...]:
    """Rows of `ours` within `within_km` of a point of `theirs`, and the rows of these points."""
    from scipy.spatial import cKDTree

    chord, nearest = cKDTree(unit_vectors(theirs)).query(unit_vectors(ours))
    rows = np.flatnonzero(chord_to_km(np.asarray(chord)) <= within_km)
    return rows, np.asarray(nearest)[rows]


def compare(task: str, data_dir: Path) -> dict[str, object]:
    """Number of pairs, Pearson r, bias and RMSE of a task against the paper's table."""
    name, lon, lat, value, within_km = PAIRS[task]
    theirs = pd.read_csv(data_dir / name).dropna(subset=[lon, lat, value])
    ours = pd.read_parquet(OPEN_EDITION / f"{task}.parquet")
    rows, nearest = nearby(
        ours[["lon", "lat"]].to_numpy(), theirs[[lon, lat]].to_numpy(dtype=np.float64), within_km
    )
    a, b = ours["target"].to_numpy()[rows], theirs[value].to_numpy(dtype=np.float64)[nearest]
    return {"task": task, "against": name, "within_km": within_km} | agreement(a, b)


def compare_income(data_dir: Path) -> dict[str, object]:
    """Compare family incomes of 1989 with the paper's household incomes, by county FIPS code."""
    theirs = pd.read_csv(data_dir / "median_income" / "income.csv")
    ours = pd.read_parquet(OPEN_EDITION / "median_income.parquet")
    fips = theirs["FIPS"].astype(str).str.zfill(5)
    income = pd.to_numeric(theirs["MedianIncome2016"].astype(str).str.replace(",", ""), "coerce")
    value = dict(zip(fips, income, strict=True))
    both = ours.assign(paper=ours["fips"].astype(str).map(value)).dropna(subset="paper")
    result = agreement(both["target"].to_numpy(), both["paper"].to_numpy() / 1000)
    return {"task": "median_income", "against": "median_income/income.csv"} | result


def agreement(a: Float, b: Float) -> dict[str, object]:
    """Number, Pearson r, mean difference and RMSE of two columns of values."""
    return {
        "points": len(a),
        "pearson_r": round(float(np.corrcoef(a, b)[0, 1]), 3),
        "bias": round(float(np.mean(a - b)), 3),
        "rmse": round(float(np.sqrt(np.mean((a - b) ** 2))), 3),
    }


def main() -> int:
    """Print one JSON object per comparison, or the reason why it was skipped."""
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
            result = {"task": task, "skipped": f"{error.filename} is missing"}
        sys.stdout.write(json.dumps(result) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
