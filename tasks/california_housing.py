"""Card of the task California housing."""

from __future__ import annotations

from satclip_bench.tasks.base import EditionCard, TaskCard
from satclip_bench.tasks.open_edition.sources import CALIFORNIA

_TABLE = EditionCard(
    rows=20_640,
    sources=(CALIFORNIA,),
    differs_from_paper="",
    processing="None: all rows in their original order, six further columns as side features.",
    file="california_housing.parquet",
    sha256="90ffcc4c32a2930bdf1e2fbd8fd0fa96f58fb245132bf46e4168f4869cb7bcb9",
    target_range=(0.14999, 5.00001),
    repeated_points="block groups whose published coordinates, rounded to 0.01 degrees, "
    "coincide; the table is the paper's",
)
"""The table that ships equals the paper's, row by row."""

CARD = TaskCard(
    name="california_housing",
    title="California housing",
    description="Median house value of Californian census block groups, capped at 500,001.",
    task_type="regression",
    target="median house value of 1990",
    unit="100,000 US dollars",
    metric="r2",
    extent="California",
    region="equal-area block",
    block_degrees=2.0,
    citation="Pace and Barry 1997, Sparse spatial autoregressions, Statistics & Probability "
    "Letters 33, 291-297",
    paper_rows=20_640,
    paper_source="The same table (Pace and Barry 1997)",
    editions={
        "open": _TABLE,
        "paper": _TABLE,
    },
)
