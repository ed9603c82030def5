"""Names and paths that rich would read as markup are printed as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from satclip_bench.benchmarks.cli import main
from satclip_bench.benchmarks.commands import download as module
from satclip_bench.benchmarks.commands.download import Item
from satclip_bench.core.download.cards import RemoteFile, UrlOrigin
from satclip_bench.core.files import CACHE_VARIABLE
from tests.benchmarks.cli.program import SMALL

NAME = "[red]a[/blue] [y/N] :x:"


@pytest.fixture
def items(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Item, ...]:
    """Two files of another package: one to be placed by hand, one whose server does not answer."""
    origin = UrlOrigin(url="http://127.0.0.1:9/none")
    cards = [
        RemoteFile(
            file=f"{number}{NAME}.bin", sha256=None, licence=NAME, by_hand=NAME, origins=origins
        )
        for number, origins in enumerate(((), (origin,)))
    ]
    made = tuple(Item(NAME, card, tmp_path) for card in cards)
    monkeypatch.setattr(module, "items_of", lambda *_: made)
    monkeypatch.setenv("COLUMNS", "400")
    return made


def test_verify_and_download(
    items: tuple[Item, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["verify"]) == 0
    assert capsys.readouterr().out.count(NAME) == 4
    assert main(["download", "--all", "--yes"]) == 1
    shown = capsys.readouterr().out
    assert f"{NAME}: cannot be downloaded" in shown
    assert f"failed: 1{NAME}.bin" in " ".join(shown.split())

    monkeypatch.setattr(module, "_agreed", lambda *_, **__: True)
    monkeypatch.setattr(module, "_fetch_all", lambda *_, **__: 0)
    for item in items:
        item.path.parent.mkdir(parents=True, exist_ok=True)
        item.path.write_bytes(b"")
    monkeypatch.setattr(Item, "state", lambda _: "corrupt")
    assert main(["verify"]) == 1
    assert f"delete {items[0].path} and run" in capsys.readouterr().out
    assert main(["download", "--all"]) == 1
    assert f"{NAME}: 0{NAME}.bin is corrupt" in capsys.readouterr().out


def test_the_question_shows_what_can_be_answered(
    items: tuple[Item, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ASK_ABOVE", -1)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda *_: "n")
    assert main(["download", "--all"]) == 1
    assert "[y/N]" in capsys.readouterr().out.replace(NAME, "")


def test_folders_of_the_cache_and_of_maps(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "[red]c[" / "blue]"
    monkeypatch.setenv(CACHE_VARIABLE, str(cache))
    assert main(["cache", "info"]) == 0
    assert str(cache) in capsys.readouterr().out
    maps = tmp_path / "[bold]maps"
    assert main(["info", "median_income", "--map", str(maps), "--data-dir", str(cache)]) == 0
    shown = capsys.readouterr().out
    assert str(maps / "median_income.open.map.png") in shown
    assert str(cache / "median_income") in shown


def test_folder_of_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "[red]r[" / "blue]"
    assert main(["run", *SMALL, "--encoders", "baseline.mean", "--out", str(out)]) == 0
    captured = capsys.readouterr()
    assert str(out) in captured.out.replace("\n", "")
    assert str(out) in captured.err.replace("\n", "")
    assert main(["tables", "--out", str(out)]) == 0
    assert str(out / "tables" / "leaderboard.random.none.md") in capsys.readouterr().out
