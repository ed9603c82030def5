"""Card of the iNaturalist task. `files` has its files, `competition` reads them."""

from __future__ import annotations

from satclip_bench.tasks.base import EditionCard, Source, TaskCard
from satclip_bench.tasks.inaturalist.files import CITATION, COMPETITION, LICENCE

CARD = TaskCard(
    name="inaturalist",
    title="iNaturalist 2018",
    description="The species in a photograph, from the location where it was taken and, if image "
    "features are available, from the image.",
    task_type="classification",
    target="species (8,142 classes)",
    unit="class",
    metric="top1",
    extent="global",
    region="continent",
    citation=CITATION,
    paper_rows=461_939,
    paper_source="iNaturalist 2018 competition, 437,513 training and 24,426 validation photographs",
    editions={
        "paper": EditionCard(
            rows=461_939,
            sources=(
                Source(
                    name="iNaturalist 2018 competition, training and validation photographs",
                    url="https://github.com/visipedia/inat_comp/tree/master/2018",
                    licence=LICENCE,
                    attribution=CITATION,
                ),
            ),
            differs_from_paper="Photographs without a location are left out; the table's notes "
            "count them.",
            processing="Training photographs, then validation photographs, in the competition's "
            "order. The name of a class is the number of its category.",
            classes=8142,
            repeated_points="several photographs may be taken at the same place",
            variants=(COMPETITION,),
        ),
    },
    needs="Its labels do not ship. It needs train2018.json and val2018.json with their "
    "location files from the competition (github.com/visipedia/inat_comp, 2018): see "
    "docs/inaturalist.md. The command `species` evaluates it.",
)
