"""The examples in the docstrings of all modules are run and give what they show."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import reference_pages
import satclip_bench
from satclip_bench.benchmarks.probes import list_probes, make_probe
from satclip_bench.benchmarks.splits import get_split, list_splits


def with_examples() -> list[str]:
    """Names of the modules whose source contains an example."""
    names = ["satclip_bench"]
    for package in (satclip_bench, reference_pages):
        walked = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        names += [module.name for module in walked]
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


def has_example(thing: object) -> bool:
    """Whether the docstring of a function, class or module, or inside of it, has an example."""
    tests = doctest.DocTestFinder().find(thing, name="thing")
    return any(test.examples for test in tests)


@pytest.mark.parametrize("name", sorted({*satclip_bench.__all__} - {"__version__"}))
def test_every_public_name_has_an_example(name: str) -> None:
    assert has_example(getattr(satclip_bench, name))


@pytest.mark.parametrize("name", list_splits())
def test_every_split_has_an_example(name: str) -> None:
    split = get_split(name)
    made_by = split if inspect.isfunction(split) else type(split)
    assert has_example(made_by) or has_example(sys.modules[made_by.__module__])


@pytest.mark.parametrize("name", list_probes())
def test_every_probe_has_an_example(name: str) -> None:
    estimator = type(make_probe(name, "regression", seed=0))
    assert has_example(estimator) or has_example(sys.modules[estimator.__module__])
