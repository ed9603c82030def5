"""A table of points becomes a task, and encoders are compared on it.

    python examples/task_file.py FOLDER

writes day-length.csv, the hours of daylight at 600 places, into FOLDER, and prints a leaderboard.
Replace the table with yours: it needs columns lon and lat and one to predict.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import satclip_bench as sb

TILT = np.radians(23.44)
"""Latitude of the sun at the June solstice, the tilt of the earth's axis."""


def day_length(lat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Hours between sunrise and sunset at the June solstice.

    Args:
        lat: latitudes in degrees.
    """
    half_day = np.arccos(np.clip(-np.tan(np.radians(lat)) * np.tan(TILT), -1, 1))
    hours: NDArray[np.float64] = 24 * half_day / np.pi
    return hours


def make_table(rows: int, seed: int = 0) -> pd.DataFrame:
    """Places spread evenly over the sphere between 60° S and 60° N, and their hours of daylight."""
    rng = np.random.default_rng(seed)
    limit = np.sin(np.radians(60))
    lat = np.degrees(np.arcsin(rng.uniform(-limit, limit, rows)))
    # An observer's clock is off by some minutes.
    hours = day_length(lat) + rng.normal(scale=0.1, size=rows)
    return pd.DataFrame({"lon": rng.uniform(-180, 180, rows), "lat": lat, "hours": hours})


def main(folder: Path) -> None:
    """Write the table, evaluate three methods on it, and print their ranks."""
    path = folder / "day-length.csv"
    make_table(600).to_csv(path, index=False)
    frame = sb.evaluate(
        ["direct", "wrap", "baseline.knn"],
        tasks=[(path, "hours")],
        splits=["random", "blocks.20"],
        progress=False,
    )
    for split in ("random", "blocks.20"):
        board = sb.leaderboard(frame, split=split)
        print(f"{split}\n{board[['rank', 'encoder', 'metric', 'value']].round(3)}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
