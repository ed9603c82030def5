"""SatCLIP's contrastive pretraining of a location encoder from images and their locations.

>>> from pathlib import Path
>>> from satclip_bench.encoders.pretraining import load_config, pretrain
>>> pretrain(load_config("small"), Path("results/pretrained/small"))  # doctest: +SKIP
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from satclip_bench.encoders.pretraining.config import PretrainConfig, load_config, shipped_configs

if TYPE_CHECKING:
    from satclip_bench.encoders.pretraining.export import Trained


def pretrain(config: PretrainConfig, out: Path, **options: Any) -> Trained:
    """Train a location encoder: see `satclip_bench.encoders.pretraining.training.pretrain`.

    This function imports torch only when it is called.
    """
    from satclip_bench.encoders.pretraining.training import pretrain as run

    return run(config, out, **options)


__all__ = ["PretrainConfig", "load_config", "pretrain", "shipped_configs"]
