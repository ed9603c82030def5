"""Card of the task ZIP population density."""

from __future__ import annotations

from satclip_bench.tasks.base import CrossCheck, EditionCard, TaskCard
from satclip_bench.tasks.open_edition.sources import COUNTIES
from satclip_bench.tasks.wide.sources import ZIP_AREAS, ZIP_CENTROIDS, ZIP_PROCESSING

CARD = TaskCard(
    name="zip_density",
    title="ZIP population density",
    description="Population density of US ZIP areas, counted by the census.",
    task_type="regression",
    target="logarithm of population density of 2010",
    unit="ln(people per km2)",
    metric="r2",
    extent="contiguous United States",
    region="census region",
    citation="US Census Bureau, 2010 census",
    caveats="ZIP areas are small where many people live, so that most points are in or near towns.",
    related="Rank correlation .82 with the density of counties and .73 with the task "
    "population_density, a proxy, at points up to 25 km apart; .26 with the income of the same "
    "areas.",
    editions={
        "open": EditionCard(
            rows=10_000,
            sources=(ZIP_AREAS, ZIP_CENTROIDS, COUNTIES),
            differs_from_paper="",
            processing=f"{ZIP_PROCESSING}. Areas without people or land are left out.",
            file="zip_density.parquet",
            sha256="b47bccc708c55913c539fc5515279bd09a3ff842474ecde7cbab42b5d6240437",
            target_range=(-6.0, 12.0),
            cross_checks=(
                CrossCheck(
                    against="the task county_density",
                    within_km=10,
                    points=2_048,
                    pearson_r=0.876,
                ),
            ),
        ),
    },
)
