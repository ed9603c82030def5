"""SatCLIP's contrastive pretraining: images and their places in, a location encoder out.

>>> from pathlib import Path
>>> from encoders.pretraining import load_config, pretrain
>>> pretrain(load_config("small"), Path("results/pretrained/small"))  # doctest: +SKIP
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from encoders.pretraining.config import PretrainConfig, load_config, shipped_configs

if TYPE_CHECKING:
    from encoders.pretraining.export import Trained


def pretrain(config: PretrainConfig, out: Path, **options: Any) -> Trained:
    """As `encoders.pretraining.training.pretrain`, which imports torch."""
    from encoders.pretraining.training import pretrain as run

    return run(config, out, **options)


__all__ = ["PretrainConfig", "load_config", "pretrain", "shipped_configs"]
