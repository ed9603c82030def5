"""Supervised location encoders of TorchSpatial, from five of its released checkpoints."""

from __future__ import annotations

from typing import Any, NamedTuple

from satclip_bench.core.download.cards import on_github
from satclip_bench.encoders.base import EncoderCard, WeightsCard, require_variant
from satclip_bench.encoders.csp import DIMENSION, SpatialCheckpoint

REPOSITORY = "seai-lab/TorchSpatial"
COMMIT = "9f8d83361d84da2524596ad099d797d550e76139"

CITATION = (
    "Wu et al. 2024, TorchSpatial: A Location Encoding Framework and Benchmark for Spatial "
    "Representation Learning, NeurIPS, arXiv 2406.15658"
)

_DATA = {
    "fmow": "Functional Map of the World: locations and 62 classes of buildings and land use",
    "yfcc": "YFCC100M-GEO100: locations of Flickr photographs and 100 classes of what they show",
}


class _Variant(NamedTuple):
    encoding: str
    title: str
    folder: str
    file: str
    sha256: str
    bytes: int


_VARIANTS = {
    "nerf-fmow": _Variant(
        "nerf",
        "NeRF",
        "nerf",
        "model_fmow_NeRF_inception_v3_0.0100_64_0.0500000_1_256.pth.tar",
        "eba782d3a4bce1c39f66996e9d265ee61e1070a9b15bd4a27a539363bba4293c",
        1298962,
    ),
    "space2vec-grid-yfcc": _Variant(
        "space2vec.grid",
        "Space2Vec grid",
        "space2vec_grid",
        "model_yfcc_Space2Vec-grid_inception_v3_0.0100_64_0.0050000_360.000_1_512_BATCH4096_"
        "leakyrelu.pth.tar",
        "89d5cdb312dd644b9d226aea94b5c5394b4a1ca56ffd3385fb89059e9e69293f",
        3492856,
    ),
    "space2vec-theory-fmow": _Variant(
        "space2vec.theory",
        "Space2Vec theory",
        "space2vec_theory",
        "model_fmow_Space2Vec-theory_inception_v3_0.0200_64_0.0001000_360.000_1_512_BATCH8192_"
        "leakyrelu.pth.tar",
        "26e3428edddfb7392ff2487bcc40ca6e7eafcc9d77992d5d0a7d194fcb359156",
        4162618,
    ),
    "sphere2vec-spherecplus-fmow": _Variant(
        "sphere2vec.cplus",
        "Sphere2Vec C+",
        "sphere2vec_sphereCplus",
        "model_fmow_Sphere2Vec-sphereC+_inception_v3_0.0050_64_0.0001000_1_512.pth.tar",
        "2aa874bf24ba1865a039ee4165cb805f453d9dae24d3e4284648dd0bfe06e616",
        4156366,
    ),
    "sphere2vec-spherem-fmow": _Variant(
        "sphere2vec.m",
        "Sphere2Vec M",
        "sphere2vec_sphereM",
        "model_fmow_Sphere2Vec-sphereM_inception_v3_0.0050_64_0.0001000_1_512.pth.tar",
        "4ed216c86f8d06ae43e429bc83355783529327e133843e6d1ddda91c170610b8",
        3763150,
    ),
}

VARIANTS = tuple(_VARIANTS)


def from_variant(variant: str, **options: Any) -> SpatialCheckpoint:
    """Make the encoder `torchspatial.<variant>`, such as `sphere2vec-spherem-fmow`.

    Raises:
        UnknownNameError: there is no such variant.
    """
    require_variant("torchspatial", variant, VARIANTS)
    settings = _VARIANTS[variant]
    dataset = variant.rpartition("-")[2]
    member = f"pre_trained_models/{settings.folder}/{settings.file}"
    card = EncoderCard(
        name=f"torchspatial.{variant}",
        title=f"TorchSpatial {settings.title} ({dataset})",
        dimension=DIMENSION,
        description=f"{settings.title} and a feed-forward network, trained with labels on "
        f"{dataset}; the embedding is the input of the class matrix.",
        citation=CITATION,
        licence="MIT",
        training_data=_DATA[dataset],
        weights=WeightsCard(
            file=f"{variant}.pth.tar",
            sha256=settings.sha256,
            bytes=settings.bytes,
            licence="MIT by the repository's licence file; its readme puts data products under "
            "CC BY-NC 4.0, and does not say whether checkpoints are such",
            by_hand=f"The file is {member} of github.com/{REPOSITORY}.",
            origins=on_github(REPOSITORY, COMMIT, member),
        ),
    )
    return SpatialCheckpoint(card, settings.encoding, **options)
