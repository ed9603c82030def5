"""A pretraining that takes a second, on images that show their location."""

from __future__ import annotations

from typing import Any

import numpy as np

from satclip_bench.encoders.pretraining.config import PretrainConfig, parse_config
from satclip_bench.encoders.pretraining.sources.base import InMemory, Pairs, fingerprint


def config(**changes: Any) -> PretrainConfig:
    """A small config with some changes: sections are updated, other values replaced."""
    content: dict[str, Any] = {
        "name": "tiny",
        "data": {"source": "bluemarble", "pixels": 8},
        "held_out": {"fraction": 0.2},
        "image": {"kind": "cnn", "widths": [8, 16]},
        "location": {
            "degrees": 4,
            "width": 24,
            "dimension": 16,
            "first_frequency": 3,
            "dropout": 0.1,
        },
        "augment": {"flips": False, "brightness": 0.1, "jitter_degrees": 0.5},
        "training": {"epochs": 3, "batch_size": 32, "learning_rate": 0.01, "threads": 1},
    }
    for key, value in changes.items():
        # Nothing is kept from a section with another data source.
        old = {} if isinstance(value, dict) and "source" in value else content.get(key, {})
        content[key] = old | value if isinstance(value, dict) else value
    return parse_config(content, "the test's config")


def pairs(n: int = 200, seed: int = 0, side: int = 8) -> Pairs:
    """Images whose three bands are a point's unit vector, and noise."""
    rng = np.random.default_rng(seed)
    z = rng.uniform(-1, 1, n)
    lon = rng.uniform(-180, 180, n)
    lonlat = np.stack([lon, np.degrees(np.arcsin(z))], axis=1)
    r, phi = np.sqrt(1 - z**2), np.radians(lon)
    vectors = np.stack([r * np.cos(phi), r * np.sin(phi), z], axis=1)
    images = 128 + 90 * vectors[:, :, None, None] + rng.normal(0, 8, (n, 3, side, side))
    array = np.clip(images, 0, 255).astype(np.uint8)
    return Pairs(lonlat, InMemory(array), 255.0, "the test's", "", fingerprint(lonlat, array))
