"""Card of the task biomes."""

from __future__ import annotations

from satclip_bench.tasks.base import EditionCard, TaskCard
from satclip_bench.tasks.open_edition.sources import NATURAL_EARTH, WWF_DIFFERENCE, WWF_ECOREGIONS
from satclip_bench.tasks.paper_edition.citations import ECOREGIONS_CITATION
from satclip_bench.tasks.paper_edition.files import BIOMES
from satclip_bench.tasks.paper_edition.sources import ECOREGIONS_PROCESSING, ECOREGIONS_SOURCE

CARD = TaskCard(
    name="biomes",
    title="Biomes",
    description="Terrestrial biome of a point.",
    task_type="classification",
    target="biome",
    unit="class",
    metric="accuracy",
    extent="global",
    region="continent",
    citation=ECOREGIONS_CITATION,
    paper_rows=32_798,
    paper_source="Biomes of Dinerstein et al. 2017 at 100,000 points, of which 32,798 lie on land; "
    "the paper does not say whether ocean counts as a class",
    editions={
        "open": EditionCard(
            rows=10_000,
            sources=(WWF_ECOREGIONS, NATURAL_EARTH),
            differs_from_paper=WWF_DIFFERENCE,
            processing="14 biomes, from the third and fourth character of the ecoregion code. "
            "Continents as in the task countries.",
            uniform_draw=True,
            file="biomes.parquet",
            sha256="3b9793445a9255ec28e8ebc434e5ae3d8ad86f086432ccfe412841bd72789d58",
            classes=14,
        ),
        "paper": EditionCard(
            rows=32_798,
            sources=(ECOREGIONS_SOURCE,),
            differs_from_paper="",
            processing=ECOREGIONS_PROCESSING,
            repeated_points="as in the authors' table",
            variants=BIOMES,
        ),
    },
)
