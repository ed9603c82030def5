"""Progress of an evaluation: bars in a terminal or a notebook, a few lines in a log file."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column
from typing_extensions import override

from satclip_bench.benchmarks.runs.callbacks import Callbacks

if TYPE_CHECKING:
    from rich.progress import TaskID


SILENCE = 60.0
"""Seconds without a line after which a log file gets one, since long cells come first."""


class Meter(Callbacks):
    """Progress callbacks that draw one bar per stage, and print each reason for failure once.

    A console that cannot redraw, such as a log file, gets lines instead of bars.

    Args:
        console: console to draw on.
        every_step: whether a log file gets a line for every step; by default it gets ten per stage,
            and one after each minute without any.
        show_failures: whether reasons for failure are printed.
    """

    def __init__(
        self, console: Console, *, every_step: bool = False, show_failures: bool = True
    ) -> None:
        self._console = console
        self._every_step, self._show_failures = every_step, show_failures
        self._redraws = console.is_terminal or console.is_jupyter
        # In a narrow terminal, the name of the cell is cut off and not the numbers.
        name = Column(ratio=1, no_wrap=True, overflow="ellipsis")
        self._progress = Progress(
            TextColumn("{task.description:10}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(table_column=Column(no_wrap=True)),
            TimeElapsedColumn(table_column=Column(no_wrap=True)),
            TimeRemainingColumn(table_column=Column(no_wrap=True)),
            TextColumn("{task.fields[now]}", markup=False, table_column=name),
            console=console,
            expand=True,
            disable=not self._redraws,
        )
        self._bars: dict[str, TaskID] = {}
        self._printed_reasons: set[str] = set()
        self._printed_at: dict[str, float] = {}

    def __enter__(self) -> Meter:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._progress.stop()

    @override
    def start(self, stage: str, total: int) -> None:
        self._bars[stage] = self._progress.add_task(stage, total=total, now="", visible=total > 0)

    @override
    def advance(self, stage: str, title: str) -> None:
        bar = self._bars[stage]
        self._progress.update(bar, advance=1, now=title)
        task = self._progress.tasks[bar]
        if self._redraws or not task.total:
            return
        done, total, elapsed = int(task.completed), int(task.total), task.elapsed or 0.0
        text = f"{stage}: {done} of {total}, {elapsed:.0f} s"
        if self._every_step:
            self._print(f"{text}: {title}")
        elif (
            done % max(1, total // 10) == 0
            or done == total
            or elapsed > self._printed_at.get(stage, 0.0) + SILENCE
        ):
            self._printed_at[stage] = elapsed
            self._print(text)

    @override
    def failed(self, title: str, reason: str) -> None:
        if self._show_failures and reason not in self._printed_reasons:
            self._printed_reasons.add(reason)
            self._console.print(f"[red]failed[/red] {escape(title)}: {escape(reason)}")

    @override
    def warn(self, message: str) -> None:
        self._console.print(
            f"[yellow]warning[/yellow] {escape(message)}", soft_wrap=True, highlight=False
        )

    def describe(self, stage: str, text: str) -> None:
        """Show what a stage is doing, such as the epoch of a fit, beside its bar."""
        self._progress.update(self._bars[stage], now=text)

    def _print(self, line: str) -> None:
        self._console.print(line, soft_wrap=True, markup=False)
