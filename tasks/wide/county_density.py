"""Card of the task county population density."""

from __future__ import annotations

from satclip_bench.tasks.base import CrossCheck, EditionCard, TaskCard
from satclip_bench.tasks.open_edition.sources import COUNTIES
from satclip_bench.tasks.wide.sources import COUNTY_UNITS

CARD = TaskCard(
    name="county_density",
    title="County population density",
    description="Population density of US counties, counted by the census.",
    task_type="regression",
    target="logarithm of population density of 1990",
    unit="ln(people per km2)",
    metric="r2",
    extent="contiguous United States",
    region="census region",
    citation=COUNTIES.attribution,
    caveats=f"{COUNTY_UNITS}",
    related="Rank correlation .85 with the task population_density, a proxy, at points up to 25 "
    "km apart, and .56 with median income, over the same counties.",
    editions={
        "open": EditionCard(
            rows=3_085,
            sources=(COUNTIES,),
            differs_from_paper="",
            processing="Column DNL90, whose unit is the logarithm of people per square mile, less"
            " the logarithm of 2.59.",
            file="county_density.parquet",
            sha256="deac952bad69d40cf18bc1853fbfb03c4d8946ba9c4bd57a253363e74e886856",
            target_range=(-4.0, 10.0),
            cross_checks=(
                CrossCheck(
                    against="the task zip_density",
                    within_km=10,
                    points=2_048,
                    pearson_r=0.876,
                ),
            ),
        ),
    },
)
