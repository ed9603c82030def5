"""Card of the task income inequality."""

from __future__ import annotations

from satclip_bench.tasks.base import EditionCard, TaskCard
from satclip_bench.tasks.open_edition.sources import COUNTIES
from satclip_bench.tasks.wide.sources import COUNTY_UNITS

CARD = TaskCard(
    name="county_gini",
    title="Income inequality",
    description="Gini index of family income in US counties.",
    task_type="regression",
    target="Gini index of family income of 1989",
    unit="Gini index, 0 to 1",
    metric="r2",
    extent="contiguous United States",
    region="census region",
    citation=COUNTIES.attribution,
    caveats=f"{COUNTY_UNITS}",
    related="Rank correlation -.70 with median income, over the same counties.",
    editions={
        "open": EditionCard(
            rows=3_085,
            sources=(COUNTIES,),
            differs_from_paper="",
            processing="Column GI89.",
            file="county_gini.parquet",
            sha256="a8ae40dd0d755a4b43f3f8052a0cb1e845b39d5c06b321632de4f2adffe4ea8b",
            target_range=(0.0, 1.0),
        ),
    },
)
