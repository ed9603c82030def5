"""Card of the task homicide rate."""

from __future__ import annotations

from satclip_bench.tasks.base import EditionCard, TaskCard
from satclip_bench.tasks.open_edition.sources import COUNTIES
from satclip_bench.tasks.wide.sources import COUNTY_UNITS

CARD = TaskCard(
    name="county_homicide",
    title="Homicide rate",
    description="Homicide rate of US counties.",
    task_type="regression",
    target="homicide rate of 1990, from the mean of three years",
    unit="homicides per 100,000 people",
    metric="r2",
    extent="contiguous United States",
    region="census region",
    citation=COUNTIES.attribution,
    caveats="In a county of few people a single homicide is a high rate, and 0 is common: much of"
    f" the variance is noise that no encoder can predict. {COUNTY_UNITS}",
    related="Rank correlation -.15 with median income, .34 with unemployment and .45 with income "
    "inequality, over the same counties.",
    editions={
        "open": EditionCard(
            rows=3_085,
            sources=(COUNTIES,),
            differs_from_paper="",
            processing="Column HR90.",
            file="county_homicide.parquet",
            sha256="1da9006706090abb3143f567ccf00ba973cd4e4fc3c98f04761518cb38c35a20",
            target_range=(0.0, 100.0),
        ),
    },
)
