"""How much embeddings differ between processors, for docs/satclip-numerics.md.

    python docs/studies/processors.py

The first table has the rounding error that each stage of a SIREN has in float32, relative to the
same stage in float64. The second has differences of embeddings between this processor and others,
which environment variables of OpenBLAS, NumPy, oneDNN and torch imitate by choosing the code that
those would run.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from satclip_bench.encoders import get_encoder
from satclip_bench.encoders.layers.harmonics_siren import (
    HarmonicsSiren,
    Precision,
    basis_factors,
)
from satclip_bench.encoders.layers.siren import Siren, random_siren, siren_from_tensors
from satclip_bench.encoders.layers.spherical_harmonics import real_harmonics
from satclip_bench.encoders.satclip import PREFIX
from satclip_bench.encoders.weights.shipped import SHIPPED
from satclip_bench.encoders.weights.tensors import load_safetensors

POINTS = 4000

WITHOUT_AVX512 = "X86_V4 AVX512_ICL"
"""NumPy's names of the instructions; it warns of those that this processor does not have."""
WITHOUT_AVX2 = f"X86_V3 {WITHOUT_AVX512}"

PROCESSORS: Mapping[str, Mapping[str, str]] = {
    "OpenBLAS with AVX2": {"OPENBLAS_CORETYPE": "Haswell"},
    "OpenBLAS with AVX": {"OPENBLAS_CORETYPE": "Sandybridge"},
    "OpenBLAS without AVX": {"OPENBLAS_CORETYPE": "Prescott"},
    "NumPy with AVX2": {"NPY_DISABLE_CPU_FEATURES": WITHOUT_AVX512},
    "NumPy without AVX2": {"NPY_DISABLE_CPU_FEATURES": WITHOUT_AVX2},
    "both with AVX2": {
        "OPENBLAS_CORETYPE": "Haswell",
        "NPY_DISABLE_CPU_FEATURES": WITHOUT_AVX512,
    },
    "both without AVX": {
        "OPENBLAS_CORETYPE": "Prescott",
        "NPY_DISABLE_CPU_FEATURES": WITHOUT_AVX2,
    },
    "torch with AVX2": {
        "ATEN_CPU_CAPABILITY": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    },
    "torch without AVX2": {
        "ATEN_CPU_CAPABILITY": "default",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "MKL_CBWR": "COMPATIBLE",
    },
}


def points() -> NDArray[np.float64]:
    """Points uniform over the sphere, `(POINTS, 2)` lonlat."""
    rng = np.random.default_rng(0)
    lon, z = rng.uniform(-180, 180, POINTS), rng.uniform(-1, 1, POINTS)
    return np.stack([lon, np.degrees(np.arcsin(z))], axis=1)


def networks() -> Iterator[tuple[str, int, Siren]]:
    """Name, degrees and network in float64 of the shipped and of the untrained encoders."""
    import torch

    for degrees in (10, 40):
        path = SHIPPED / f"satclip-bluemarble-l{degrees}.safetensors"
        tensors = load_safetensors(path)
        net = siren_from_tensors(tensors, PREFIX + "nnet.", degrees**2, str(path))
        yield f"satclip-bluemarble.l{degrees}", degrees, net.to(torch.float64)
    for degrees in (10, 40):
        yield f"siren.l{degrees}", degrees, random_siren((degrees**2, 512, 512, 256), seed=0)


def stages(
    net: Siren, degrees: int, basis: NDArray[np.float64], dtype: str
) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Values of every stage of a network over harmonics, `(n, width)`, in a precision."""
    x = basis.astype(dtype)
    yield "harmonics", x.astype(np.float64)
    last = len(net.weights) - 1
    for i, (weight, bias) in enumerate(zip(net.weights, net.biases, strict=True)):
        scale = net.first_frequency if i == 0 else 1.0
        factors = basis_factors(degrees) if i == 0 else 1.0
        x = x @ (weight.numpy() * factors * scale).astype(dtype).T
        x = x + (bias.numpy() * scale).astype(dtype)
        yield ("embedding" if i == last else f"argument of sine {i + 1}"), x.astype(np.float64)
        x = np.sin(x)


def print_stages() -> None:
    """Print the first table."""
    lonlat = points()
    rows: dict[str, list[str]] = {}
    names = []
    for name, degrees, net in networks():
        names.append(name)
        basis = real_harmonics(lonlat, degrees)
        pairs = zip(
            stages(net, degrees, basis, "float32"),
            stages(net, degrees, basis, "float64"),
            strict=True,
        )
        for (stage, single), (_, double) in pairs:
            size = np.sqrt((double**2).mean())
            error = np.sqrt(((single - double) ** 2).mean()) / size
            rows.setdefault(stage, []).append(f"{error:.1e} of {size:.2g}")
    print(f"| | {' | '.join(names)} |\n|---{'|---:' * len(names)}|")
    for stage, cells in rows.items():
        print(f"| {stage} | {' | '.join(cells)} |")


def embed(path: Path) -> None:
    """Write the embeddings of all paths, by name."""
    lonlat = points()
    embeddings = {}
    for name, degrees, net in networks():
        precisions: tuple[Precision, ...] = ("float32", "float64")
        for precision in precisions:
            fast = HarmonicsSiren(net, degrees, precision)
            embeddings[f"{name}, {precision}"] = fast(lonlat).astype(np.float32)
    embeddings["geoclip"] = get_encoder("geoclip").encode(lonlat)
    arrays: dict[str, Any] = embeddings
    np.savez(path, **arrays)


def print_processors() -> None:
    """Print the second table."""
    with tempfile.TemporaryDirectory() as folder:
        files = {}
        for name, changes in {"this": {}, **PROCESSORS}.items():
            files[name] = Path(folder) / f"{name}.npz"
            command = [sys.executable, __file__, str(files[name])]
            subprocess.run(command, env={**os.environ, **changes}, check=True)
        embeddings = {name: dict(np.load(path)) for name, path in files.items()}
        ours = embeddings.pop("this")
        print(f"| | {' | '.join(embeddings)} |\n|---{'|---:' * len(embeddings)}|")
        for encoder, values in ours.items():
            cells = []
            for theirs in embeddings.values():
                gap = np.abs(theirs[encoder].astype(np.float64) - values)
                cells.append(
                    f"{gap.max() / values.std():.0e} ({(gap > 0).mean():.2g})" if gap.any() else "0"
                )
            print(f"| {encoder} | {' | '.join(cells)} |")


if __name__ == "__main__":
    if sys.argv[1:]:
        embed(Path(sys.argv[1]))
    else:
        print_stages()
        print()
        print_processors()
