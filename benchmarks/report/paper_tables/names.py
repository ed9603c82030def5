"""Names of a layout, checked and resolved: encoders of its groups, tasks, and published scores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import pandas as pd

from satclip_bench.benchmarks.baselines import list_baselines
from satclip_bench.benchmarks.report.paper_tables.layout import Layout, Published, ScoresTable
from satclip_bench.benchmarks.report.results import Results
from satclip_bench.benchmarks.report.wording import SECTION, SHORT
from satclip_bench.benchmarks.reproduction.papers import PAPERS, PublishedTable
from satclip_bench.benchmarks.reproduction.published import published_scores
from satclip_bench.core.errors import BenchError, UnknownNameError
from satclip_bench.core.registry import is_wildcard, unknown_name
from satclip_bench.encoders import list_encoders
from satclip_bench.tasks import TaskCard, list_tasks


def check_names(layout: Layout, results: Results) -> None:
    """Refuse unknown encoders, tasks, papers and their tables.

    Names that the suite or the run knows are allowed, whether or not the run has them all.

    Raises:
        UnknownNameError: a name is unknown; the message has similar names.
    """
    tasks = tuple(dict.fromkeys((*list_tasks(), *results.frame["task"])))
    encoders = tuple(
        dict.fromkeys((*results.frame["encoder"], *list_encoders(), *list_baselines()))
    )
    published = [
        name for paper in PAPERS.values() for t in paper.tables for name in t.encoders.values()
    ]
    for name in layout.tasks:
        _require("task", name, tasks)
    named = [name for group in layout.groups for name in (*group.encoders, group.reference)]
    for name in filter(None, named):
        if not is_wildcard(name):
            _require("encoder", name, (*encoders, *published))
    for name in layout.names:
        _require("encoder or task", name, (*encoders, *published, *tasks))
    for table in layout.tables:
        if isinstance(table, ScoresTable) and table.published is not None:
            published_table(table.published)


def _require(noun: str, name: str, known: Sequence[str]) -> None:
    if name not in known:
        raise UnknownNameError(f"in the layout, {unknown_name(noun, name, known)}")


@dataclass(frozen=True)
class NamedGroup:
    """A group of a layout with the encoders that are there."""

    title: str
    reference: str
    encoders: tuple[str, ...]


def resolve_groups(layout: Layout, available: Iterable[str]) -> tuple[NamedGroup, ...]:
    """Groups of a layout with the encoders that there are; empty groups are left out.

    An encoder belongs to the group that names it, else to the first with a wildcard that fits; the
    wildcard `*` selects what is left over.

    Args:
        layout: the layout.
        available: names of the encoders that there are, best first.
    """
    available = list(dict.fromkeys(available))
    places = [(i, pattern) for i, g in enumerate(layout.groups) for pattern in g.encoders]
    members: list[dict[str, list[str]]] = [{p: [] for p in g.encoders} for g in layout.groups]
    for name in available:
        fitting = [(i, p) for i, p in places if p == name or fnmatchcase(name, p)]
        if fitting:
            group, pattern = min(fitting, key=lambda place: _vagueness(name, place[1]))
            members[group][pattern].append(name)
    return tuple(
        NamedGroup(
            group.title, group.reference, tuple(name for p in of_group.values() for name in p)
        )
        for group, of_group in zip(layout.groups, members, strict=True)
        if any(of_group.values())
    )


def _vagueness(name: str, pattern: str) -> int:
    """Order in which patterns that fit a name are chosen: the name, wildcards, and last `*`."""
    return 0 if pattern == name else 2 if pattern == "*" else 1


def published_table(published: Published) -> PublishedTable:
    """The published table of a layout.

    Raises:
        UnknownNameError: the paper or its table is unknown; the message has similar names.
    """
    _require("paper", published.paper, tuple(PAPERS))
    tables = {table.table: table for table in PAPERS[published.paper].tables}
    _require(f"table of paper {published.paper}", published.table, tuple(tables))
    return tables[published.table]


def published_rows(published: Published, splits: Sequence[str]) -> pd.DataFrame:
    """Scores of a published table under some of its splits, with the suite's names of encoders.

    Args:
        published: the table.
        splits: published names of splits.

    Returns:
        Rows of `published_scores` with the column `suite_encoder`; none for no splits.

    Raises:
        BenchError: the table has no such split; the message lists those that it has.
    """
    table = published_table(published)
    scores = published_scores()
    scores = scores[(scores["paper"] == table.paper) & (scores["table"] == table.table)]
    known = tuple(scores["split"].unique())
    for split in splits:
        if split not in known:
            raise BenchError(
                f"in the layout, {table.paper}, {table.table} has no published split {split!r}. It "
                f"has: {'; '.join(known)}"
            )
    scores = scores[scores["split"].isin(splits)]
    return scores.assign(suite_encoder=scores["encoder"].map(dict(table.encoders)))


def short_name(layout: Layout, name: str, titles: Mapping[str, str]) -> str:
    """Name of an encoder or task that the table prints: the layout's, else its title.

    The mark of an encoder whose scores others submitted is kept.
    """
    title = titles.get(name, name)
    mark = f" {SECTION}" if title.endswith(f" {SECTION}") else ""
    return f"{layout.names[name]}{mark}" if name in layout.names else title


def short_task(layout: Layout, card: TaskCard) -> str:
    """Heading of a task's column: the layout's name, else its short name."""
    return layout.names.get(card.name, SHORT.get(card.name, card.title).replace("-", ""))
