"""The software that computes records, compared between the machines of a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from satclip_bench.benchmarks.runs.provenance import library_versions, software_versions
from satclip_bench.core.errors import UnfinishedError
from satclip_bench.core.files import sha256_bytes, sha256_file
from satclip_bench.core.registry import installed_entry_points

PACKAGE = "satclip-bench"
"""Name of this package among the software."""

ENTRY_POINTS = "satclip_bench."
"""How the groups of entry points begin by which other packages add to the registries."""

FOLDERS = ("benchmarks", "core", "encoders", "tasks")
"""The folders of the package."""


@cache
def software() -> Mapping[str, str]:
    """Versions of Python, of the libraries behind scores and of plug-ins; hash of our code."""
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
        **_plugins(),
        PACKAGE: f"{own} {sha256_bytes(code.encode())[:12]}",
    }


def _plugins() -> dict[str, str]:
    """Versions of the installed packages that add encoders, probes, splits or tasks."""
    points = installed_entry_points()
    return {
        point.dist.name: point.dist.version
        for group in sorted(points.groups)
        if group.startswith(ENTRY_POINTS)
        for point in points.select(group=group)
        if point.dist
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
