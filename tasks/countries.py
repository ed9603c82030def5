"""Card of the task countries."""

from __future__ import annotations

from satclip_bench.tasks.base import EditionCard, TaskCard
from satclip_bench.tasks.open_edition.sources import NATURAL_EARTH
from satclip_bench.tasks.paper_edition.files import COUNTRIES
from satclip_bench.tasks.paper_edition.sources import COUNTRIES_SOURCE

CARD = TaskCard(
    name="countries",
    title="Countries",
    description="Country of a point.",
    task_type="classification",
    target="country (Natural Earth ADM0_A3)",
    unit="class",
    metric="accuracy",
    extent="global",
    region="continent",
    citation="Klemmer et al. 2023, SatCLIP, arXiv 2311.17179v3, App. E",
    paper_rows=33_053,
    paper_source="Country of 100,000 points, of which 33,053 lie on land; the paper does not say "
    "whether ocean counts as a class",
    editions={
        "open": EditionCard(
            rows=10_000,
            sources=(NATURAL_EARTH,),
            differs_from_paper="Points on land only, without Antarctica; borders and continents of "
            "Natural Earth, which puts every country on one continent (all of Russia is in "
            "Europe, Turkey and Kazakhstan in Asia), including its overseas regions (French "
            "Guiana is in Europe).",
            processing="The country polygon that contains each point. Countries in which none of "
            "the 10,000 points lies, because they are small, are not classes; all others are.",
            uniform_draw=True,
            file="countries.parquet",
            sha256="062bbb1286561bbcb3253c42cf54badd911a2b05a145fc481a92cb204b0e93cc",
            classes=165,
        ),
        "paper": EditionCard(
            rows=33_053,
            sources=(COUNTRIES_SOURCE,),
            differs_from_paper="",
            processing="Land only: rows with class 0, the sea, are left out. Class names "
            "are numbers.",
            repeated_points="as in the authors' table",
            variants=COUNTRIES,
        ),
    },
)
