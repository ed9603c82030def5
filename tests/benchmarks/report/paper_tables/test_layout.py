"""Layouts of tables for papers: what is refused, and how groups choose encoders."""

from __future__ import annotations

from pathlib import Path

import pytest

from satclip_bench.benchmarks.report.paper_tables.layout import (
    Layout,
    list_styles,
    read_layout,
    style_layout,
)
from satclip_bench.benchmarks.report.paper_tables.make import make_tables
from satclip_bench.benchmarks.report.paper_tables.names import resolve_groups
from satclip_bench.benchmarks.report.paper_tables.text import Numbers
from satclip_bench.benchmarks.report.results import Results
from satclip_bench.core.errors import BenchError, UnknownNameError
from tests.benchmarks.frames import frame, with_losses

GOOD = """\
tables:
  - kind: scores
    name: mine
    caption: Mine
    panels: [{split: random}]
groups:
  - encoders: [wrap, "*"]
"""


def write(tmp_path: Path, content: str) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(content)
    return path


def test_styles_ship() -> None:
    assert list_styles() == ("ablation", "overview", "range", "satclip")
    with pytest.raises(UnknownNameError, match="Did you mean 'satclip'"):
        style_layout("satclipp")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("groups:", "group:"), "no key is called 'group'. Did you mean 'groups'?"),
        (("split: random", "splitt: random"), "no key is called 'splitt'. Did you mean 'split'?"),
        (("kind: scores", "kind: score"), "score"),
        (("name: mine", "name: Mine!"), "name: String should match pattern"),
        (("groups:", "digits: {r2: 9}\ngroups:"), "digits.r2: Input should be less than"),
        (("groups:", "tasks: [biomes, biomes]\ngroups:"), "biomes are listed twice"),
        ((GOOD, "- 1"), "is not a layout: it should have the keys tables, groups"),
        ((GOOD, "a: ["), "cannot be read"),
    ],
)
def test_what_is_wrong_with_a_layout(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    with pytest.raises(BenchError) as raised:
        read_layout(write(tmp_path, GOOD.replace(*change)))
    assert message in str(raised.value)
    assert "mine.yaml" in str(raised.value)


def test_a_missing_layout(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="cannot be read"):
        read_layout(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("wrap,", "wrapp,"), "no encoder is called 'wrapp'. Did you mean 'wrap'"),
        (
            ("groups:", "tasks: [biome]\ngroups:"),
            "no task is called 'biome'. Did you mean 'biomes'",
        ),
        (("groups:", "names: {elevtion: E}\ngroups:"), "Did you mean 'elevation' or"),
        (
            ("panels:", "published: {paper: rang, table: Table 2}\n    panels:"),
            "no paper is called 'rang'. Did you mean 'range'?",
        ),
        (
            ("panels:", "published: {paper: range, table: Table 22}\n    panels:"),
            "Did you mean 'Table 2'?",
        ),
    ],
)
def test_unknown_names_have_near_ones(
    tmp_path: Path, change: tuple[str, str], message: str
) -> None:
    layout = read_layout(write(tmp_path, GOOD.replace(*change)))
    with pytest.raises(UnknownNameError) as raised:
        make_tables(Results.from_frame(frame()), layout)
    assert message in str(raised.value)


def test_an_unknown_published_split(tmp_path: Path) -> None:
    content = GOOD.replace(
        "panels: [{split: random}]",
        "published: {paper: range, table: Table 2}\n"
        "    panels: [{split: random, published: [random 70/30]}]",
    )
    layout = read_layout(write(tmp_path, content))
    with pytest.raises(BenchError, match=r"split 'random 70/30'\. It has: random 80/20"):
        make_tables(Results.from_frame(frame()), layout)


def test_names_come_before_wildcards_and_the_star_is_last() -> None:
    layout = Layout.model_validate(
        {
            "tables": [{"kind": "overview", "name": "a", "caption": "A"}],
            "groups": [
                {"title": "rest", "encoders": ["*"]},
                {"title": "few", "encoders": ["c", "b*", "gone"]},
                {"title": "empty", "encoders": ["z*"]},
            ],
        }
    )
    groups = resolve_groups(layout, ["b2", "a", "c", "b1"])
    assert [(g.title, g.encoders) for g in groups] == [("rest", ("a",)), ("few", ("c", "b2", "b1"))]


def test_digits_percent_and_names(tmp_path: Path) -> None:
    content = GOOD + "percent: true\ndigits: {accuracy: 2}\nnames: {wrap: W, biomes: B}\n"
    layout = read_layout(write(tmp_path, content))
    (table,) = make_tables(Results.from_frame(with_losses(frame())), layout).tables
    (block,) = table.blocks
    assert [(c.text, c.below) for c in block.columns][2] == ("B", "acc. (%)")
    assert block.sections[0].rows[0].title == "W"
    assert block.sections[0].rows[0].cells[2].text == "66.00"


def test_percentages_have_no_negative_zero() -> None:
    numbers = Numbers(style_layout("satclip"))
    assert numbers.percent("accuracy")
    assert numbers.difference("accuracy", -0.0003) == "+0.0"
    assert numbers.interval("accuracy", -0.0003, 0.01) == "[0.0, 1.0]"
