"""The wheel, installed where nothing of the repository can be imported."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from satclip_bench.encoders import encoder_card
from satclip_bench.encoders.weights.files import weights_path

NOT_PACKAGED = shutil.ignore_patterns(
    *(".*", "__pycache__", "build", "*.egg-info", "results", "docs", "tests", "examples")
)

COLLISION = "raise ImportError('the user\\'s own package was imported')\n"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel installed in it, built from a copy of what is packaged."""
    root = Path(__file__).parent.parent
    source = Path(
        shutil.copytree(
            root, tmp_path_factory.mktemp("source") / "suite", symlinks=True, ignore=NOT_PACKAGED
        )
    )
    shutil.copytree(root / "results" / "published", source / "results" / "published")
    wheels, target = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    options = ["--no-deps", "--no-build-isolation", "--no-index"]
    install = ["install", *options, "--target", str(target), "--find-links", str(wheels)]
    for command in (
        ["wheel", *options, "--wheel-dir", str(wheels), str(source)],
        [*install, "satclip-bench"],
    ):
        done = subprocess.run([*pip, *command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return target


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A user's folder whose own packages have the names of the project's folders."""
    for name in ("core", "tasks", "encoders", "benchmarks"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(COLLISION)
    return tmp_path


def run(
    installed: Path, folder: Path, *arguments: str, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run Python with the wheel and the libraries of this environment, the repository left out.

    `-S` leaves out the .pth files, by which an editable install of the repository is found.
    """
    libraries = dict.fromkeys(sysconfig.get_paths()[name] for name in ("purelib", "platlib"))
    path = os.pathsep.join([str(folder), str(installed), *libraries])
    return subprocess.run(
        [sys.executable, "-S", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": path, "COLUMNS": "120"} | env,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


SCRIPT = """
import json, sys
import satclip_bench as sb

frame = sb.evaluate(sys.argv[1:], tasks=["median_income"], progress=False)
board = sb.leaderboard(frame)
print(json.dumps({
    "file": sb.__file__,
    "modules": [m.__file__ for n, m in sys.modules.items() if n.startswith("satclip_bench.")],
    "values": dict(zip(board["encoder"], board["value"])),
    "status": sorted(set(frame["status"])),
}))
"""


def test_encoders_are_evaluated_from_the_wheel(installed: Path, folder: Path) -> None:
    """One without weights, one whose weights ship, and GeoCLIP if its weights are in the cache."""
    names = ["wrap", "satclip-bluemarble.l10", "geoclip"]
    card = encoder_card("geoclip").weights
    if card is not None and not weights_path(card).is_file():
        names.remove("geoclip")
    (folder / "script.py").write_text(SCRIPT)
    done = run(installed, folder, "script.py", *names)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["status"] == ["done"]
    assert result["values"].keys() == set(names)
    assert all(-1 < value < 1 for value in result["values"].values())
    for file in (result["file"], *result["modules"]):
        assert Path(file).is_relative_to(installed), file


def test_published_scores_are_reproduced_from_the_wheel(installed: Path, folder: Path) -> None:
    options = ["--paper", "range", "--out", "again", "--jobs", "1"]
    empty = str(folder / "cache")
    command = ["-m", "satclip_bench", "reproduce", *options]
    done = run(installed, folder, *command, SATCLIP_BENCH_CACHE=empty, SATCLIP_BENCH_OFFLINE="1")
    assert done.returncode == 0, done.stderr
    assert "105 published scores" in done.stdout
    assert "exact" in done.stdout
    assert (folder / "again" / "reproduction.csv").is_file()


def test_the_builder_of_the_tables_runs_from_the_wheel(installed: Path, folder: Path) -> None:
    done = run(installed, folder, "-m", "satclip_bench.tasks.builder", "--help")
    assert done.returncode == 0, done.stderr
    assert "--distributions" in done.stdout


def test_help_and_hints_name_what_was_called(installed: Path, folder: Path) -> None:
    shown = run(installed, folder, "-m", "satclip_bench", "reproduce", "--help")
    assert shown.returncode == 0, shown.stderr
    assert "python -m satclip_bench reproduce" in " ".join(shown.stdout.split())
    empty = run(installed, folder, "-m", "satclip_bench", "leaderboard", "--out", "none")
    assert empty.returncode == 2
    assert "Run `python -m satclip_bench`" in empty.stderr
    script = run(installed, folder, str(installed / "bin" / "satclip-bench"), "--help")
    assert script.returncode == 0, script.stderr
    assert "satclip-bench run" in " ".join(script.stdout.split())


def test_the_leaderboard_is_written_as_pages_from_the_wheel(
    installed: Path, folder: Path, repository: Path
) -> None:
    committed = str(repository / "results" / "leaderboard")
    options = ["--out", committed, "--html", "site", "--tasks", "median_income"]
    done = run(installed, folder, "-m", "satclip_bench", "leaderboard", *options)
    assert done.returncode == 0, done.stderr
    site = folder / "site"
    names = {path.relative_to(site).as_posix() for path in site.rglob("*.*")}
    assert {"index.html", "assets/page.js", "assets/datatables.js"} <= names
