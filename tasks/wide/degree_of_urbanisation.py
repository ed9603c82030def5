"""Card of the task degree of urbanisation."""

from __future__ import annotations

from satclip_bench.tasks.base import EditionCard, TaskCard
from satclip_bench.tasks.open_edition.sources import NATURAL_EARTH
from satclip_bench.tasks.wide.sources import DEGURBA

CARD = TaskCard(
    name="degree_of_urbanisation",
    title="Degree of urbanisation",
    description="Whether a place is an urban centre, a suburb, a village or open country: seven "
    "classes, as many points of each.",
    task_type="classification",
    target="degree of urbanisation of 2025, level 2",
    unit="class",
    metric="accuracy",
    extent="global",
    region="continent",
    citation="European Commission, Joint Research Centre 2025, GHS-WUP Projections Data Package "
    "2025, doi:10.2905/1c049178-ab00-4bbc-b638-3e3c19daaacb",
    caveats="Classes differ within a kilometre, which is finer than most encoders resolve. "
    "Classes have equal shares here; over all land, nine in ten points are very-low-density "
    "rural. The values of 2025 are a projection.",
    related="Population density differs between classes (correlation ratio .60, and .67 for that "
    "of ZIP areas, at points up to 25 km apart); climate hardly does.",
    editions={
        "open": EditionCard(
            rows=9_800,
            sources=(DEGURBA, NATURAL_EARTH),
            differs_from_paper="",
            processing="Centres of 1,400 random cells, of about 1.5 km2, of each class on land. "
            "Cells outside the countries of Natural Earth or within 25 km of points of the "
            "development set are left out. All classes equal those that the package itself looks "
            "up at the points.",
            file="degree_of_urbanisation.parquet",
            sha256="c5368dfaa4000bae5889a09478099bfe84d383402e6cc208bd588c5e13796342",
            classes=7,
        ),
    },
)
