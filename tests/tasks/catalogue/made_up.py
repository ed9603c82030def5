"""Small tables of the layouts that the catalogues' publishers describe, with made-up values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from satclip_bench.tasks.catalogue.entries import Table, read_catalogue

ROWS = 60
BOXES = {
    "global": ((-100.0, 40.0, 20.0), (20.0, 48.0, 20.0)),
    "contiguous United States": ((-120.0, 38.0, 4.0), (-80.0, 38.0, 4.0)),
}
"""Longitude, latitude and half a side in degrees of the two squares that points lie in."""
ELSEWHERE = ((20.0, 5.0, 8.0),)


def points(extent: str, rows: int = ROWS) -> tuple[Any, Any]:
    """Longitudes and latitudes in two regions."""
    rng = np.random.default_rng(7)
    boxes = BOXES.get(extent, ELSEWHERE)
    box = np.array([boxes[row % len(boxes)] for row in range(rows)])
    side = rng.uniform(-1, 1, (2, rows)) * box[:, 2]
    return box[:, 0] + side[0], box[:, 1] + side[1]


def table_of(table: Table, rows: int = ROWS) -> pd.DataFrame:
    """The columns of one table of CoordBench: its own, and those of the source beside them."""
    lon, lat = points(table.extent, rows)
    frame = pd.DataFrame(
        {
            "lon": lon,
            "lat": lat,
            "timestamp": pd.array([None] * rows, dtype="Int64"),
            "timestamp_end": pd.array([None] * rows, dtype="Int64"),
            "split": pd.array([None] * rows, dtype="string"),
            "id": [f"row-{row}" for row in range(rows)],
            # Columns of the source stay, so that there are two of a kind.
            "Longitude": lon,
            "x": lon,
        }
    )
    for number, target in enumerate(table.targets):
        is_class = table.task_type == "classification"
        values = np.arange(rows) % 3 + 1 if is_class else lat / 10 + number
        frame[target.columns[0]] = values.astype(np.float64)
        if target.missing is not None:
            frame.loc[4, target.columns[0]] = target.missing
    return frame


def write_coordbench(folder: Path) -> None:
    """Write all tables of CoordBench, `<config>.parquet`."""
    for table in read_catalogue("coordbench").tables:
        table_of(table).to_parquet(folder / f"{table.file}.parquet", index=False)


def write_usavars(folder: Path) -> None:
    """Write all tables of USAVars, `<label>.csv`; two have no places of their own."""
    for table in read_catalogue("usavars").tables:
        (target,) = table.targets
        lon, lat = points(table.extent)
        frame = pd.DataFrame({"ID": [f"{row},{row + 1}" for row in range(ROWS)]})
        if not table.coordinates:
            frame["lon"], frame["lat"] = lon, lat
        frame[target.columns[0]] = lat
        frame.loc[4, target.columns[0]] = -999.0
        frame.to_csv(folder / f"{table.file}.csv", index=True)
