"""The limit of threads, with a small module in the place of torch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from satclip_bench.benchmarks.runs.threads import one_thread

TORCH = """
threads = 7
def get_num_threads(): return threads
def set_num_threads(count):
    global threads
    threads = count
"""

CODE = """
import sys
import numpy
from threadpoolctl import threadpool_info
from satclip_bench.benchmarks.runs.threads import thread_limit
with thread_limit(int(sys.argv[1])):
    import scipy.optimize, sklearn.linear_model, sklearn.neighbors
    inside = getattr(sys.modules.get("torch"), "threads", None)
    libraries = [library["num_threads"] for library in threadpool_info()]
assert len(libraries) >= 2, libraries
print(inside, getattr(sys.modules.get("torch"), "threads", None), *sorted(set(libraries)))
"""


@pytest.mark.parametrize(
    ("count", "environment", "expected"),
    [
        (1, {}, "1 7 1"),
        (1, {"OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "1"}, "1 7 1"),
        (1, {"OMP_NUM_THREADS": "1"}, "1 7 1"),
        (1, one_thread() | {"OPENBLAS_NUM_THREADS": "2"}, "1 7 1"),
        (2, one_thread(), "2 7 2"),
        # torch reads these variables when it is imported.
        (1, one_thread(), "None None 1"),
    ],
)
def test_threads_of_torch_and_of_libraries(
    tmp_path: Path, repository: Path, count: int, environment: dict[str, str], expected: str
) -> None:
    (tmp_path / "torch.py").write_text(TORCH)
    inherited = {k: v for k, v in os.environ.items() if k not in one_thread()}
    path = os.pathsep.join([str(tmp_path), str(repository)])
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(count)],
        env=inherited | environment | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == expected, done.stderr
