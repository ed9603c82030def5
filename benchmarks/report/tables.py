"""Tables of a run, written to files."""

from __future__ import annotations

from pathlib import Path

from satclip_bench.benchmarks.report.folds import folds_table, regions
from satclip_bench.benchmarks.report.gaps import gaps_table
from satclip_bench.benchmarks.report.known_intervals import FILE as SCORES
from satclip_bench.benchmarks.report.latex import latex, text_latex
from satclip_bench.benchmarks.report.markdown import markdown, sections, text_markdown
from satclip_bench.benchmarks.report.results import Results
from satclip_bench.benchmarks.report.scores_table import scores_frame
from satclip_bench.benchmarks.runs.tidy import frame_bytes
from satclip_bench.core.files import atomic_write


def write_tables(results: Results, out: Path) -> tuple[Path, ...]:
    """Write the tables of a run as Markdown, all but `regions` also as LaTeX.

    `leaderboard.<split>.<probe>` (tasks x encoders), `gaps.<split>.<probe>` (differences to the
    best of each task), `folds.<split>.<probe>` (median and worst fold, for splits of several
    folds), `ranks.<split>.<probe>` (ratings over tasks), `rank-changes.<probe>` for probes with
    several splits, and `regions.<probe>`. The Markdown leaderboard has the next two tables below
    it. Beside tasks of papers, user tables have separate tables, with their name before the ending.
    `scores.parquet` has the scores, intervals and ties of all boards.

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
            name, board = f"{split}.{probe}{suffix}", part.board(split, probe)
            texts = {"gaps": gaps_table(board), "folds": folds_table(board)}
            below = [table for table in texts.values() if table is not None]
            contents[f"leaderboard.{name}.md"] = sections(
                markdown(board), *map(text_markdown, below)
            )
            contents[f"leaderboard.{name}.tex"] = latex(board)
            texts["ranks"] = part.ranks(split, probe).text
            for kind, table in texts.items():
                if table is not None:
                    contents[f"{kind}.{name}.md"] = text_markdown(table)
                    contents[f"{kind}.{name}.tex"] = text_latex(table)
            if split == "held-out-region":
                contents[f"regions.{probe}{suffix}.md"] = regions(board)
        for probe, changes in part.changes.items():
            contents[f"rank-changes.{probe}{suffix}.md"] = text_markdown(changes.text)
            contents[f"rank-changes.{probe}{suffix}.tex"] = text_latex(changes.text)
    files = {name: content.encode() for name, content in contents.items()}
    files[SCORES] = frame_bytes(scores_frame(results))
    for name, file in files.items():
        with atomic_write(out / name) as stream:
            stream.write(file)
    return tuple(out / name for name in files)
