"""Provenance of a record: when, where and with which versions it was computed."""

from __future__ import annotations

import platform
import subprocess
import time
from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from satclip_bench.benchmarks.runs.record import Provenance
from satclip_bench.core.device import device_title, on_gpu

LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch", "lightgbm")
"""Libraries whose versions are kept in every record."""


def provenance(fit: float = 0.0, predict: float = 0.0) -> Provenance:
    """Provenance of a record that is finished now.

    Args:
        fit: duration of the fit in seconds, from `seconds_spent`.
        predict: duration of prediction and scoring in seconds.
    """
    return Provenance(
        finished=datetime.now(UTC).isoformat(timespec="microseconds"),
        seconds_fit=round(fit, 4),
        seconds_predict=round(predict, 4),
        versions=software_versions(),
        git_commit=_git_commit(),
        machine=machine(),
        device=device_title(),
    )


def seconds_spent() -> float:
    """Seconds that this process has spent; only differences of two calls mean anything.

    They are seconds of the processor, because other work on the machine does not add to them. On a
    GPU they are seconds of the clock: there the processor waits for most of the work.

    Raises:
        BenchError: there is no such device.
    """
    return time.perf_counter() if on_gpu() else time.process_time()


def machine() -> str:
    """System and kind of processor, such as `Linux x86_64`."""
    return f"{platform.system()} {platform.machine()}"


def library_versions(*libraries: str) -> dict[str, str]:
    """Versions of installed libraries by name."""
    return {name: version(name) for name in libraries}


@lru_cache(maxsize=1)
def software_versions() -> dict[str, str]:
    """Versions of Python and of `LIBRARIES`."""
    return {"python": platform.python_version()} | library_versions(*LIBRARIES)


@lru_cache(maxsize=1)
def _git_commit() -> str:
    # In a clone the package is made of links to the folders at its root.
    return described_commit(Path(__file__).resolve().parents[2])


def described_commit(root: Path) -> str:
    """Commit of a clone as `git describe` gives it; empty if the folder is not the root of one.

    A repository above the folder, such as that of a user whose environment is in it, is another
    project's.

    Args:
        root: folder that may be the root of a clone.
    """
    where = (f"--git-dir={root / '.git'}", f"--work-tree={root}")
    command = ["git", *where, "describe", "--always", "--dirty"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout.strip() if result.returncode == 0 else ""
