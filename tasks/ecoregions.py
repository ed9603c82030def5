"""Card of the task ecoregions."""

from __future__ import annotations

from satclip_bench.tasks.base import EditionCard, TaskCard
from satclip_bench.tasks.open_edition.sources import NATURAL_EARTH, WWF_DIFFERENCE, WWF_ECOREGIONS
from satclip_bench.tasks.paper_edition.citations import ECOREGIONS_CITATION
from satclip_bench.tasks.paper_edition.files import ECOREGIONS
from satclip_bench.tasks.paper_edition.sources import ECOREGIONS_PROCESSING, ECOREGIONS_SOURCE

CARD = TaskCard(
    name="ecoregions",
    title="Ecoregions",
    description="Terrestrial ecoregion of a point.",
    task_type="classification",
    target="ecoregion",
    unit="class",
    metric="accuracy",
    extent="global",
    region="continent",
    citation=ECOREGIONS_CITATION,
    paper_rows=32_798,
    paper_source="Ecoregions of Dinerstein et al. 2017 at 100,000 points, of which 32,798 lie on "
    "land; the paper does not say whether ocean counts as a class",
    editions={
        "open": EditionCard(
            rows=10_000,
            sources=(WWF_ECOREGIONS, NATURAL_EARTH),
            differs_from_paper=WWF_DIFFERENCE,
            processing="Classes by name. Ecoregions in which none of the 10,000 points lies, "
            "because they are small, are not classes; all others are. The points are those of the "
            "task biomes. Continents as in the task countries.",
            uniform_draw=True,
            file="ecoregions.parquet",
            sha256="21d710aeb57497c09ab78c82f6d906f13c176c88d5dd56f38fabfa18044f3fc3",
            classes=669,
        ),
        "paper": EditionCard(
            rows=32_798,
            sources=(ECOREGIONS_SOURCE,),
            differs_from_paper="",
            processing=ECOREGIONS_PROCESSING,
            repeated_points="as in the authors' table",
            variants=ECOREGIONS,
        ),
    },
)
