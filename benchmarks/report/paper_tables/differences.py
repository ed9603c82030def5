"""Ablations: scores with the difference to the reference of each group of encoders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from satclip_bench.benchmarks.baselines.base import is_baseline
from satclip_bench.benchmarks.ranking.overall import differences_to
from satclip_bench.benchmarks.report.paper_tables.captions import (
    MARKS,
    caption,
    finished,
    tie_note,
)
from satclip_bench.benchmarks.report.paper_tables.layout import DifferencesTable, Layout
from satclip_bench.benchmarks.report.paper_tables.model import (
    Block,
    Entry,
    Heading,
    PaperTable,
    RowStyle,
    Section,
    TableRow,
)
from satclip_bench.benchmarks.report.paper_tables.names import (
    NamedGroup,
    resolve_groups,
    short_name,
    short_task,
)
from satclip_bench.benchmarks.report.paper_tables.panels import (
    PanelScores,
    find_panel,
    measured_cell,
)
from satclip_bench.benchmarks.report.paper_tables.text import Numbers
from satclip_bench.benchmarks.report.results import Results
from satclip_bench.benchmarks.report.wording import listed

REFERENCE = "ref."
"""Stands below the score of the reference of a group."""


def differences_table(
    results: Results, layout: Layout, table: DifferencesTable
) -> tuple[PaperTable | None, list[str]]:
    """An ablation of a run, and sentences on what is left out.

    Args:
        results: results of the run.
        layout: layout with the groups of encoders and their references.
        table: what the layout asks for.

    Returns:
        No table if the run has none of the splits, or no group has two encoders.
    """
    left_out: list[str] = []
    panels: list[PanelScores] = []
    blocks: list[Block] = []
    for panel in table.panels:
        found = find_panel(results, layout, panel, table.probe, None)
        if isinstance(found, str):
            left_out.append(f"{table.name} has no part for {panel.split}: {found}.")
            continue
        groups = resolve_groups(layout, [row.name for row in found.board.rows])
        compared = [group for group in groups if len(group.encoders) > 1]
        alone = [g.title or g.encoders[0] for g in groups if len(g.encoders) == 1]
        if alone:
            left_out.append(
                f"{table.name}, {panel.split}: left out {listed(alone)}, of which the run has a "
                "single encoder."
            )
        if compared:
            panels.append(found)
            blocks += _block(found, compared, layout).chunks(layout.columns)
    if not panels:
        return None, left_out or [f"{table.name} is left out: no group has two encoders."]
    boards = [panel.board for panel in panels]
    numbers = Numbers(layout)
    metrics = dict.fromkeys(numbers.metric(p.metric(t)) for p in panels for t in p.measured_tasks)
    notes = [
        MARKS,
        tie_note(boards),
        f"Below each score: its difference to the encoder of the group marked {REFERENCE}, and the "
        "95 % interval of the difference, which holds for all pairs of encoders of a task "
        "together; none where there are neither bootstrap scores nor three seeds.",
        *(board.subtitle for board in boards),
    ]
    made = PaperTable(
        table.name,
        caption(
            table.caption, f"scores ({listed(metrics)}) and differences to a reference", boards
        ),
        tuple(finished(notes, boards)),
        tuple(blocks),
    )
    return made, left_out


def _block(panel: PanelScores, groups: Sequence[NamedGroup], layout: Layout) -> Block:
    order = layout.tasks or panel.measured_tasks
    tasks = [name for name in order if name in panel.measured_tasks]
    columns = tuple(
        Heading(
            short_task(layout, panel.results.cards[name]), Numbers(layout).sign(panel.metric(name))
        )
        for name in tasks
    )
    return Block(
        panel.panel.title,
        "Encoder",
        columns,
        tuple(_section(panel, group, tasks, layout) for group in groups),
    )


def _section(
    panel: PanelScores, group: NamedGroup, tasks: Sequence[str], layout: Layout
) -> Section:
    ranking = panel.board.ranking
    differences = differences_to(ranking, group.reference)
    rows = []
    for name in group.encoders:
        cells = []
        for task in tasks:
            entry = panel.entry(name, task)
            if name in differences.gap.index:
                gap, low, high = (
                    float(table[task][name])
                    for table in (differences.gap, differences.low, differences.high)
                )
                entry = replace(
                    entry,
                    reference=group.reference,
                    difference=gap,
                    difference_low=low,
                    difference_high=high,
                )
            cells.append(measured_cell(entry, Numbers(layout), _below(entry, Numbers(layout))))
        style: RowStyle = "baseline" if is_baseline(name) else "encoder"
        rows.append(TableRow(short_name(layout, name, panel.results.titles), tuple(cells), style))
    return Section(group.title, tuple(rows))


def _below(entry: Entry, numbers: Numbers) -> tuple[str, ...]:
    """Lines below a score: the difference and its interval, or the mark of the reference."""
    if entry.encoder == entry.reference:
        return (REFERENCE,)
    if np.isnan(entry.difference):
        return ()
    ends = (entry.difference_low, entry.difference_high)
    interval = numbers.interval(entry.metric, *ends)
    return tuple(filter(None, (numbers.difference(entry.metric, entry.difference), interval)))
