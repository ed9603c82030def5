"""The reference pages of the documentation site: all of what has a card, and all of its fields."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from markdown_it import MarkdownIt
from pydantic import BaseModel

import satclip_bench
from reference_pages.api import api_page
from reference_pages.cards import card_page
from reference_pages.markdown import prose
from reference_pages.pages import API_GROUPS, all_pages, write_pages
from reference_pages.pictures import draw_pictures
from reference_pages.scores import SCORES
from satclip_bench.benchmarks.cli.parser import COMMANDS
from satclip_bench.benchmarks.commands.show import cards_of
from satclip_bench.benchmarks.report.wording import number
from satclip_bench.encoders import EncoderCard

KINDS = ("tasks", "encoders", "splits", "probes", "suites")


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return all_pages()


def test_everything_has_a_page(pages: dict[str, str]) -> None:
    expected = {f"{kind}/{name}.md" for kind in KINDS for name in cards_of(kind)}
    expected |= {f"commands/{command.name}.md" for command in COMMANDS}
    expected |= {f"api/{name}.md" for name in satclip_bench.__all__ if name != "__version__"}
    expected |= {f"{folder}/index.md" for folder in (*KINDS, "commands", "api")}
    assert set(pages) == expected


def test_every_public_name_is_in_one_group() -> None:
    names = [name for _, group in API_GROUPS for name in group]
    assert sorted([*names, "__version__"]) == sorted(satclip_bench.__all__)


def test_pages_say_nothing_about_the_machine_that_wrote_them(pages: dict[str, str]) -> None:
    for name, text in pages.items():
        assert str(Path.home()) not in text, name
        assert str(Path(__file__).parents[2]) not in text, name


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_with_a_value_is_on_the_page(kind: str, pages: dict[str, str]) -> None:
    for name, card in cards_of(kind).items():
        assert isinstance(card, BaseModel)
        text = pages[f"{kind}/{name}.md"]
        assert f"`{name}`" in text
        for key, value in card.model_dump(exclude={"name"}, exclude_defaults=True).items():
            if value and key not in ("title", "description"):
                assert key.replace("_", " ").removesuffix("s") in text.lower(), (name, key)
            if isinstance(value, str):
                assert prose(value) in text, (name, key)


def test_pages_of_encoders_have_the_committed_scores(pages: dict[str, str]) -> None:
    scores = pd.read_parquet(SCORES)
    of_board = scores[scores["probe"].eq("linear") & scores["split"].eq("random")]
    for row in of_board.to_dict("records"):
        name = row["encoder"]
        text = pages[f"encoders/{name}.md"]
        assert number(row["mean"]) in text, (name, row["task"])
        assert "(../../leaderboard.md)" in text
    assert "## Scores" not in pages["encoders/satclip.resnet18-l10.md"], "no committed scores"


def test_pictures_of_a_task_are_drawn_where_its_page_looks_for_them(
    tmp_path: Path, pages: dict[str, str]
) -> None:
    draw_pictures(tmp_path, ["median_income"])
    pictures = re.findall(r"!\[.+\]\((.+)\)", pages["tasks/median_income.md"])
    assert sorted(pictures) == sorted(path.name for path in tmp_path.iterdir())
    assert len(pictures) == 2


def test_text_of_a_card_is_shown_as_it_is() -> None:
    text = "a_b*c* <i>d</i> [e](f) $g$ h|i \\j, `k_l`; see https://example.org/m_n."
    html = MarkdownIt().render(prose(text))
    shown = html.replace("&lt;", "<").replace("&gt;", ">").replace("\\|", "|")
    assert 'href="https://example.org/m_n"' in shown
    assert "<code>k_l</code>" in shown
    assert shown.startswith("<p>a_b*c* <i>d</i> [e](f) ")
    assert "<i>" not in html


def test_an_encoder_without_weights_has_nothing_to_download() -> None:
    card = EncoderCard(name="tilt", title="Tilt | x", dimension=2)
    assert card_page("encoder", "tilt", card).startswith("# Tilt \\| x\n\nEncoder `tilt`\n")
    assert "download" not in card_page("encoder", "tilt", card)


def test_a_class_of_cards_has_a_table_of_its_fields() -> None:
    page = api_page("EncoderCard", EncoderCard)
    for name in EncoderCard.model_fields:
        assert f"| `{name}` |" in page


def test_pages_that_are_gone_are_deleted_and_others_keep_their_time(tmp_path: Path) -> None:
    write_pages(tmp_path, {"a/b.md": "1", "c.md": "2"})
    before = (tmp_path / "c.md").stat().st_mtime_ns
    write_pages(tmp_path, {"c.md": "2"})
    assert not (tmp_path / "a" / "b.md").exists()
    assert (tmp_path / "c.md").stat().st_mtime_ns == before
