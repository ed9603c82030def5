"""Card of the task elevation."""

from __future__ import annotations

from satclip_bench.tasks.base import CrossCheck, EditionCard, TaskCard
from satclip_bench.tasks.open_edition.sources import ALTITUDE, NATURAL_EARTH
from satclip_bench.tasks.paper_edition.files import ELEVATION
from satclip_bench.tasks.paper_edition.sources import ELEVATION_SOURCE

CARD = TaskCard(
    name="elevation",
    title="Elevation",
    description="Height of the ground above sea level.",
    task_type="regression",
    target="elevation",
    unit="metres",
    metric="r2",
    extent="global",
    region="continent",
    citation="Rolf et al. 2021, A generalizable and accessible approach to machine learning with "
    "global satellite imagery, Nature Communications 12, 4392",
    paper_rows=100_000,
    paper_source="MOSAIKS elevation (Rolf et al. 2021), 100,000 points, 99,995 with a value",
    editions={
        "open": EditionCard(
            rows=10_000,
            sources=(ALTITUDE, NATURAL_EARTH),
            differs_from_paper="Another elevation model, with cells of 5 arc-minutes and steps of "
            "28 m, at points uniform over land.",
            processing="Metres are 28 v - 450, where v is the value of the cell that contains the "
            "point; points in cells without data are redrawn. Continents as in the task "
            "countries.",
            uniform_draw=True,
            file="elevation.parquet",
            sha256="efb85a781623966ca403caa5c16d18a062efbeda825ba8b39482b2cf97dade9b",
            target_range=(-450.0, 6700.0),
            cross_checks=(
                CrossCheck(
                    against="MOSAIKS elevation",
                    within_km=5,
                    points=321,
                    pearson_r=0.984,
                ),
            ),
        ),
        "paper": EditionCard(
            rows=99_995,
            sources=(ELEVATION_SOURCE,),
            differs_from_paper="",
            processing="Rows without a value are left out.",
            target_range=(-1000.0, 9000.0),
            repeated_points="as in the authors' table",
            variants=ELEVATION,
        ),
    },
)
