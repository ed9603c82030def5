"""All reference pages, by the path under which they are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from pydantic import BaseModel

import satclip_bench
from reference_pages.api import api_index, api_page
from reference_pages.cards import card_page, index_page
from reference_pages.commands import command_page, commands_page, help_of
from reference_pages.pictures import picture_section
from reference_pages.scores import SCORES, score_sections
from satclip_bench.benchmarks.baselines import list_baselines
from satclip_bench.benchmarks.cli.parser import COMMANDS, EXIT_CODES, make_parser
from satclip_bench.benchmarks.commands.show import cards_of
from satclip_bench.core.errors import BenchError
from satclip_bench.tasks import OPEN_TASKS, WIDE_TASKS, task_card

KINDS: Mapping[str, tuple[str, str]] = {
    "tasks": ("All tasks", "Every task that this version knows, with its card."),
    "encoders": (
        "All encoders",
        "Every encoder and baseline that `list encoders` shows, with its card. Families have "
        "further variants, such as `harmonics.l30`.",
    ),
    "splits": ("All splits", "Every split that `list splits` shows, with its card."),
    "probes": ("All probes", "Every probe, with its settings and what it searches."),
    "suites": ("All suites", "Every suite, with the cells that it names."),
}
"""Kinds of things with cards: title and introduction of their index."""

API_GROUPS: Sequence[tuple[str, Sequence[str]]] = (
    ("Evaluate and rank", ("evaluate", "leaderboard")),
    ("Encoders", ("get_encoder", "list_encoders", "check_encoder", "Encoder", "EncoderCard")),
    ("Tasks", ("get_task", "list_tasks", "check_task")),
    ("Splits", ("get_split", "as_cross_validator")),
)
"""Public names of the package, as the Python interface groups them."""


SHIPPED = (*OPEN_TASKS, *WIDE_TASKS)
"""Tasks with pictures on their pages."""


def all_pages() -> dict[str, str]:
    """Text of every reference page, by its path."""
    pages: dict[str, str] = {}
    shown = {
        "tasks": {name: picture_section(name, task_card(name)) for name in SHIPPED},
        "encoders": score_sections(pd.read_parquet(SCORES)),
    }
    for kind in KINDS:
        pages |= kind_pages(kind, _readable(cards_of(kind)), shown.get(kind, {}))
    parser = make_parser()
    pages["commands/index.md"] = commands_page(COMMANDS, EXIT_CODES)
    for command in COMMANDS:
        text = help_of(parser, command.name)
        pages[f"commands/{command.name}.md"] = command_page(command, text)
    pages["api/index.md"] = api_index(API_GROUPS)
    for _, names in API_GROUPS:
        for name in names:
            pages[f"api/{name}.md"] = api_page(name, getattr(satclip_bench, name))
    return pages


def kind_pages(
    kind: str, cards: Mapping[str, BaseModel], shown: Mapping[str, str]
) -> dict[str, str]:
    """Index of one kind of things, and the page of each.

    Args:
        kind: kind of things, of `KINDS`.
        cards: cards by name.
        shown: Markdown that stands before the card, by name.
    """
    pages = {f"{kind}/index.md": index_page(*KINDS[kind], cards)}
    for name, card in cards.items():
        what = "baseline" if name in list_baselines() else kind.removesuffix("s")
        pages[f"{kind}/{name}.md"] = card_page(what, name, card, shown.get(name, ""))
    return pages


def write_pages(folder: Path, pages: Mapping[str, str]) -> None:
    """Write the pages that have changed, and delete those that are not among them any more."""
    for path in folder.rglob("*.md"):
        if path.relative_to(folder).as_posix() not in pages:
            path.unlink()
    for name, text in pages.items():
        path = folder / name
        # An unchanged file keeps its time, so that Sphinx does not read it again.
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")


def _readable(cards: Mapping[str, BaseModel | BenchError]) -> dict[str, BaseModel]:
    """The cards. Raises an error in the place of a card: the documentation has to be complete."""
    readable: dict[str, BaseModel] = {}
    for name, card in cards.items():
        if isinstance(card, BenchError):
            raise card
        readable[name] = card
    return readable
