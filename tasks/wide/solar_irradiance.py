"""Card of the task solar irradiance."""

from __future__ import annotations

from satclip_bench.tasks.base import EditionCard, TaskCard
from satclip_bench.tasks.open_edition.sources import ALTITUDE, NATURAL_EARTH
from satclip_bench.tasks.wide.sources import (
    CLIMATE_STRESSORS,
    STRESSOR_CHECK,
    STRESSOR_PROCESSING,
)

CARD = TaskCard(
    name="solar_irradiance",
    title="Solar irradiance",
    description="Mean solar irradiance on a horizontal surface.",
    task_type="regression",
    target="mean global horizontal irradiance, 2010-2018",
    unit="kWh per m2 and day",
    metric="r2",
    extent="global",
    region="continent",
    citation=CLIMATE_STRESSORS.attribution,
    caveats="Radiation of a land surface model, driven by satellite and reanalysis data, not of "
    "pyranometers.",
    related="Rank correlation .81 with air temperature at points up to 25 km apart, and .63 with "
    "maximum temperature and -.18 with precipitation at the same points.",
    editions={
        "open": EditionCard(
            rows=9_411,
            sources=(CLIMATE_STRESSORS, ALTITUDE, NATURAL_EARTH),
            differs_from_paper="",
            processing=f"{STRESSOR_PROCESSING}. Column GHI_mean.",
            uniform_draw=True,
            file="solar_irradiance.parquet",
            sha256="79fd8ce56dc89d139fbee48d29947d70e025dc80103720b8690ebb725791ee5b",
            target_range=(0.0, 10.0),
            cross_checks=(STRESSOR_CHECK,),
        ),
    },
)
