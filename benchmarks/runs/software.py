"""The software that computes records, compared between the machines of a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from satclip_bench.benchmarks.runs.provenance import library_versions, software_versions
from satclip_bench.core.errors import UnfinishedError
from satclip_bench.core.files import sha256_bytes, sha256_file

PACKAGE = "satclip-bench"
"""Name of this package among the software."""

FOLDERS = ("benchmarks", "core", "encoders", "tasks")
"""The folders of the package."""


@cache
def software() -> Mapping[str, str]:
    """Versions of Python and of the libraries behind scores, and a hash of this package's code."""
    package = Path(__file__).parents[2]
    files = sorted(
        path.relative_to(package).as_posix()
        for folder in FOLDERS
        for path in (package / folder).rglob("*.py")
    )
    code = "\n".join(f"{name} {sha256_file(package / name)}" for name in files)
    own = library_versions(PACKAGE)[PACKAGE]
    return {
        **software_versions(),
        PACKAGE: f"{own} {sha256_bytes(code.encode())[:12]}",
    }


def require_software(actual: Mapping[str, str], expected: Mapping[str, str], where: str) -> None:
    """Raise UnfinishedError if a process of a cluster has other software than the command.

    Args:
        actual: what `software` returned in that process.
        expected: what it returned in the process that runs the command.
        where: name of the process for the message.
    """
    if different := [
        f"{name} {actual.get(name, '')} instead of {text}"
        for name, text in expected.items()
        if actual.get(name) != text
    ]:
        raise UnfinishedError(
            f"{where} has other software than this machine, so that its results would not be the "
            f"same: {'; '.join(different)}. Install the same versions (constraints.txt) and the "
            "same code there, and start it again. Finished cells are kept."
        )
