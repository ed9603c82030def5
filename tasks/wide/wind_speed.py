"""Card of the task wind speed."""

from __future__ import annotations

from satclip_bench.tasks.base import EditionCard, TaskCard
from satclip_bench.tasks.open_edition.sources import ALTITUDE, NATURAL_EARTH
from satclip_bench.tasks.wide.sources import (
    CLIMATE_STRESSORS,
    STRESSOR_CHECK,
    STRESSOR_PROCESSING,
)

CARD = TaskCard(
    name="wind_speed",
    title="Wind speed",
    description="Wind speed near the ground.",
    task_type="regression",
    target="root mean square of wind speed, 2010-2018",
    unit="m/s",
    metric="r2",
    extent="global",
    region="continent",
    citation=CLIMATE_STRESSORS.attribution,
    caveats="Wind of a model with cells of 25 km, without valleys and ridges.",
    related="Rank correlation -.12 with air temperature at points up to 25 km apart and .05 with "
    "solar irradiance at the same points, but -.73 with precipitation: it is windy where it is "
    "dry.",
    editions={
        "open": EditionCard(
            rows=9_411,
            sources=(CLIMATE_STRESSORS, ALTITUDE, NATURAL_EARTH),
            differs_from_paper="",
            processing=f"{STRESSOR_PROCESSING}. Column wind_speed_rms.",
            uniform_draw=True,
            file="wind_speed.parquet",
            sha256="6fa88afa8f54cba8eb1873f4f3b9ce49dfdfb34b4807b357b76f592ea440cfc7",
            target_range=(0.0, 15.0),
            cross_checks=(STRESSOR_CHECK,),
        ),
    },
)
