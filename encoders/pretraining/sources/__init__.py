"""Sources of pairs of an image and its location."""

from __future__ import annotations

from collections.abc import Callable

from satclip_bench.encoders.pretraining.config import S2, BlueMarble, Data, GeoTiffs
from satclip_bench.encoders.pretraining.sources.base import Images, Pairs


def read_pairs(data: Data, seed: int, report: Callable[[str], None] = lambda _: None) -> Pairs:
    """Read the pairs of a config.

    Args:
        data: source of the pairs and its settings.
        seed: seed of random points.
        report: function that is called with a message before a slow step.

    Raises:
        BenchError: the data are missing or not valid; the message names the file.
    """
    if isinstance(data, BlueMarble):
        from satclip_bench.encoders.pretraining.sources.bluemarble import blue_marble_pairs

        return blue_marble_pairs(data, seed)
    if isinstance(data, S2):
        from satclip_bench.encoders.pretraining.sources.s2 import s2_pairs

        return s2_pairs(data, report)
    if isinstance(data, GeoTiffs):
        from satclip_bench.encoders.pretraining.sources.geotiffs import geotiff_pairs

        return geotiff_pairs(data)
    from satclip_bench.encoders.pretraining.sources.embeddings import embedding_pairs

    return embedding_pairs(data)


__all__ = ["Images", "Pairs", "read_pairs"]
