"""Tables of a run, written to files."""

from __future__ import annotations

from pathlib import Path

from satclip_bench.benchmarks.report.latex import latex, text_latex
from satclip_bench.benchmarks.report.markdown import markdown, regions, text_markdown
from satclip_bench.benchmarks.report.results import Results
from satclip_bench.core.files import atomic_write


def write_tables(results: Results, out: Path) -> tuple[Path, ...]:
    """Write the tables of a run as Markdown, the first three also as LaTeX.

    `leaderboard.<split>.<probe>` (tasks x encoders), `ranks.<split>.<probe>` (ratings over tasks),
    `rank-changes.<probe>` for probes with several splits, and `regions.<probe>`. Beside tasks of
    papers, user tables have separate tables, with their name before the ending.

    The same frame gives the same bytes, regardless of the order of its rows.

    Args:
        results: results of the run.
        out: folder of the tables.

    Returns:
        Paths of the written files.

    Raises:
        BenchError: the frame is empty, or a file cannot be written.
    """
    contents: dict[str, str] = {}
    for suffix, part in results.parts:
        for split, probe in part.boards:
            board, ranks = part.board(split, probe), part.ranks(split, probe)
            contents[f"leaderboard.{split}.{probe}{suffix}.md"] = markdown(board)
            contents[f"leaderboard.{split}.{probe}{suffix}.tex"] = latex(board)
            contents[f"ranks.{split}.{probe}{suffix}.md"] = text_markdown(ranks.text)
            contents[f"ranks.{split}.{probe}{suffix}.tex"] = text_latex(ranks.text)
            if split == "held-out-region":
                contents[f"regions.{probe}{suffix}.md"] = regions(board)
        for probe, changes in part.changes.items():
            contents[f"rank-changes.{probe}{suffix}.md"] = text_markdown(changes.text)
            contents[f"rank-changes.{probe}{suffix}.tex"] = text_latex(changes.text)
    for name, content in contents.items():
        with atomic_write(out / name) as stream:
            stream.write(content.encode())
    return tuple(out / name for name in contents)
