"""Card of the task Köppen-Geiger zones."""

from __future__ import annotations

from satclip_bench.tasks.base import EditionCard, TaskCard
from satclip_bench.tasks.open_edition.sources import ALTITUDE, NATURAL_EARTH
from satclip_bench.tasks.wide.sources import ELEVATION_POINTS, KOPPEN_GEIGER

CARD = TaskCard(
    name="koppen_geiger",
    title="Köppen-Geiger zones",
    description="Köppen-Geiger climate zone of a point, such as Cfb.",
    task_type="classification",
    target="climate zone",
    unit="class",
    metric="accuracy",
    extent="global",
    region="continent",
    citation="Rubel, Brugger, Haslinger and Auer 2017, Meteorologische Zeitschrift 26, 115-125",
    caveats="Zones are thresholds on monthly temperature and precipitation, so that an encoder of"
    " the climate can tell them. The rarest zones have five or six points.",
    related="Air temperature differs between zones (correlation ratio .93 at points up to 25 km "
    "apart), and so does precipitation (.89); with biomes, Cramér's V is .49.",
    editions={
        "open": EditionCard(
            rows=9_995,
            sources=(KOPPEN_GEIGER, ALTITUDE, NATURAL_EARTH),
            differs_from_paper="",
            processing=f"{ELEVATION_POINTS}. The zone of the cell of 100 arc-seconds that contains"
            " the point; five points in cells of ocean are left out. The main group (the first "
            "letter) equals that of the monthly means of ERA5, 2000-2025, at 90.3 % of the "
            "points.",
            uniform_draw=True,
            file="koppen_geiger.parquet",
            sha256="567a1204a14111ce0ac87b0488d904d4aba807b3ce5022f88b2b04440f684268",
            classes=31,
        ),
    },
)
