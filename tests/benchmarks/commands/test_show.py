"""The command `info`, where several things have a name; options of `run` that are mixed up."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from satclip_bench.benchmarks.cli import main
from satclip_bench.benchmarks.splits import split_card


def test_info_shows_everything_that_has_the_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "random"]) == 0
    text = capsys.readouterr().out
    assert "random (encoder)" in text
    assert "random (split)" in text


def test_info_of_a_kind_shows_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "split", "random", "--json"]) == 0
    assert "dimension" not in json.loads(capsys.readouterr().out)


def test_json_of_two_things_is_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "random", "--json"]) == 2
    assert "`info split random --json`" in capsys.readouterr().err


def test_json_is_complete_in_a_terminal_that_cannot_show_every_character(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["list", "encoders", "--json"]) == 0
    expected = json.loads(capsys.readouterr().out)
    assert not json.dumps(expected, ensure_ascii=False).isascii()
    content = io.BytesIO()
    with monkeypatch.context() as patch:
        patch.setattr("sys.stdout", io.TextIOWrapper(content, encoding="ascii"))
        assert main(["list", "encoders", "--json"]) == 0
        assert json.loads(content.getvalue()) == expected


@pytest.mark.parametrize("name", ["blocks.7", "harmonics.l7"])
def test_info_shows_unlisted_variants(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", name]) == 0
    assert name in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--encoder", "geoclip"], "use --encoders geoclip"),
        (["--encoders", "my.py:Mine"], "use --encoder my.py:Mine"),
    ],
)
def test_mixed_up_options_are_explained(
    tmp_path: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", *arguments, "--out", str(tmp_path / "r")]) == 2
    assert words in capsys.readouterr().err


def test_info_counts_test_points_at_the_coordinates_of_training_points(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["info", "california_housing"]) == 0
    text = capsys.readouterr().out
    assert "20,640 points at 12,590 different coordinates" in text
    assert "random 4,682 of 12,384; few-shot 313 of 20,315" in text
    assert main(["info", "elevation"]) == 0
    assert "no two points share coordinates" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("slepian.l40-usa", "or us or california"),
        ("slepian.l4\u0660-us", "or us or california"),
        ("blocks.99", "the side of a block"),
        ("blocks.1\u0660", "the side of a block"),
        ("wrap+direkt", "Did you mean 'direct'"),
        ("slepian", "the variant has the number of degrees"),
    ],
)
def test_info_of_an_unknown_variant_says_which_there_are(
    name: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["info", name]) == 2
    assert words in capsys.readouterr().err


def test_list_shows_unlisted_variants(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "encoders", "harmonics.l7,baseline.mean"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:3]] == ["harmonics.l7", "baseline.mean"]


def test_info_shows_a_custom_encoder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "import numpy as np\n"
        "from satclip_bench import Encoder, EncoderCard\n"
        "class Mine(Encoder):\n"
        "    card = EncoderCard(name='mine', title='Mine', dimension=2)\n"
        "    def forward(self, lonlat):\n"
        "        return np.radians(lonlat)\n"
    )
    assert main(["info", f"{path}:Mine", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "Mine"
    assert main(["info", "encoder", f"{path}:Mine"]) == 0
    assert "mine (encoder)" in capsys.readouterr().out
    assert main(["info", f"{path}:Other"]) == 2
    assert "defines no Other" in capsys.readouterr().err


def test_a_list_that_no_terminal_shows_is_not_cut(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert main(["list", "splits"]) == 0
    lines = capsys.readouterr().out.splitlines()
    description = split_card("held-out-region").description
    assert len(description) > 80
    assert any(line.startswith("held-out-region ") and description in line for line in lines)
    assert not any("\u2026" in line for line in lines)
    assert (
        len({line.index(word) for line, word in zip(lines[:2], ("descr", "30 %"), strict=True)})
        == 1
    )
