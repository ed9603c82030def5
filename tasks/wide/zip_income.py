"""Card of the task ZIP household income."""

from __future__ import annotations

from satclip_bench.tasks.base import EditionCard, TaskCard
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
    related="REL",
    editions={
        "open": EditionCard(
            rows=10_000,
            sources=(ZIP_INCOMES, ZIP_CENTROIDS, COUNTIES),
            differs_from_paper="",
            processing=f"{ZIP_PROCESSING}.",
            file="zip_income.parquet",
            sha256="f54e29ec409d46365187942178866c9403b9425d42652e054743929ada06bd0f",
            target_range=(0.0, 251.0),
        ),
    },
)
