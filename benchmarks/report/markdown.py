"""Boards and tables as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from satclip_bench.benchmarks.report.board import Board, Row, Score, gaps
from satclip_bench.benchmarks.report.text_table import TextTable


def escape_markdown(text: str) -> str:
    r"""Text with the characters that have a meaning in a Markdown table escaped.

    >>> print(escape_markdown("a|b"))
    a\|b
    """
    return "".join("\\" + c if c in r"\|*_`<>[]" else c for c in text).replace("\n", " ")


def markdown(board: Board) -> str:
    """A board as a Markdown document: best bold, ties underlined, baselines in italics."""
    head = ["Encoder", "Mean rank", *map(escape_markdown, board.columns)]
    body: list[list[str]] = []
    for name, rows in board.groups:
        if name != "encoders":
            body.append([f"*{name}*", *[""] * (len(head) - 1)])
        body += [_row(row) for row in rows]
    note = board.note + (" Baselines in italics." if board.has_baselines else "")
    lines = [
        f"# {escape_markdown(board.heading)}",
        "",
        *([escape_markdown(board.subtitle), ""] if board.subtitle else []),
        *table_lines(head, body),
        "",
        escape_markdown(note),
    ]
    unranked = [f"- {escape_markdown(gaps(row))}" for row in board.rows if row.missing]
    return "\n".join([*lines, *([""] if unranked else []), *unranked]) + "\n"


def sections(*documents: str) -> str:
    r"""Markdown documents as one, all but the first of them with their headings one level deeper.

    >>> sections("# a\n", "# b\n")
    '# a\n\n## b\n'
    """
    first, *others = documents
    return "\n".join([first, *("#" + other for other in others)])


def _row(row: Row) -> list[str]:
    return [_title(row), row.rank_text(), *map(_score, row.scores)]


def _title(row: Row) -> str:
    title = escape_markdown(row.title)
    return f"*{title}*" if row.baseline else title


def _score(score: Score) -> str:
    form = "**{}**" if score.best else "<u>{}</u>" if score.tied else "{}"
    spread = score.spread()
    text = form.format(escape_markdown(score.text())) + score.mark
    ends = escape_markdown(score.interval())
    return text + (f" ± {spread}" if spread else "") + (f"<br><sub>{ends}</sub>" if ends else "")


def text_markdown(table: TextTable) -> str:
    """A table of texts as a Markdown document, baselines in italics."""
    body = []
    for row in table.rows:
        title, *texts = map(escape_markdown, row.texts)
        body.append([f"*{title}*" if row.baseline else title, *texts])
    columns = [escape_markdown(column) for column in table.columns]
    lines = [f"# {escape_markdown(table.heading)}", "", *table_lines(columns, body)]
    return "\n".join([*lines, "", escape_markdown(table.note)]) + "\n"


def table_lines(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table, its first column left-aligned and the others right-aligned.

    >>> table_lines(["Encoder", "Rank"], [["GeoCLIP", "1.0"]])
    ['| Encoder | Rank |', '| --- | ---: |', '| GeoCLIP | 1.0 |']
    """
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return ["| " + " | ".join(cells) + " |" for cells in (head, rule, *rows)]
