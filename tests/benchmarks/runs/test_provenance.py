"""Where a record says that it comes from."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from satclip_bench.benchmarks.runs.provenance import described_commit

GIT = shutil.which("git")


def git(folder: Path, *arguments: str) -> str:
    """Output of git in a folder."""
    command = [GIT or "", "-c", "user.name=A", "-c", "user.email=a@example.org", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.mark.skipif(GIT is None, reason="git is not installed")
def test_the_commit_is_that_of_the_package_and_not_of_a_repository_above_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "venv" / "site-packages" / "satclip_bench"
    installed.mkdir(parents=True)
    (tmp_path / "thesis.tex").write_text("")
    for arguments in (("init",), ("add", "."), ("commit", "-m", "x")):
        git(tmp_path, *arguments)
    commit = described_commit(tmp_path)
    assert commit
    assert git(tmp_path, "rev-parse", "HEAD").startswith(commit)
    (tmp_path / "thesis.tex").write_text("changed")
    assert described_commit(tmp_path) == f"{commit}-dirty"
    assert described_commit(installed) == ""
    # As in a hook of that repository.
    monkeypatch.setenv("GIT_DIR", str(tmp_path / ".git"))
    assert described_commit(installed) == ""
