"""Timing of encoders in turns with their references, so that both see the same machine load."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.speed.limits import geoclip_limit, satclip_limit
from satclip_bench.benchmarks.speed.released_code import (
    Job,
    geoclip_reference,
    random_satclip,
    rangegeo_reference,
)
from satclip_bench.core.device import on_gpu


@dataclass(frozen=True)
class Contest:
    """Jobs that are timed side by side for one encoder.

    Attributes:
        encoder: name of the encoder.
        jobs: functions of the points, by name: `ours`, and if available `reference`, the released
            code, and `limit`, the network's matrix products and sines alone.
        notes: remarks for the reader, such as why there is no reference.
    """

    encoder: str
    jobs: Mapping[str, Job]
    notes: tuple[str, ...] = ()


@dataclass
class Timing:
    """Durations of a contest's jobs, which take turns.

    Attributes:
        contest: the contest.
        points: number of points embedded in each round.
        seconds: durations of the rounds, by job.
        processor_seconds: seconds of the processor of the rounds, by job, summed over its cores.
            Other work on the machine hardly changes them. Empty on a GPU, whose work they leave
            out.
    """

    contest: Contest
    points: int
    seconds: dict[str, list[float]] = field(default_factory=dict)
    processor_seconds: dict[str, list[float]] = field(default_factory=dict)

    def median(self, job: str) -> float | None:
        """Median duration of a job in seconds; None if it was not timed."""
        return median(self.seconds[job]) if job in self.seconds else None

    def ratio(self, slow: str, fast: str, *, processor: bool = False) -> float | None:
        """Median over the rounds of the duration of `slow` divided by that of `fast`.

        None if one of them was not timed.

        Args:
            slow: name of a job.
            fast: name of another job.
            processor: whether durations are seconds of the processor, not of the clock.
        """
        seconds = self.processor_seconds if processor else self.seconds
        if slow not in seconds or fast not in seconds:
            return None
        return median(a / b for a, b in zip(seconds[slow], seconds[fast], strict=True))

    def as_dict(self) -> dict[str, Any]:
        """Durations, throughput and ratios, for JSON."""
        ours = self.median("ours")
        return {
            "encoder": self.contest.encoder,
            "points": self.points,
            "seconds": self.seconds,
            "processor_seconds": self.processor_seconds,
            "median_seconds": {job: self.median(job) for job in self.seconds},
            "points_per_second": None if not ours else round(self.points / ours),
            "times_faster_than_reference": self.ratio("reference", "ours"),
            "times_the_limit": self.ratio("ours", "limit"),
            "by_processor_seconds": {
                "times_faster_than_reference": self.ratio("reference", "ours", processor=True),
                "times_the_limit": self.ratio("ours", "limit", processor=True),
            },
            "notes": list(self.contest.notes),
        }


def measure(contest: Contest, lonlat: NDArray[np.float64], rounds: int) -> Iterator[Timing]:
    """Time the jobs of a contest in turns, and yield the timing so far after every call.

    Each job is first called once with at most 256 points, which is not timed, because it loads
    weights and fills caches.

    Args:
        contest: the contest.
        lonlat: `(N, 2)` points.
        rounds: number of timed calls of each job.

    >>> contest = Contest("none", {"ours": lambda lonlat: None})
    >>> *_, timing = measure(contest, random_points(10), rounds=3)
    >>> len(timing.seconds["ours"])
    3
    """
    timing = Timing(contest, len(lonlat), {job: [] for job in contest.jobs})
    for job in contest.jobs.values():
        job(lonlat[:256])
    for _ in range(rounds):
        for name, job in contest.jobs.items():
            started, started_processor = time.perf_counter(), time.process_time()
            job(lonlat)
            timing.seconds[name].append(time.perf_counter() - started)
            if not on_gpu():
                used = time.process_time() - started_processor
                timing.processor_seconds.setdefault(name, []).append(used)
            yield timing


def contest(
    name: str, folder: Path, lonlat: NDArray[np.float64], *, reference: bool = True
) -> Contest:
    """Jobs to time for an encoder.

    Args:
        name: name of a listed encoder or variant.
        folder: folder for a file of random weights, with which SatCLIP is timed.
        lonlat: `(N, 2)` points that will be embedded, on which the limit depends.
        reference: whether to time the released code too, where it is installed.

    Raises:
        BenchError: the encoder is unknown, or its weights are missing.
    """
    from satclip_bench.encoders import get_encoder

    if name.startswith("satclip.") and "+" not in name:
        return _satclip(name, folder, lonlat, reference)
    encoder = get_encoder(name)
    released = geoclip_reference() if reference and name == "geoclip" else None
    notes: tuple[str, ...] = ()
    if reference and name == "geoclip" and released is None:
        notes = ("no reference: the package geoclip is not installed",)
    jobs: dict[str, Job] = {"ours": encoder.encode}
    if released is not None:
        jobs["reference"] = released
    if name == "geoclip":
        jobs["limit"] = geoclip_limit(lonlat)
    return Contest(name, jobs, notes)


def _satclip(name: str, folder: Path, lonlat: NDArray[np.float64], reference: bool) -> Contest:
    from satclip_bench.encoders import get_encoder

    degrees = int(name.partition("-l")[2].partition("-")[0])
    path = random_satclip(folder / f"random-l{degrees}.ckpt", degrees)
    notes = ["random weights of the released shapes"]
    jobs: dict[str, Job] = {"ours": get_encoder(name, weights=path).encode}
    if reference:
        released = rangegeo_reference(path)
        if released is None:
            notes.append("no reference: the package rangegeo is not installed")
        else:
            jobs["reference"] = released
    if not name.endswith(("-float64", "-released")):
        jobs["limit"] = satclip_limit(degrees, lonlat)
    return Contest(name, jobs, tuple(notes))


def random_points(points: int, seed: int = 0) -> NDArray[np.float64]:
    """Points drawn uniformly on the sphere, `(points, 2)` lonlat.

    >>> random_points(3).shape
    (3, 2)
    """
    rng = np.random.default_rng(seed)
    lat = np.degrees(np.arcsin(rng.uniform(-1, 1, points)))
    return np.stack([rng.uniform(-180, 180, points), lat], axis=1)
