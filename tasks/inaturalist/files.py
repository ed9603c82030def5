"""Files of the iNaturalist 2018 competition, and where they are published.

Addresses, sizes and MD5 sums of the archives are copied from the competition's page,
github.com/visipedia/inat_comp, folder 2018; the organisers publish no hashes of the files inside.
"""

from __future__ import annotations

from satclip_bench.core.download.cards import RemoteFile, UrlOrigin
from satclip_bench.tasks.base import Variant

FOLDER = "inaturalist"
PARTS = ("train", "val")
LICENCE = (
    "iNaturalist 2018 competition: non-commercial research and education only; the iNaturalist "
    "terms of service hold"
)
CITATION = (
    "Van Horn et al. 2018, The iNaturalist Species Classification and Detection Dataset, CVPR; "
    "locations released for Mac Aodha, Cole and Perona 2019, ICCV"
)
_ADDRESS = "https://ml-inat-competition-datasets.s3.amazonaws.com/2018/"
_MD5 = {
    "train2018.json.tar.gz": "bfa29d89d629cbf04d826a720c0a68b0",
    "val2018.json.tar.gz": "f2ed8bfe3e9901cdefceb4e53cd3775d",
    "inat2018_locations.zip": "1704763abc47b75820aa5a3d93c6c0f3",
}


def _card(name: str, archive: str, member: str) -> RemoteFile:
    return RemoteFile(
        file=f"{FOLDER}/{name}",
        sha256=None,
        licence=LICENCE,
        citation=CITATION,
        origins=(UrlOrigin(url=_ADDRESS + archive, member=member),),
        by_hand=f"Unpack {_ADDRESS}{archive} (MD5 {_MD5[archive]}) and place its {member} as "
        f"<folder>/{FOLDER}/{name}.",
    )


def annotation_file(part: str) -> RemoteFile:
    """Card of the photographs of a set, `train` or `val`, and the species in each."""
    name = f"{part}2018.json"
    return _card(name, f"{name}.tar.gz", name)


def location_file(part: str) -> RemoteFile:
    """Card of the places where the photographs of a set were taken, as far as they are known."""
    name = f"{part}2018_locations.json"
    return _card(name, "inat2018_locations.zip", f"inat2018_locations/{name}")


COMPETITION = Variant(
    name="competition",
    files=tuple(card(part) for part in PARTS for card in (annotation_file, location_file)),
    reader="satclip_bench.tasks.inaturalist.competition:located",
    differs="",
)
"""Annotations and locations of the training set, then of the validation set."""
