"""What is installed without extras: a run with worker processes needs nothing else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.benchmarks.cli.program import ROOT, SMALL, command_line

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows programs need a PATH")

HIDE = """
import sys

class Hidden:
    names = {names!r}

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Hidden())
"""


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def base_distributions() -> set[str]:
    """Names of all distributions that pip installs with this one if no extra is asked for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    left = [Requirement(line) for line in project["dependencies"]]
    expanded: set[tuple[str, frozenset[str]]] = set()
    while left:
        requirement = left.pop()
        item = canonical(requirement.name), frozenset(requirement.extras)
        if item in expanded:
            continue
        expanded.add(item)
        for line in requires(requirement.name) or []:
            needed = Requirement(line)
            extras = ("", *requirement.extras)
            if not needed.marker or any(needed.marker.evaluate({"extra": e}) for e in extras):
                left.append(needed)
    return {name for name, _ in expanded}


def test_a_run_needs_no_extra_and_no_other_program(tmp_path: Path) -> None:
    """The process that ends its workers needs psutil or the program pgrep, else it hangs."""
    base = base_distributions()
    names = {
        module
        for module, owners in packages_distributions().items()
        if not {*map(canonical, owners)} & {*base, "satclip-bench"}
    }
    assert {"dask", "pytest"} <= names
    (tmp_path / "sitecustomize.py").write_text(HIDE.format(names=names))
    process = subprocess.run(
        command_line("run", *SMALL[:-1], "2", "--encoders", "baseline.mean", "--out", "r"),
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert process.returncode == 0, process.stderr
    assert (tmp_path / "r" / "figures").is_dir()
