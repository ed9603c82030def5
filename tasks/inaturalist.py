"""iNaturalist species."""

from __future__ import annotations

from tasks.base import TaskCard

CARD = TaskCard(
    name="inaturalist",
    title="iNaturalist 2018",
    description="The species in a photograph, from where it was taken and, where features of the "
    "image are at hand, from what it shows.",
    kind="classification",
    target="species (8,142 classes)",
    unit="class",
    metric="top1",
    extent="global",
    region="continent",
    citation="Van Horn et al. 2018, The iNaturalist Species Classification and Detection Dataset, "
    "CVPR; locations released for Mac Aodha, Cole and Perona 2019, ICCV",
    paper_rows=461_939,
    paper_source="iNaturalist 2018 competition, 437,513 training and 24,426 validation photographs",
    editions={},
    needs="No package carries its labels. It needs train2018.json and val2018.json with their "
    "location files from the competition (github.com/visipedia/inat_comp, 2018), and a file of "
    "image features for anything beyond location. This version has no loader for them yet.",
)
