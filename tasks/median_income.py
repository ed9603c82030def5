"""Card of the task median income."""

from __future__ import annotations

from satclip_bench.tasks.base import CrossCheck, EditionCard, TaskCard
from satclip_bench.tasks.open_edition.sources import COUNTIES
from satclip_bench.tasks.paper_edition.files import MEDIAN_INCOME
from satclip_bench.tasks.paper_edition.sources import COUNTY_TABLES

CARD = TaskCard(
    name="median_income",
    title="Median income",
    description="Median income of US counties.",
    task_type="regression",
    target="median family income of 1989",
    unit="1,000 US dollars",
    metric="r2",
    extent="contiguous United States",
    region="census region",
    citation="Jia and Benson 2020, Residual Correlation in Graph Neural Network Regression, KDD",
    paper_rows=3100,
    paper_source="Median household income of 2016, about 3,100 contiguous counties (Jia and "
    "Benson 2020)",
    editions={
        "open": EditionCard(
            rows=3085,
            sources=(COUNTIES,),
            differs_from_paper="Family income of 1989, not household income of 2016; the same "
            "unit, the county. Counties were preferred to 30,191 ZIP areas (2020-24), which are "
            "newer and more numerous, because the paper's unit is the county and polygons give "
            "exact centroids. The 3,085 units differ from the paper's: New York City is one unit, "
            "some independent cities of Virginia are merged with the counties around them, a few "
            "pairs of counties had not yet been separated (La Paz and Yuma, Cibola and Valencia), "
            "and the island counties Dukes, Nantucket and San Juan are missing.",
            processing="The exponential of the file's logarithm, rounded to whole dollars; a point "
            "is the polygon's centroid in the Albers equal-area projection (EPSG:5070).",
            file="median_income.parquet",
            sha256="1de8237fd2f816c050040f931a4c6eef6bbfce32b896c4cdc3b4c11e89271247",
            target_range=(10.0, 65.0),
            cross_checks=(
                CrossCheck(
                    against="the paper's MedianIncome2016, by FIPS code",
                    within_km=0,
                    points=3082,
                    pearson_r=0.858,
                ),
            ),
        ),
        "paper": EditionCard(
            rows=3_107,
            sources=(COUNTY_TABLES,),
            differs_from_paper="",
            processing="Joined on FIPS; complete counties of 2016 within -130 < lon < -50 and "
            "22 < lat < 50; household income in 1,000 dollars. Census regions are those of the "
            "nearest county of the open edition.",
            target="median household income of 2016",
            target_range=(10.0, 200.0),
            variants=MEDIAN_INCOME,
        ),
    },
)
