"""How fast encoders are, beside the code they were released with, in one run."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.speed.released_code import (
    Job,
    geoclip_reference,
    products,
    random_satclip,
    rangegeo_reference,
)


@dataclass(frozen=True)
class Contest:
    """What is timed side by side.

    Attributes:
        encoder: name of the encoder.
        jobs: what is called with the points, by name: `ours`, and where there are such,
            `reference`, the released code, and `products`, the network's matrix products alone.
        notes: what a reader must know, such as why there is no reference.
    """

    encoder: str
    jobs: Mapping[str, Job]
    notes: tuple[str, ...] = ()


@dataclass
class Timing:
    """Seconds of every round, by job; rounds of different jobs alternate."""

    contest: Contest
    points: int
    seconds: dict[str, list[float]] = field(default_factory=dict)

    def median(self, job: str) -> float | None:
        """Median seconds of a job."""
        return median(self.seconds[job]) if job in self.seconds else None

    def ratio(self, slow: str, fast: str) -> float | None:
        """Median over the rounds of seconds of `slow` by seconds of `fast`."""
        if slow not in self.seconds or fast not in self.seconds:
            return None
        pairs = zip(self.seconds[slow], self.seconds[fast], strict=True)
        return median(a / b for a, b in pairs)

    def as_dict(self) -> dict[str, Any]:
        """For JSON: times, throughput and ratios."""
        ours = self.median("ours")
        return {
            "encoder": self.contest.encoder,
            "points": self.points,
            "seconds": self.seconds,
            "median_seconds": {job: self.median(job) for job in self.seconds},
            "points_per_second": None if not ours else round(self.points / ours),
            "times_faster_than_reference": self.ratio("reference", "ours"),
            "times_the_matrix_products": self.ratio("ours", "products"),
            "notes": list(self.contest.notes),
        }


def measure(contest: Contest, lonlat: NDArray[np.float64], rounds: int) -> Iterator[Timing]:
    """Time a contest's jobs in turns; yields the timing so far after every call.

    The first call of each job, which loads weights and fills caches, is not counted; it gets at
    most 256 points.
    """
    timing = Timing(contest, len(lonlat), {job: [] for job in contest.jobs})
    for job in contest.jobs.values():
        job(lonlat[:256])
    for _ in range(rounds):
        for name, job in contest.jobs.items():
            started = time.perf_counter()
            job(lonlat)
            timing.seconds[name].append(time.perf_counter() - started)
            yield timing


def contest(name: str, folder: Path, *, reference: bool = True) -> Contest:
    """What is timed for an encoder.

    Args:
        name: of a listed encoder or variant.
        folder: where random weights may be written, for SatCLIP, which needs none to be timed.
        reference: whether the released code is timed too, where it is installed.

    Raises:
        BenchError: the encoder cannot be made.
    """
    from satclip_bench.encoders import get_encoder

    if name.startswith("satclip.") and "+" not in name:
        return _satclip(name, folder, reference)
    encoder = get_encoder(name)
    found = geoclip_reference() if reference and name == "geoclip" else None
    notes: tuple[str, ...] = ()
    if reference and name == "geoclip" and found is None:
        notes = ("no reference: the package geoclip is not installed",)
    return Contest(name, {"ours": encoder.encode} | ({"reference": found} if found else {}), notes)


def _satclip(name: str, folder: Path, reference: bool) -> Contest:
    from satclip_bench.encoders import get_encoder

    degrees = int(name.partition("-l")[2].partition("-")[0])
    path = random_satclip(folder / f"random-l{degrees}.ckpt", degrees)
    notes = ["random weights of the released shapes"]
    jobs: dict[str, Job] = {"ours": get_encoder(name, weights=path).encode}
    if reference:
        found = rangegeo_reference(path)
        if found is None:
            notes.append("no reference: the package rangegeo is not installed")
        else:
            jobs["reference"] = found
    jobs["products"] = products(degrees)
    return Contest(name, jobs, tuple(notes))


def spread(points: int, seed: int = 0) -> NDArray[np.float64]:
    """Points drawn uniformly on the sphere, `(points, 2)` lonlat."""
    rng = np.random.default_rng(seed)
    lat = np.degrees(np.arcsin(rng.uniform(-1, 1, points)))
    return np.stack([rng.uniform(-180, 180, points), lat], axis=1)


def as_json(timings: Sequence[Timing], rounds: int) -> dict[str, Any]:
    """All timings, with the machine they were taken on."""
    from importlib.metadata import version

    import torch

    return {
        "rounds": rounds,
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "threads": torch.get_num_threads(),
        "versions": {name: version(name) for name in ("numpy", "torch")},
        "encoders": [timing.as_dict() for timing in timings],
    }
