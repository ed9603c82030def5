"""Card of the task ZIP household income."""

from __future__ import annotations

from satclip_bench.tasks.base import CrossCheck, EditionCard, TaskCard
from satclip_bench.tasks.open_edition.sources import COUNTIES
from satclip_bench.tasks.wide.sources import ZIP_CENTROIDS, ZIP_INCOMES, ZIP_PROCESSING

CARD = TaskCard(
    name="zip_income",
    title="ZIP household income",
    description="Median household income of US ZIP areas.",
    task_type="regression",
    target="median household income, 2020-2024",
    unit="1,000 US dollars",
    metric="r2",
    extent="contiguous United States",
    region="census region",
    citation="US Census Bureau, American Community Survey 5-year estimates, table S1903",
    caveats="A sample survey: in areas of few people the values are noisy.",
    related="Rank correlation .55 with the income of counties in 1989 at points up to 25 km "
    "apart; .26 with the density of the same areas.",
    editions={
        "open": EditionCard(
            rows=10_000,
            sources=(ZIP_INCOMES, ZIP_CENTROIDS, COUNTIES),
            differs_from_paper="",
            processing=f"{ZIP_PROCESSING}.",
            file="zip_income.parquet",
            sha256="f54e29ec409d46365187942178866c9403b9425d42652e054743929ada06bd0f",
            target_range=(0.0, 251.0),
            cross_checks=(
                CrossCheck(
                    against="the task median_income, of 1989",
                    within_km=10,
                    points=2_051,
                    pearson_r=0.619,
                ),
            ),
        ),
    },
)
