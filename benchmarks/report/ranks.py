"""How encoders rate over all tasks: mean rank, Borda, wins, Elo, skill, each with its interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from satclip_bench.benchmarks.baselines.base import is_baseline
from satclip_bench.benchmarks.ranking.ratings import REFERENCE, Ratings, rate
from satclip_bench.benchmarks.ranking.significance import ALPHA, Friedman
from satclip_bench.benchmarks.report.board import Leaderboard, gaps
from satclip_bench.benchmarks.report.latex import escape_latex
from satclip_bench.benchmarks.report.markdown import escape_markdown, table_lines
from satclip_bench.benchmarks.report.wording import DASH, number

WIDE = 125
"""Columns of a terminal that hold a value and its interval side by side."""

HEADINGS = ("Encoder", "Mean rank", "Borda", "Win rate", "Elo", "Skill", "Ties")


@dataclass(frozen=True)
class RankTable:
    """The ratings of a leaderboard, ready to be set.

    Attributes:
        rows: name and the texts under `HEADINGS`, best mean rank first.
        notes: what a reader must know.
    """

    board: Leaderboard
    ratings: Ratings
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    notes: tuple[str, ...]

    @property
    def heading(self) -> str:
        """Edition, split, probe and seeds in one line."""
        return f"Ranks · {self.board.heading}"


def rank_table(board: Leaderboard) -> RankTable:
    """The ratings of the complete encoders of a leaderboard."""
    ratings = rate(board.ranking)
    titles = {row.name: row.title for row in board.rows}
    letters = group_letters(ratings)
    rows = tuple(
        (
            str(name),
            (
                titles.get(str(name), str(name)),
                *(_entry(ratings, str(name), measure) for measure in ratings.values.columns),
                letters[str(name)],
            ),
        )
        for name in ratings.values.index
    )
    return RankTable(board, ratings, rows, tuple(_notes(ratings, board)))


def group_letters(ratings: Ratings) -> dict[str, str]:
    """For every encoder the letters of its tie groups, such as `ab`."""
    of: dict[str, str] = {str(name): "" for name in ratings.values.index}
    for place, group in enumerate(ratings.groups):
        for name in group:
            of[name] += _letter(place)
    return of


def _letter(place: int) -> str:
    lap, letter = divmod(place, 26)
    return "abcdefghijklmnopqrstuvwxyz"[letter] + (str(lap + 1) if lap else "")


_DIGITS = {"rank": 1, "borda": 1, "win_rate": 2, "elo": 0, "skill": 2}


def _entry(ratings: Ratings, name: str, measure: str) -> str:
    value, low, high = (
        float(frame[measure].loc[name]) for frame in (ratings.values, ratings.low, ratings.high)
    )
    if np.isnan(value):
        return DASH
    ends = "" if np.isnan(low) else f" [{_number(low, measure)}, {_number(high, measure)}]"
    return _number(value, measure) + ends


def _number(value: float, measure: str) -> str:
    digits = _DIGITS[measure]
    if measure in ("rank", "borda", "elo"):
        return f"{value:.{digits}f}"
    return number(round(value, digits) + 0.0, digits)


def _notes(ratings: Ratings, board: Leaderboard) -> list[str]:
    notes = [
        f"Over {ratings.tasks} tasks and {board.seeds} seed{'s' * (board.seeds != 1)}. Borda: "
        "mean number of those behind; win rate: share of tasks won against the others; Elo: "
        "Bradley-Terry ratings, mean 1500, 400 points being odds of ten; skill: share of what "
        f"{REFERENCE} leaves to be gained, below -1 counted as that."
    ]
    if ratings.on_these_tasks is not None:
        notes.append(
            "In brackets: 95 % intervals by a bootstrap of spatial blocks, these tasks being "
            "given (ranks: with widened noise, as the order of near equals asks for). Who share a "
            "letter under Ties are not told apart by their scores on these tasks (Holm over all "
            f"pairs, {ALPHA:.0%})."
        )
    if ratings.friedman is not None:
        notes.append(_friedman_note(ratings.friedman, ratings))
    lacking = [gaps(row) for row in board.rows if row.missing]
    return [*notes, *(f"{text}." for text in lacking), board.edition_note]


def _friedman_note(test: Friedman, ratings: Ratings) -> str:
    p = ratings.on_such_tasks.to_numpy()
    upper = p[np.triu_indices(len(p), 1)]
    return (
        f"On other tasks like these: Friedman's test over tasks, p {_p_text(test.p)}; Nemenyi's "
        f"critical difference of mean ranks {test.critical_difference:.1f}; signed-rank tests "
        f"(Holm) tell {int((upper < ALPHA).sum())} of {len(upper)} pairs apart."
    )


def _p_text(p: float) -> str:
    return "< .001" if p < 0.001 else f"= {number(p, 3)}"


def ranks_markdown(table: RankTable) -> str:
    """The table as a Markdown document."""
    body = [
        [f"*{text}*" if is_baseline(name) and not i else text for i, text in enumerate(escaped)]
        for name, texts in table.rows
        for escaped in [[escape_markdown(text) for text in texts]]
    ]
    notes = escape_markdown(" ".join(filter(None, table.notes)))
    lines = [f"# {escape_markdown(table.heading)}", "", *table_lines(HEADINGS, body), "", notes]
    return "\n".join(lines) + "\n"


def ranks_latex(table: RankTable) -> str:
    """The table as a LaTeX `table`."""
    board = table.board
    lines = [
        r"% needs \usepackage{booktabs}",
        r"\begin{table*}",
        r"\centering\footnotesize\setlength{\tabcolsep}{4pt}",
        r"\begin{tabular}{@{}lrrrrrl@{}}",
        r"\toprule",
        " & ".join(HEADINGS) + r" \\",
        r"\midrule",
        *(_latex_row(name, texts) for name, texts in table.rows),
        r"\bottomrule",
        r"\end{tabular}",
        rf"\caption{{{escape_latex(' '.join([f'{table.heading}.', *table.notes]).strip())}}}",
        rf"\label{{tab:ranks-{board.split.replace('.', '-')}-{board.probe}}}",
        r"\end{table*}",
    ]
    return "\n".join(lines) + "\n"


def _latex_row(name: str, texts: tuple[str, ...]) -> str:
    title, *rest = map(escape_latex, texts)
    cells = [rf"\textit{{{title}}}" if is_baseline(name) else title]
    cells += [text.replace("-", "$-$") if text.strip("-") else text for text in rest]
    return " & ".join(cells) + r" \\"


def print_ranks(table: RankTable, console: Console) -> None:
    """Print the table."""
    made = Table(
        title=table.heading,
        title_justify="left",
        title_style="bold",
        box=None,
        header_style="bold",
        pad_edge=False,
    )
    for i, heading in enumerate(HEADINGS):
        justify = "left" if i in (0, len(HEADINGS) - 1) else "right"
        made.add_column(heading, justify=justify, overflow="fold", no_wrap=i > 0)  # type: ignore[arg-type]
    # Where a line is too short, an interval stands below its value.
    before = " [" if console.width >= WIDE else "\n["
    for name, (title, *texts) in table.rows:
        cells = (escape(text.replace(" [", before)) for text in texts)
        made.add_row(escape(title), *cells, style="cyan" if is_baseline(name) else None)
    console.print(made)
    notes = " ".join(filter(None, table.notes))
    console.print(escape(notes), style="dim", highlight=False)
