"""Where pairs of an image and a place come from."""

from __future__ import annotations

from collections.abc import Callable

from satclip_bench.encoders.pretraining.config import S2, BlueMarble, Data, GeoTiffs
from satclip_bench.encoders.pretraining.sources.base import Images, Pairs


def read_pairs(data: Data, seed: int, said: Callable[[str], None] = lambda _: None) -> Pairs:
    """The pairs that a config names.

    Args:
        data: which, and how.
        seed: of what is drawn.
        said: is told what takes long.

    Raises:
        BenchError: they are not there, or not what they should be; says which file.
    """
    if isinstance(data, BlueMarble):
        from satclip_bench.encoders.pretraining.sources.bluemarble import blue_marble_pairs

        return blue_marble_pairs(data, seed)
    if isinstance(data, S2):
        from satclip_bench.encoders.pretraining.sources.s2 import s2_pairs

        return s2_pairs(data, said)
    if isinstance(data, GeoTiffs):
        from satclip_bench.encoders.pretraining.sources.geotiffs import geotiff_pairs

        return geotiff_pairs(data)
    from satclip_bench.encoders.pretraining.sources.embeddings import embedding_pairs

    return embedding_pairs(data)


__all__ = ["Images", "Pairs", "read_pairs"]
