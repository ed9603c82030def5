"""Card of the task airport elevation."""

from __future__ import annotations

from satclip_bench.tasks.base import CrossCheck, EditionCard, TaskCard
from satclip_bench.tasks.open_edition.sources import NATURAL_EARTH
from satclip_bench.tasks.wide.sources import AIRPORTS

CARD = TaskCard(
    name="airport_elevation",
    title="Airport elevation",
    description="Elevation of airports and landing strips: measurements at points, where people "
    "live and fly, and not values of a grid.",
    task_type="regression",
    target="elevation above mean sea level",
    unit="metres",
    metric="r2",
    extent="global",
    region="continent",
    citation="Borsetti, airportsdata, github.com/mborsetti/airportsdata",
    caveats="The source warns that elevations are often wrong; some are metres that are taken for"
    " feet. Airports are not uniform over land: a third are in North America.",
    related="The same quantity as the task elevation (rank correlation .89 at points up to 25 km "
    "apart), at other places and from another source.",
    editions={
        "open": EditionCard(
            rows=10_864,
            sources=(AIRPORTS, NATURAL_EARTH),
            differs_from_paper="",
            processing="One random airport in each cell of an equal-area grid of about 55 km. "
            "Airports are left out if their elevation is zero, which mostly means that it is "
            "unknown, and outside the countries of Natural Earth or within 25 km of points of the"
            " development set. Feet are converted to metres. Continents as in the task countries.",
            file="airport_elevation.parquet",
            sha256="7012a048797d83d4b304723bf111d84afae809061de6b5db3389eb84fdbb6637",
            target_range=(-430.0, 5_500.0),
            cross_checks=(
                CrossCheck(
                    against="the elevation grid of the task elevation, at the airports",
                    within_km=0,
                    points=10_795,
                    pearson_r=0.971,
                    note="bias -28 m: airports lie in valleys; 1.8 % differ by more than 500 m",
                ),
            ),
        ),
    },
)
