"""Card of the task air temperature."""

from __future__ import annotations

from satclip_bench.tasks.base import CrossCheck, EditionCard, Source, TaskCard
from satclip_bench.tasks.open_edition.sources import ERA5, NATURAL_EARTH
from satclip_bench.tasks.paper_edition.citations import HOOKER
from satclip_bench.tasks.paper_edition.files import AIR_TEMPERATURE

CARD = TaskCard(
    name="air_temperature",
    title="Air temperature",
    description="Annual mean air temperature two metres above ground.",
    task_type="regression",
    target="annual mean air temperature",
    unit="degrees Celsius",
    metric="r2",
    extent="global",
    region="continent",
    citation=HOOKER,
    paper_rows=3076,
    paper_source="Mean temperature at 3,076 weather stations (Hooker et al. 2018)",
    editions={
        "open": EditionCard(
            rows=10_000,
            sources=(ERA5, NATURAL_EARTH),
            differs_from_paper="A reanalysis (ERA5, mean of 2000-2025) at points uniform over "
            "land, instead of weather stations, which are concentrated in Europe and North "
            "America.",
            processing="Monthly means weighted by days, interpolated bilinearly between grid "
            "points. The packaged file's attribute says kelvin; its values are degrees Celsius. "
            "Continents as in the task countries.",
            uniform_draw=True,
            file="air_temperature.parquet",
            sha256="e594ae155a1c44dfd270e0c8e9b16ebe16d1eecf0a1bf9516bf4849e9b8af113",
            target_range=(-30.0, 36.0),
            cross_checks=(
                CrossCheck(
                    against="the paper's stations (meanT)",
                    within_km=25,
                    points=350,
                    pearson_r=0.989,
                    note="bias +0.8 degrees: another period, and stations are at low elevations",
                ),
            ),
        ),
        "paper": EditionCard(
            rows=3076,
            sources=(
                Source(
                    name="Station data of Hooker et al. 2018",
                    url="https://doi.org/10.1038/sdata.2018.246",
                    licence="CC-BY-4.0",
                    attribution=HOOKER,
                ),
            ),
            differs_from_paper="",
            processing="Continents are those of the nearest point of the open edition.",
            variants=AIR_TEMPERATURE,
            target_range=(-35.0, 40.0),
        ),
    },
)
