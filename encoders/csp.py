"""CSP, and checkpoints of the code base that it shares with Space2Vec and Sphere2Vec."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from satclip_bench.core.device import torch_device
from satclip_bench.core.download.cards import UrlOrigin
from satclip_bench.core.errors import EncoderError
from satclip_bench.encoders.base import EncoderCard, WeightsCard, require_variant
from satclip_bench.encoders.layers.feed_forward import FeedForward, feed_forward
from satclip_bench.encoders.layers.per_device import PerDevice
from satclip_bench.encoders.positional import ENCODINGS, geometric, octaves
from satclip_bench.encoders.weights.files import PretrainedEncoder, load_trainer

PREFIX = "spa_enc.ffn."
DIMENSION = 256

ENCODING_NAMES = {
    "gridcell": "space2vec.grid",
    "theory": "space2vec.theory",
    "Space2Vec-grid": "space2vec.grid",
    "Space2Vec-theory": "space2vec.theory",
    "Sphere2Vec-sphereC": "sphere2vec.c",
    "Sphere2Vec-sphereC+": "sphere2vec.cplus",
    "Sphere2Vec-sphereM": "sphere2vec.m",
    "NeRF": "nerf",
}
"""Names of encodings in checkpoints, mapped to keys of `ENCODINGS`."""

NERF_FREQUENCIES = 16
"""Number of frequencies of the released NeRF encoder, which ignores the checkpoint's setting."""


class SpatialCheckpoint(PretrainedEncoder):
    """A positional encoding and a feed-forward network from a `.pth.tar` checkpoint.

    The embedding is the output of the spatial encoder, before the class matrix. The settings in the
    checkpoint determine the network.

    Args:
        card: metadata of the encoder.
        encoding: encoding that the checkpoint must have, one of the values of `ENCODING_NAMES`.
        weights: checkpoint on disk; by default the one in the cache.
    """

    def __init__(self, card: EncoderCard, encoding: str, weights: str | Path | None = None) -> None:
        super().__init__(weights)
        self.card = card
        self._encoding = encoding

    @cached_property
    def _loaded(self) -> tuple[NDArray[np.float64], PerDevice[FeedForward]]:
        path = self._weights_file
        tensors, settings = load_trainer(path)
        encoding = ENCODING_NAMES.get(str(settings.get("spa_enc_type")))
        if encoding != self._encoding:
            raise EncoderError(
                f"{path} has spa_enc_type={settings.get('spa_enc_type')!r}; "
                f"{self.card.name} needs {self._encoding}. Give a checkpoint of that encoder."
            )
        frequencies = _frequencies(encoding, settings, path)
        columns = ENCODINGS[encoding][1] * len(frequencies)
        network = feed_forward(
            tensors, PREFIX, columns, self.card.dimension, settings, where=str(path)
        )
        return frequencies, PerDevice(network.to)

    @override
    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.float32]:
        import torch

        device = torch_device()
        frequencies, network = self._loaded
        # The released code rounds degrees to float32 first, which is visible at the highest
        # frequencies, up to 10,000 per degree. It computes sines in float64, the rest in float32.
        rounded = lonlat.astype(np.float32).astype(np.float64)
        features = ENCODINGS[self._encoding][0](rounded, frequencies).astype(np.float32)
        with torch.inference_mode():
            result = network.on(device)(torch.from_numpy(features).to(device))
        embedding: NDArray[np.float32] = result.cpu().numpy()
        return embedding


def _frequencies(encoding: str, settings: Mapping[str, Any], path: Path) -> NDArray[np.float64]:
    if encoding == "nerf":
        return octaves(NERF_FREQUENCIES)
    if settings.get("freq_init") != "geometric":
        raise EncoderError(f"{path} has freq_init={settings.get('freq_init')!r}, not 'geometric'")
    number, low, high = (settings.get(k) for k in ("frequency_num", "min_radius", "max_radius"))
    if not (isinstance(number, int) and number > 1 and _positive(low) and _positive(high)):
        raise EncoderError(
            f"{path} has frequency_num={number!r}, min_radius={low!r}, max_radius={high!r}: "
            "no frequencies can be computed from these"
        )
    return geometric(number, float(low or 0), float(high or 0))


def _positive(value: object) -> bool:
    return isinstance(value, int | float) and 0 < value < np.inf


CITATION = (
    "Mai et al. 2023, CSP: Self-Supervised Contrastive Spatial Pre-Training for Geospatial-Visual "
    "Representations, ICML, arXiv 2305.01118"
)

_ZIP = (
    "https://www.dropbox.com/scl/fi/rdig1ezmywm9avc8qubi6/model_dir.zip"
    "?rlkey=p8k16a5ifi69e08rnvu8rvt86&dl=1"
)

# Title, file in the authors' archive, training data, contaminated tasks.
_VARIANTS: dict[str, tuple[str, str, str, tuple[str, ...]]] = {
    "fmow": (
        "CSP (fMoW)",
        "model_fmow/model_fmow_gridcell_0.0010_32_0.1000000_1_512_gelu_UNSUPER-contsoftmax_"
        "0.000050_1.000_1_0.100_TMP1.0000_1.0000_1.0000.pth.tar",
        "training set of the Functional Map of the World: satellite images and their locations",
        (),
    ),
    "inat": (
        "CSP (iNat)",
        "model_inat_2018/model_inat_2018_gridcell_0.0010_32_0.1000000_1_512_leakyrelu_UNSUPER-"
        "contsoftmax_0.000500_1.000_1_1.000_TMP20.0000_1.0000_1.0000.pth.tar",
        "training set of iNaturalist 2018: images of species and their locations",
        ("inaturalist",),
    ),
}

VARIANTS = tuple(_VARIANTS)


def from_variant(variant: str, **options: Any) -> SpatialCheckpoint:
    """Make the encoder `csp.<variant>`: `fmow` or `inat`, pretrained without labels.

    Raises:
        UnknownNameError: there is no such variant.
    """
    require_variant("csp", variant, VARIANTS)
    title, member, data, contaminates = _VARIANTS[variant]
    card = EncoderCard(
        name=f"csp.{variant}",
        title=title,
        dimension=DIMENSION,
        description="Space2Vec grid at 32 scales and a feed-forward network, trained to match "
        "images without labels (CSP-MC-BLD).",
        citation=CITATION,
        licence="none stated",
        training_data=data,
        contaminates=contaminates,
        weights=WeightsCard(
            file=f"csp-{variant}.pth.tar",
            sha256=None,
            licence="none stated",
            by_hand="gengchenmai.github.io/csp-website links the archive with the file.",
            origins=(UrlOrigin(url=_ZIP, member=f"*{member}"),),
        ),
        verified=False,
    )
    return SpatialCheckpoint(card, "space2vec.grid", **options)
