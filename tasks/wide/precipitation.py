"""Card of the task precipitation."""

from __future__ import annotations

from satclip_bench.tasks.base import EditionCard, TaskCard
from satclip_bench.tasks.open_edition.sources import ALTITUDE, NATURAL_EARTH
from satclip_bench.tasks.wide.sources import ELEVATION_POINTS, ERA5_PRECIPITATION

CARD = TaskCard(
    name="precipitation",
    title="Precipitation",
    description="Mean annual precipitation, rain and snow.",
    task_type="regression",
    target="logarithm of 1 + annual precipitation",
    unit="ln(1 + mm per year)",
    metric="r2",
    extent="global",
    region="continent",
    citation="Hersbach et al. 2020, The ERA5 global reanalysis, QJRMS 146, 1999-2049",
    caveats="Precipitation of a reanalysis is a forecast of its model, with very high values on "
    "steep tropical slopes: 14,000 mm a year in New Guinea. The logarithm keeps a few such points"
    " from deciding the score, and gives the driest deserts weight instead.",
    related="Not air temperature (rank correlation .09 at points up to 25 km apart) and not "
    "elevation (-.09), but the Köppen-Geiger zones explain most of it (.89), and land cover much "
    "(.81).",
    editions={
        "open": EditionCard(
            rows=10_000,
            sources=(ERA5_PRECIPITATION, ALTITUDE, NATURAL_EARTH),
            differs_from_paper="",
            processing=f"{ELEVATION_POINTS}. Sum of the twelve monthly means, interpolated "
            "bilinearly between grid points. The packaged file's attribute says metres; its "
            "values are millimetres per month.",
            uniform_draw=True,
            file="precipitation.parquet",
            sha256="5a4b554b026545101a2f0ce051f633fc24915a8f092ff06daf64b065c9ef800c",
            target_range=(0.0, 10.0),
        ),
    },
)
