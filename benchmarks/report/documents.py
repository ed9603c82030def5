"""Leaderboards as Markdown and LaTeX, and the scores of each region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.report.model import (
    DASH,
    Leaderboard,
    Row,
    Score,
    boards,
    edition_note,
    gaps,
    leaderboard,
    number,
)
from core.files import atomic_write
from tasks import TaskCard

_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "²": r"\textsuperscript{2}",
    "±": r"$\pm$",
    DASH: "--",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
}


def escape_latex(text: str) -> str:
    """`text` with everything that means something to LaTeX made harmless."""
    return "".join(_LATEX.get(letter, letter) for letter in text)


def escape_markdown(text: str) -> str:
    """`text` fit for a cell of a Markdown table."""
    return "".join("\\" + c if c in r"\|*_`<>[]" else c for c in text).replace("\n", " ")


def markdown(board: Leaderboard) -> str:
    """A leaderboard as a Markdown document."""
    head = ["Encoder", "Mean rank"]
    head += [f"{h} ({m})" for h, m in zip(board.headings, board.metrics, strict=True)]
    lines = [
        f"# {board.edition} edition, split `{board.split}`, probe `{board.probe}`",
        "",
        *_markdown_table(head, [_markdown_row(row) for row in board.rows]),
        "",
        escape_markdown(board.note) + " Baselines in italics.",
    ]
    lines += [f"\n{escape_markdown(gaps(row))}" for row in board.rows if row.missing]
    return "\n".join(lines) + "\n"


def _markdown_row(row: Row) -> list[str]:
    title = escape_markdown(row.title)
    return [
        f"*{title}*" if row.baseline else title,
        _rank(row, " ± "),
        *(_decorate(score, "**{}**", "<u>{}</u>", " ± ") for score in row.scores),
    ]


def _rank(row: Row, plus_minus: str) -> str:
    if np.isnan(row.rank):
        return DASH
    spread = "" if np.isnan(row.rank_std) else f"{plus_minus}{row.rank_std:.1f}"
    return f"{row.rank:.1f}{spread}"


def _decorate(score: Score, bold: str, underlined: str, plus_minus: str) -> str:
    form = bold if score.best else underlined if score.tied else "{}"
    spread = score.spread()
    return form.format(score.text()) + (f"{plus_minus}{spread}" if spread else "")


def _markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return ["| " + " | ".join(cells) + " |" for cells in (head, rule, *rows)]


def latex(board: Leaderboard) -> str:
    """A leaderboard as a LaTeX table for `booktabs`."""
    heads = " & ".join(escape_latex(h) for h in ("Encoder", "Rank", *board.headings))
    metrics = " & ".join(["", "", *(escape_latex(m) for m in board.metrics)])
    lines = [
        r"% needs \usepackage{booktabs}",
        r"\begin{table}",
        r"\centering\small",
        rf"\begin{{tabular}}{{l{'r' * (len(board.tasks) + 1)}}}",
        r"\toprule",
        heads + r" \\",
        metrics + r" \\",
        r"\midrule",
    ]
    for row in board.rows:
        title = escape_latex(row.title)
        cells = [rf"\textit{{{title}}}" if row.baseline else title]
        cells += [_rank(row, r"$\pm$").replace(DASH, "--")]
        cells += [
            _decorate(s, r"\textbf{{{}}}", r"\underline{{{}}}", r"$\pm$").replace(DASH, "--")
            for s in row.scores
        ]
        lines.append(" & ".join(cells) + r" \\")
    caption = (
        f"{board.edition.capitalize()} edition, split {board.split}, probe {board.probe}. "
        f"{board.note} Baselines in italics."
    )
    caption += "".join(f" {gaps(row)}." for row in board.rows if row.missing)
    lines += [
        r"\bottomrule",
        r"\end{tabular}",
        rf"\caption{{{escape_latex(caption)}}}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def regions(frame: pd.DataFrame, cards: Mapping[str, TaskCard], probe: str) -> str:
    """Held-out regions one by one, as Markdown: for each task, encoders x regions."""
    rows = frame[(frame["split"] == "held-out-region") & frame["probe"].isin([probe, "none"])]
    used = tuple(card for name, card in cards.items() if (rows["task"] == name).any())
    lines = [f"# Held-out regions one by one, probe `{probe}`", ""]
    for card in used:
        of_task = rows[(rows["task"] == card.name) & (rows["metric"] == card.metric)]
        scores = of_task.pivot_table(index="encoder", columns="fold", values="value")
        unseen = of_task.groupby("fold")[["n_test", "n_unseen"]].max()
        lines += [f"## {card.title} ({card.metric})", ""]
        body = [
            [escape_markdown(str(e)), *(number(float(v)) for v in scores.loc[e])]
            for e in scores.index
        ]
        counts = [str(n) for n in unseen["n_test"]]
        body.append(["*test points*", *counts])
        if unseen["n_unseen"].any():
            body.append(["*of classes never trained*", *(f"{n}" for n in unseen["n_unseen"])])
        lines += [*_markdown_table(["Encoder", *map(str, scores.columns)], body), ""]
    editions = ", ".join(sorted(rows["edition"].unique()))
    return "\n".join([*lines, escape_markdown(edition_note(editions, used))]) + "\n"


def write_tables(
    frame: pd.DataFrame, cards: Mapping[str, TaskCard], titles: Mapping[str, str], out: Path
) -> tuple[Path, ...]:
    """Write every leaderboard of a frame as Markdown and LaTeX, and the tables of regions."""
    contents: dict[str, str] = {}
    for split, probe in boards(frame):
        board = leaderboard(frame, cards, titles, split, probe)
        contents[f"leaderboard.{split}.{probe}.md"] = markdown(board)
        contents[f"leaderboard.{split}.{probe}.tex"] = latex(board)
        if split == "held-out-region":
            contents[f"regions.{probe}.md"] = regions(frame, cards, probe)
    for name, content in contents.items():
        with atomic_write(out / name) as stream:
            stream.write(content.encode())
    return tuple(out / name for name in contents)
