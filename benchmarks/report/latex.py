"""Boards and tables as LaTeX."""

from __future__ import annotations

import re

from satclip_bench.benchmarks.report.board import Board, Row, Score, gaps, label
from satclip_bench.benchmarks.report.text_table import TextRow, TextTable
from satclip_bench.benchmarks.report.wording import DAGGER, DASH, DOUBLE_DAGGER, SECTION, listed

_GREEK = dict(
    zip(
        "αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΥΦΨΩ",
        (
            *("alpha", "beta", "gamma", "delta", "varepsilon", "zeta", "eta", "theta", "iota"),
            *("kappa", "lambda", "mu", "nu", "xi", "pi", "rho", "sigma", "tau", "upsilon"),
            *("varphi", "chi", "psi", "omega", "Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi"),
            *("Sigma", "Upsilon", "Phi", "Psi", "Omega"),
        ),
        strict=True,
    )
)
"""Commands of Greek letters, which pdfLaTeX's fonts do not have in text."""

_ESCAPES = {
    **{letter: rf"$\{command}$" for letter, command in _GREEK.items()},
    "\N{MINUS SIGN}": "$-$",
    "\N{LESS-THAN OR EQUAL TO}": r"$\leq$",
    "\N{GREATER-THAN OR EQUAL TO}": r"$\geq$",
    "\N{RIGHTWARDS ARROW}": r"$\to$",
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
    DOUBLE_DAGGER: r"$^\ddagger$",
    SECTION: r"\S{}",
    "\n": " ",
}


def escape_latex(text: str) -> str:
    r"""Text with the characters that have a meaning in LaTeX escaped.

    >>> print(escape_latex("50 % of a_b"))
    50 \% of a\_b
    """
    return "".join(_ESCAPES.get(letter, letter) for letter in text)


def latex(board: Board) -> str:
    """A board as a `table*` for `booktabs`: best bold, ties underlined, baselines italic."""
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
        rf"\caption{{{escape_latex(_caption(board))}{_reference(board)}}}",
        rf"\label{{tab:{board.label}}}",
        r"\end{table*}",
    ]
    return "\n".join(lines) + "\n"


def text_latex(table: TextTable) -> str:
    """A table of texts as a `table*` for `booktabs`, baselines in italics."""
    lines = [
        r"% needs \usepackage{booktabs}",
        r"\begin{table*}",
        r"\centering\footnotesize\setlength{\tabcolsep}{4pt}",
        rf"\begin{{tabular}}{{@{{}}{table.alignment}@{{}}}}",
        r"\toprule",
        _line(*table.columns),
        r"\midrule",
        *(_text_row(row) for row in table.rows),
        r"\bottomrule",
        r"\end{tabular}",
        rf"\caption{{{escape_latex(f'{table.heading}. {table.note}'.strip())}}}",
        rf"\label{{tab:{table.label}}}",
        r"\end{table*}",
    ]
    return "\n".join(lines) + "\n"


def _text_row(row: TextRow) -> str:
    title, *texts = row.texts
    title = escape_latex(title)
    # Every hyphen of a number is a minus sign; the dash of a missing one becomes two hyphens.
    cells = [escape_latex(text.replace("-", "\N{MINUS SIGN}")) for text in texts]
    return " & ".join([rf"\textit{{{title}}}" if row.baseline else title, *cells]) + r" \\"


def _reference(board: Board) -> str:
    """Reference to the table of differences, if a score is marked as tied."""
    tied = any(score.tied and not score.best for row in board.rows for score in row.scores)
    return (
        rf" Differences to the best: Table~\ref{{tab:{label('gaps', board.label)}}}."
        if tied
        else ""
    )


def _caption(board: Board) -> str:
    heads: dict[str, list[str]] = {}
    for card, sign in zip(board.tasks, board.metrics, strict=True):
        heads.setdefault(sign, []).append(card.title)
    scored = [f"{sign} for {listed(titles)}" for sign, titles in heads.items()]
    unranked = [f"{gaps(row)}." for row in board.rows if row.missing]
    opening = f"{board.heading[0].upper()}{board.heading[1:]}."
    if board.subtitle:
        opening += f" {board.subtitle}"
    elif scored:
        opening += f" Scores: {listed(scored)}."
    italics = "Baselines in italics." if board.has_baselines else ""
    return " ".join(filter(None, [opening, board.note, italics, *unranked]))


def _headings(board: Board) -> list[str]:
    """One line per word of the longest heading, so that a column is as wide as its numbers."""
    words = [["Encoder"], ["Rank"], *(heading.split() for heading in board.headings)]
    depth = max(map(len, words))
    filled = [[*column, *[""] * (depth - len(column))] for column in words]
    return [_line(*line) for line in zip(*filled, strict=True)]


def _line(*cells: str) -> str:
    return " & ".join(map(escape_latex, cells)) + r" \\"


def _row(row: Row) -> tuple[str, ...]:
    """A line, and one below it with the intervals if they are known."""
    title = escape_latex(row.title)
    rank, *spread = row.rank_text().split(" ± ")
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
    # LaTeX sets a hyphen shorter than a minus sign.
    return re.sub(r"(?<!-)-(?=[\d.])", "$-$", escape_latex(text))


def _score(score: Score) -> str:
    text = _minus(score.text())
    form = r"\textbf{%s}" if score.best else r"\underline{%s}" if score.tied else "%s"
    return form % text + escape_latex(score.mark) + _spread(score.spread())


def _spread(text: str) -> str:
    return rf"{{\tiny$\pm${text}}}" if text else ""
