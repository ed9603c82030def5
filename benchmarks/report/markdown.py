"""Tables as Markdown: leaderboards, and held-out regions one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import pandas as pd

from satclip_bench.benchmarks.report.board import Leaderboard, Row, Score, gaps, leaderboard
from satclip_bench.benchmarks.report.wording import DASH, number
from satclip_bench.tasks import TaskCard


def escape_markdown(text: str) -> str:
    """`text` fit for a cell of a Markdown table."""
    return "".join("\\" + c if c in r"\|*_`<>[]" else c for c in text).replace("\n", " ")


def markdown(board: Leaderboard) -> str:
    """A leaderboard as a Markdown document: best bold, ties underlined, baselines in italics."""
    head = ["Encoder", "Mean rank"]
    head += [f"{h} ({m})" for h, m in zip(board.headings, board.metrics, strict=True)]
    body: list[list[str]] = []
    for name, rows in board.groups:
        if name != "encoders":
            body.append([f"*{name}*", *[""] * (len(head) - 1)])
        body += [_row(row) for row in rows]
    lines = [
        f"# {escape_markdown(board.heading)}",
        "",
        *table_lines(head, body),
        "",
        escape_markdown(board.note) + " Baselines in italics.",
    ]
    lacking = [f"- {escape_markdown(gaps(row))}" for row in board.rows if row.missing]
    return "\n".join([*lines, *([""] if lacking else []), *lacking]) + "\n"


def _row(row: Row) -> list[str]:
    return [_title(row), rank_text(row), *map(_score, row.scores)]


def _title(row: Row) -> str:
    title = escape_markdown(row.title)
    return f"*{title}*" if row.baseline else title


def rank_text(row: Row) -> str:
    """A row's mean rank and its spread, or a dash."""
    if np.isnan(row.rank):
        return DASH
    return f"{row.rank:.1f}" + ("" if np.isnan(row.rank_std) else f" ± {row.rank_std:.1f}")


def _score(score: Score) -> str:
    form = "**{}**" if score.best else "<u>{}</u>" if score.tied else "{}"
    spread = score.spread()
    text = form.format(escape_markdown(score.text())) + score.mark
    ends = escape_markdown(score.interval())
    return text + (f" ± {spread}" if spread else "") + (f"<br><sub>{ends}</sub>" if ends else "")


def regions(
    frame: pd.DataFrame,
    cards: Mapping[str, TaskCard],
    probe: str,
    titles: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Held-out regions one by one, as Markdown: for each task, encoders x regions."""
    board = leaderboard(frame, cards, titles, "held-out-region", probe)
    of_split = frame[(frame["split"] == board.split) & (frame["status"] == "done")]
    lines = [f"# Held-out regions one by one, probe `{probe}`"]
    for card in board.tasks:
        table = board.ranking.by_fold.xs(card.name, axis=1, level="task")
        values = dict(zip(table.index, table.to_numpy(dtype=np.float64).tolist(), strict=True))
        sizes = of_split[of_split["task"] == card.name].groupby("fold")[["n_test", "n_unseen"]]
        counts = sizes.max().reindex(table.columns)
        body = [
            [_title(row), *(escape_markdown(number(v)) for v in values[row.name])]
            for row in board.rows
        ]
        body.append(["*test points*", *map(_count, counts["n_test"])])
        if (counts["n_unseen"] > 0).any():
            body.append(["*of classes never trained*", *map(_count, counts["n_unseen"])])
        head = ["Encoder", *(escape_markdown(str(fold)) for fold in table.columns)]
        title = escape_markdown(f"{card.title} ({card.metric})")
        lines += ["", f"## {title}", "", *table_lines(head, body)]
    note = f"Mean over the seeds that are done. {board.edition_note}".strip()
    return "\n".join([*lines, "", escape_markdown(note)]) + "\n"


def _count(value: float) -> str:
    return DASH if np.isnan(value) else f"{value:.0f}"


def table_lines(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table, its first column to the left and the others to the right."""
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return ["| " + " | ".join(cells) + " |" for cells in (head, rule, *rows)]
