"""Card of the task unemployment."""

from __future__ import annotations

from satclip_bench.tasks.base import EditionCard, TaskCard
from satclip_bench.tasks.open_edition.sources import COUNTIES
from satclip_bench.tasks.wide.sources import COUNTY_UNITS

CARD = TaskCard(
    name="county_unemployment",
    title="Unemployment",
    description="Unemployment rate of US counties.",
    task_type="regression",
    target="unemployment rate of 1990",
    unit="percent",
    metric="r2",
    extent="contiguous United States",
    region="census region",
    citation=COUNTIES.attribution,
    caveats=f"{COUNTY_UNITS}",
    related="Rank correlation -.44 with median income and .55 with income inequality, over the "
    "same counties.",
    editions={
        "open": EditionCard(
            rows=3_085,
            sources=(COUNTIES,),
            differs_from_paper="",
            processing="Column UE90.",
            file="county_unemployment.parquet",
            sha256="faf9a27b4d4524db4bc6308f33d6d63a847c577a3ca1b67d674a5542a3286b93",
            target_range=(0.0, 35.0),
        ),
    },
)
