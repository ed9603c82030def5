"""The JSON file of the command `speed`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from satclip_bench.benchmarks.runs.provenance import library_versions, machine
from satclip_bench.core.cores import cores
from satclip_bench.core.files import atomic_write


def write_report(
    out: Path,
    rounds: int,
    threads: int,
    how: Mapping[str, str],
    libraries: Sequence[str],
    timed: Mapping[str, Any],
) -> None:
    """Write durations with the machine and the versions that they were measured with.

    Args:
        out: JSON file to write.
        rounds: number of times that each computation was timed.
        threads: number of threads.
        how: other facts about the measurement.
        libraries: libraries whose versions matter.
        timed: durations by what was timed.

    Raises:
        BenchError: the file cannot be written.
    """
    report = {
        "rounds": rounds,
        "machine": f"{machine()}, {cores()} cores",
        "threads": threads,
        **how,
        "versions": library_versions(*libraries),
        **timed,
    }
    with atomic_write(out) as stream:
        stream.write((json.dumps(report, indent=1) + "\n").encode())
