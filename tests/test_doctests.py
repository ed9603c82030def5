"""The examples in the docstrings of all modules are run and give what they show."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from importlib.util import find_spec
from pathlib import Path

import pytest

import satclip_bench


def with_examples() -> list[str]:
    """Names of the modules whose source contains an example."""
    names = ["satclip_bench"]
    names += [m.name for m in pkgutil.walk_packages(satclip_bench.__path__, "satclip_bench.")]
    sources = {name: spec.origin for name in names if (spec := find_spec(name)) is not None}
    return [name for name, path in sources.items() if path and ">>> " in Path(path).read_text()]


@pytest.mark.parametrize("name", with_examples())
def test_examples(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("satclip_bench"):
            raise
        pytest.skip(f"{name} needs the package {error.name}, which is not installed")
    # An example that writes a file leaves nothing in the repository.
    monkeypatch.chdir(tmp_path)
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    for test in doctest.DocTestFinder(exclude_empty=True).find(module):
        runner.run(test, out=report.append)
    assert runner.tries > 0, f"{name}: the examples are not in docstrings"
    assert runner.failures == 0, "".join(report)
