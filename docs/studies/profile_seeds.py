"""Profiles of encoders over several seeds: the first two tables of docs/profiles.md.

python docs/studies/profile_seeds.py                               # 4 minutes of CPU time
python docs/studies/profile_seeds.py --encoders wrap --seeds 0 1

Each number is the mean over the seeds, with the largest difference of one seed from it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import numpy as np

from satclip_bench.benchmarks.profiles.profile import Area, profile
from satclip_bench.encoders import get_encoder

ENCODERS = ("direct", "wrap", "harmonics.l10", "harmonics.l40", "geoclip", "satclip-bluemarble.l40")
SEEDS = (0, 1, 2, 3, 4)
LOCAL = (256, 1024, 4096)
COLUMNS = (
    "columns",
    "half sill, km",
    "participation ratio",
    "effective rank",
    "local dimension, 256 / 1,024 / 4,096 points",
    "half degree",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a table for the sphere and one for land."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--encoders", nargs="+", default=ENCODERS, metavar="NAME")
    parser.add_argument("--seeds", nargs="+", type=int, default=SEEDS, metavar="N")
    options = parser.parse_args(arguments)
    encoders = [get_encoder(name) for name in options.encoders]
    profiles = [[profile(encoder, seed) for seed in options.seeds] for encoder in encoders]
    for area, title in (("sphere", "over the sphere"), ("land", "over land")):
        sys.stdout.write(f"| {title} | {' | '.join(COLUMNS)} |\n")
        sys.stdout.write("| --- |" + " ---: |" * len(COLUMNS) + "\n")
        for of_encoder in profiles:
            first = of_encoder[0]
            cells = row([measured.areas[area] for measured in of_encoder])
            sys.stdout.write(f"| {first.title} | {first.dimension:,} | {' | '.join(cells)} |\n")
        sys.stdout.write("\n")
    return 0


def row(areas: Sequence[Area]) -> list[str]:
    """Cells of one encoder: the properties of one area, which is given once for each seed."""
    local = [spread([area.local_dimension[n] for area in areas]) for n in LOCAL]
    return [
        spread([area.half_sill_km for area in areas], 0),
        spread([area.participation_ratio for area in areas]),
        spread([area.effective_rank for area in areas]),
        " / ".join(local),
        spread([area.half_degree for area in areas]),
    ]


def spread(values: Sequence[float], digits: int = 1) -> str:
    """A mean, and the largest difference from it unless that rounds to zero.

    >>> spread([1.0, 2.0]), spread([3.0, 3.0], 0)
    ('1.5 ± 0.5', '3')
    """
    mean = float(np.mean(values))
    most = f"{np.abs(np.subtract(values, mean)).max():,.{digits}f}"
    text = f"{mean:,.{digits}f}"
    return text if float(most.replace(",", "")) == 0 else f"{text} ± {most}"


if __name__ == "__main__":
    sys.exit(main())
