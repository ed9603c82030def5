"""Card of the task biomes."""

from __future__ import annotations

from satclip_bench.tasks.base import EditionCard, TaskCard
from satclip_bench.tasks.open_edition.sources import NATURAL_EARTH, WWF_ECOREGIONS
from satclip_bench.tasks.paper_edition.files import BIOMES
from satclip_bench.tasks.paper_edition.sources import ECOREGIONS_SOURCE

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
    citation="Dinerstein et al. 2017, An Ecoregion-Based Approach to Protecting Half the "
    "Terrestrial Realm, BioScience 67(6), 534-545",
    paper_rows=32_798,
    paper_source="Biomes of Dinerstein et al. 2017 at 100,000 points, of which 32,798 lie on land; "
    "the paper does not say whether ocean counts as a class",
    editions={
        "open": EditionCard(
            rows=10_000,
            sources=(WWF_ECOREGIONS, NATURAL_EARTH),
            differs_from_paper="WWF's map of 2001 (Olson et al.), not the revised map of 2017; "
            "points on land only, without Antarctica, lakes, rock and ice.",
            processing="14 biomes, from the third and fourth character of the ecoregion code. "
            "Continents as in the task countries.",
            file="biomes.parquet",
            sha256="3b9793445a9255ec28e8ebc434e5ae3d8ad86f086432ccfe412841bd72789d58",
            classes=14,
        ),
        "paper": EditionCard(
            rows=32_798,
            sources=(ECOREGIONS_SOURCE,),
            differs_from_paper="",
            processing="Land only: rows with class -1, the sea, are left out. Class names "
            "are numbers.",
            repeated_points="as in the authors' table",
            variants=BIOMES,
        ),
    },
)
