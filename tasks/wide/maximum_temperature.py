"""Card of the task maximum temperature."""

from __future__ import annotations

from satclip_bench.tasks.base import EditionCard, TaskCard
from satclip_bench.tasks.open_edition.sources import ALTITUDE, NATURAL_EARTH
from satclip_bench.tasks.wide.sources import (
    CLIMATE_STRESSORS,
    STRESSOR_CHECK,
    STRESSOR_PROCESSING,
)

CARD = TaskCard(
    name="maximum_temperature",
    title="Maximum temperature",
    description="Highest air temperature of nine years.",
    task_type="regression",
    target="highest three-hourly air temperature, 2010-2018",
    unit="degrees Celsius",
    metric="r2",
    extent="global",
    region="continent",
    citation=CLIMATE_STRESSORS.attribution,
    caveats="An extreme of one model run: one hot afternoon decides the value of a cell.",
    related="Rank correlation .77 with air temperature at points up to 25 km apart, and .63 with "
    "solar irradiance at the same points.",
    editions={
        "open": EditionCard(
            rows=9_411,
            sources=(CLIMATE_STRESSORS, ALTITUDE, NATURAL_EARTH),
            differs_from_paper="",
            processing=f"{STRESSOR_PROCESSING}. Column T_ambient_max.",
            uniform_draw=True,
            file="maximum_temperature.parquet",
            sha256="4604efe6e5fa65d6a1861f19d92f6341f6d748b425e2493ebaa55bf30a647ca6",
            target_range=(-10.0, 60.0),
            cross_checks=(STRESSOR_CHECK,),
        ),
    },
)
