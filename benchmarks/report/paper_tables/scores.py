"""Tables of scores, tasks x encoders, in either orientation, with published scores."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from satclip_bench.benchmarks.baselines.base import is_baseline
from satclip_bench.benchmarks.ranking.places import wins
from satclip_bench.benchmarks.report.paper_tables.layout import Layout, ScoresTable
from satclip_bench.benchmarks.report.paper_tables.model import (
    Block,
    Cell,
    Entry,
    Heading,
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
    measured_cell,
    published_cell,
)
from satclip_bench.benchmarks.report.paper_tables.text import Numbers
from satclip_bench.tasks import TaskCard, list_tasks, task_card

WINS = "Wins (with ties)"


@dataclass(frozen=True)
class ScoreBlocks:
    """Builder of the blocks of a table of scores."""

    layout: Layout
    table: ScoresTable
    panels: Sequence[PanelScores]
    titles: Mapping[str, str]
    cards: Mapping[str, TaskCard]

    @property
    def numbers(self) -> Numbers:
        """Format of the numbers."""
        return Numbers(self.layout)

    def blocks(self) -> tuple[Block, ...]:
        """Blocks with tasks or encoders in rows."""
        whole = self._tasks_in_rows() if self.table.rows == "tasks" else self._encoders_in_rows()
        columns = self.table.columns or self.layout.columns
        return tuple(part.compact() for block in whole for part in block.chunks(columns))

    def _groups(self) -> tuple[NamedGroup, ...]:
        """Groups of encoders that some panel has, measured or published."""
        measured = [row.name for panel in self.panels for row in panel.board.rows]
        known = [
            str(name)
            for panel in self.panels
            if len(panel.published)
            for name in panel.published["suite_encoder"].dropna()
        ]
        return resolve_groups(self.layout, [*measured, *known])

    def _tasks_of(self, panel: PanelScores) -> list[str]:
        """Tasks of a panel, in the order of the layout or of the run."""
        known = [*panel.measured_tasks]
        if len(panel.published):
            known += [t for t in panel.published["task"].unique() if t in list_tasks()]
        order = self.layout.tasks or known
        return [name for name in dict.fromkeys(order) if name in known]

    def _tasks_in_rows(self) -> list[Block]:
        return [
            Block(
                group.title,
                "Task",
                tuple(self._encoder_heading(name) for name in group.encoders),
                tuple(s for panel in self.panels for s in self._sections(panel, group)),
            )
            for group in self._groups()
        ]

    def _sections(self, panel: PanelScores, group: NamedGroup) -> list[Section]:
        """Sections of a panel, one per metric, and the wins of the panel in the last."""
        sections: dict[str, list[TableRow]] = {}
        for task in self._tasks_of(panel):
            rows = sections.setdefault(panel.metric(task), [])
            title = short_name(self.layout, task, {task: self._card(task).title})
            entries = [panel.entry(encoder, task) for encoder in group.encoders]
            published = self._published_lines(panel, task, group)
            if published or not all(np.isnan(entry.value) for entry in entries):
                rows.append(TableRow(title, tuple(map(self._measured, entries)), "task"))
                rows += published
        named = [
            Section(": ".join(filter(None, (panel.panel.title, self._metric_title(m)))), (*rows,))
            for m, rows in sections.items()
            if rows
        ]
        if self.table.wins and panel.measured_tasks and named:
            counts = tuple(self._wins(panel)[name] for name in group.encoders)
            named.append(Section("", (TableRow(WINS, counts, "count"),)))
        return named

    def _published_lines(self, panel: PanelScores, task: str, group: NamedGroup) -> list[TableRow]:
        """Rows of published scores of a task, one per published split that has it."""
        rows = []
        if panel.published.empty:
            return []
        of_task = panel.published[panel.published["task"] == task]
        for split, scores in of_task.groupby("split", sort=False):
            by_encoder = {str(row["suite_encoder"]): row for row in scores.to_dict("records")}
            cells = tuple(
                self._published(by_encoder[name], panel) if name in by_encoder else Cell()
                for name in group.encoders
            )
            if not any(cell.text for cell in cells):
                continue
            setting = str(split).partition(", ")[2]
            rows.append(
                TableRow(", ".join(filter(None, ("published", setting))), cells, "published")
            )
        return rows

    def _encoders_in_rows(self) -> list[Block]:
        blocks = []
        for panel in self.panels:
            tasks = self._tasks_of(panel)
            counts = self._wins(panel) if self.table.wins else {}
            sections = [
                Section(
                    group.title,
                    tuple(
                        TableRow(
                            short_name(self.layout, name, self.titles),
                            (
                                *(self._measured(panel.entry(name, task)) for task in tasks),
                                *([counts[name]] if counts else []),
                            ),
                            "baseline" if is_baseline(name) else "encoder",
                        )
                        for name in group.encoders
                        if name in panel.rows
                    ),
                )
                for group in self._groups()
            ]
            columns = [
                Heading(
                    short_task(self.layout, self._card(task)), self.numbers.sign(panel.metric(task))
                )
                for task in tasks
            ]
            if counts:
                columns.append(Heading("Wins", "(ties)"))
            sections += self._published_section(panel, tasks, len(columns))
            blocks.append(
                Block(
                    panel.panel.title,
                    "Encoder",
                    tuple(columns),
                    tuple(section for section in sections if section.rows),
                )
            )
        return blocks

    def _published_section(
        self, panel: PanelScores, tasks: Sequence[str], width: int
    ) -> list[Section]:
        """All published rows, below the measured ones."""
        if panel.published.empty:
            return []
        rows = []
        for encoder, scores in panel.published.groupby("encoder", sort=False):
            by_task = {str(row["task"]): row for row in scores.to_dict("records")}
            cells = [
                self._published(by_task[task], panel) if task in by_task else Cell()
                for task in tasks
            ]
            cells += [Cell()] * (width - len(cells))
            rows.append(TableRow(str(encoder), tuple(cells), "published"))
        return [Section(f"As published: {panel.source}", tuple(rows))]

    def _measured(self, entry: Entry) -> Cell:
        below = ""
        if self.table.below == "interval":
            below = self.numbers.interval(entry.metric, entry.low, entry.high)
        elif self.table.below == "spread" and not np.isnan(entry.std):
            below = f"±{self.numbers.score(entry.metric, entry.std)}"
        return measured_cell(entry, self.numbers, filter(None, [below]))

    def _published(self, row: Mapping[Hashable, object], panel: PanelScores) -> Cell:
        cell = published_cell(row, self.numbers, panel.source)
        return replace(cell, below=()) if self.table.below == "nothing" else cell

    def _wins(self, panel: PanelScores) -> dict[str, Cell]:
        encoders = [name for group in self._groups() for name in group.encoders]
        counts = wins(panel.places, encoders, [*panel.measured_tasks])
        return {
            name: Cell(f"{alone} ({shared})") if name in panel.rows else Cell()
            for name, (alone, shared) in counts.items()
        }

    def _encoder_heading(self, name: str) -> Heading:
        return Heading(short_name(self.layout, name, self.titles), baseline=is_baseline(name))

    def _card(self, name: str) -> TaskCard:
        """Card of a measured task, or of one that was only published."""
        return self.cards[name] if name in self.cards else task_card(name)

    def _metric_title(self, metric: str) -> str:
        name = self.numbers.metric(metric)
        return name[0].upper() + name[1:]
