"""Embeddings of our own encoders are the same on other processors, up to float32's rounding."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from satclip_bench.encoders import get_encoder
from satclip_bench.encoders.layers.harmonics_siren import HarmonicsSiren
from satclip_bench.encoders.layers.siren import random_siren

ENCODERS = ("satclip-bluemarble.l10", "satclip-bluemarble.l40", "siren.l10", "siren.l40")

SCRIPT = """
import sys
import numpy as np
from satclip_bench.encoders import get_encoder

points = np.load(sys.argv[1])
np.savez(sys.argv[2], *(get_encoder(name).encode(points) for name in sys.argv[3:]))
"""


def random_points(count: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    lon, z = rng.uniform(-180, 180, count), rng.uniform(-1, 1, count)
    return np.stack([lon, np.degrees(np.arcsin(z))], axis=1)


def simple_processor() -> dict[str, str]:
    """Variables with which the libraries run the code that they have for an old processor."""
    extensions = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    return {
        "OPENBLAS_CORETYPE": "Prescott",
        "NPY_DISABLE_CPU_FEATURES": " ".join(extensions),
        "ATEN_CPU_CAPABILITY": "default",
    }


def test_another_processor_gives_the_same_embeddings(tmp_path: Path) -> None:
    points = random_points(1000)
    np.save(tmp_path / "points.npy", points)
    files = [str(tmp_path / name) for name in ("points.npy", "embeddings.npz")]
    subprocess.run(
        [sys.executable, "-c", SCRIPT, *files, *ENCODERS],
        env=os.environ | simple_processor(),
        check=True,
    )
    there = np.load(files[1])
    for i, name in enumerate(ENCODERS):
        here = get_encoder(name).encode(points)
        differ = here != there[f"arr_{i}"]
        # Values that lie between two float32 numbers may be rounded to either.
        assert differ.mean() < 1e-5, name
        np.testing.assert_array_max_ulp(here, there[f"arr_{i}"], maxulp=1)


def test_in_float32_the_order_of_summation_shows() -> None:
    """The reason why the encoders above do not use it: reordered sums change the last digits."""
    network, points = random_siren((100, 512, 512, 256), seed=0), random_points(500)
    shuffle = np.random.default_rng(1).permutation(512)
    reordered = random_siren((100, 512, 512, 256), seed=0)
    reordered.weights[0][:] = network.weights[0][shuffle]
    reordered.biases[0][:] = network.biases[0][shuffle]
    reordered.weights[1][:] = network.weights[1][:, shuffle]
    differ = {
        precision: np.mean(
            HarmonicsSiren(network, 10, precision)(points).astype(np.float32)
            != HarmonicsSiren(reordered, 10, precision)(points).astype(np.float32)
        )
        for precision in ("float32", "float64")
    }
    assert differ["float32"] > 0.1
    assert differ["float64"] < 1e-5
