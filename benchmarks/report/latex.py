"""A leaderboard as a LaTeX table."""

from __future__ import annotations

import re

from satclip_bench.benchmarks.report.board import Leaderboard, Row, Score, gaps
from satclip_bench.benchmarks.report.markdown import rank_text
from satclip_bench.benchmarks.report.wording import DAGGER, DASH, listed

_ESCAPES = {
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
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    # At the start of a row these would be read as arguments of the line break before it.
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
    "²": r"\textsuperscript{2}",
    "±": r"$\pm$",
    "·": r"$\cdot$",
    "…": r"\dots{}",
    DASH: "--",
    DAGGER: r"$^\dagger$",
    "\n": " ",
}


def escape_latex(text: str) -> str:
    """`text` with everything that means something to LaTeX made harmless."""
    return "".join(_ESCAPES.get(letter, letter) for letter in text)


def latex(board: Leaderboard) -> str:
    """A leaderboard as a `table*` for `booktabs`: best bold, ties underlined, baselines italic."""
    width = len(board.tasks) + 2
    size = "footnotesize" if len(board.tasks) < 7 else "scriptsize"
    lines = [
        r"% needs \usepackage{booktabs}",
        r"\begin{table*}",
        rf"\centering\{size}\setlength{{\tabcolsep}}{{3pt}}",
        rf"\begin{{tabular}}{{@{{}}l{'r' * (width - 1)}@{{}}}}",
        r"\toprule",
        *_headings(board),
        _line("", "", *board.metrics),
    ]
    for name, rows in board.groups:
        lines.append(r"\midrule")
        if name == "not ranked":
            lines.append(rf"\multicolumn{{{width}}}{{@{{}}l}}{{Not ranked:}} \\")
        lines += [line for row in rows for line in _row(row)]
    lines += [
        r"\bottomrule",
        r"\end{tabular}",
        rf"\caption{{{escape_latex(_caption(board))}}}",
        rf"\label{{tab:{re.sub(r'[^a-z0-9]+', '-', f'{board.split}-{board.probe}'.lower())}}}",
        r"\end{table*}",
    ]
    return "\n".join(lines) + "\n"


def _caption(board: Leaderboard) -> str:
    heads: dict[str, list[str]] = {}
    for card, sign in zip(board.tasks, board.metrics, strict=True):
        heads.setdefault(sign, []).append(card.title)
    scored = [f"{sign} for {listed(titles)}" for sign, titles in heads.items()]
    lacking = [f"{gaps(row)}." for row in board.rows if row.missing]
    opening = f"{board.heading[0].upper()}{board.heading[1:]}. Scores: {listed(scored)}."
    return " ".join([opening, board.note, "Baselines in italics.", *lacking])


def _headings(board: Leaderboard) -> list[str]:
    """One line for each word of the longest heading, so that a column is as wide as its numbers."""
    words = [["Encoder"], ["Rank"], *(heading.split() for heading in board.headings)]
    depth = max(map(len, words))
    filled = [[*part, *[""] * (depth - len(part))] for part in words]
    return [_line(*line) for line in zip(*filled, strict=True)]


def _line(*cells: str) -> str:
    return " & ".join(map(escape_latex, cells)) + r" \\"


def _row(row: Row) -> tuple[str, ...]:
    """A line, and one below it with the intervals where they are known."""
    title = escape_latex(row.title)
    rank, *spread = rank_text(row).split(" ± ")
    cells = [
        rf"\textit{{{title}}}" if row.baseline else title,
        escape_latex(rank) + _spread(spread[0] if spread else ""),
        *map(_score, row.scores),
    ]
    line = " & ".join(cells) + r" \\"
    if not any(score.interval() for score in row.scores):
        return (line,)
    ends = ["", "", *(rf"{{\tiny {_minus(score.interval())}}}" for score in row.scores)]
    return (line, " & ".join(ends) + r" \\")


def _minus(text: str) -> str:
    # A hyphen is no minus sign.
    return re.sub(r"(?<!-)-(?=[\d.])", "$-$", escape_latex(text))


def _score(score: Score) -> str:
    text = _minus(score.text())
    form = r"\textbf{%s}" if score.best else r"\underline{%s}" if score.tied else "%s"
    return form % text + escape_latex(score.mark) + _spread(score.spread())


def _spread(text: str) -> str:
    return rf"{{\tiny$\pm${text}}}" if text else ""
