"""References for timing: the code released with encoders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.errors import BenchError
from satclip_bench.encoders.layers.siren import random_siren
from satclip_bench.encoders.untrained import CAPACITY, DIMENSION

Job = Callable[[NDArray[np.float64]], object]


def random_satclip(path: Path, degrees: int, seed: int = 0) -> Path:
    """Write a checkpoint with random weights, in the layout and shapes of a released SatCLIP.

    Args:
        path: file to write.
        degrees: number of degrees of the spherical harmonics, L.
        seed: seed of the weights.

    Returns:
        The path.

    Raises:
        BenchError: the file cannot be written.
    """
    import torch

    network = random_siren((degrees**2, CAPACITY, CAPACITY, DIMENSION), seed)
    state = {}
    for i, layer in enumerate(("layers.0", "layers.1", "last_layer")):
        state[f"model.location.nnet.{layer}.weight"] = network.weights[i]
        state[f"model.location.nnet.{layer}.bias"] = network.biases[i]
    settings = {
        "le_type": "sphericalharmonics",
        "pe_type": "siren",
        "harmonics_calculation": "analytic",
        "legendre_polys": degrees,
        "min_radius": 1,
        "max_radius": 360,
        "frequency_num": 16,
        "embed_dim": DIMENSION,
        "capacity": CAPACITY,
        "num_hidden_layers": 2,
    }
    try:
        torch.save({"state_dict": state, "hyper_parameters": settings}, path)
    except (OSError, RuntimeError) as error:
        raise BenchError(f"{path} cannot be written: {error}") from error
    return path


def rangegeo_reference(path: Path) -> Job | None:
    """Job that runs SatCLIP's released code in float64, or None if `rangegeo` is not installed."""
    try:
        from rangegeo.satclip.load import load_satclip_location_encoder
    except ImportError:
        return None
    import torch

    model = load_satclip_location_encoder(path)

    def job(lonlat: NDArray[np.float64]) -> object:
        with torch.inference_mode():
            return model(torch.from_numpy(lonlat))

    return job


def geoclip_reference() -> Job | None:
    """Job that runs GeoCLIP's released class and weights, or None if `geoclip` is not installed."""
    try:
        from geoclip import LocationEncoder
    except ImportError:
        return None
    import torch

    model = LocationEncoder().eval()

    def job(lonlat: NDArray[np.float64]) -> object:
        latlon = torch.from_numpy(np.ascontiguousarray(lonlat[:, ::-1], dtype=np.float32))
        with torch.inference_mode():
            return model(latlon)

    return job
