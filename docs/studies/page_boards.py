"""Write the tables and marked numbers of README.md and docs/ from the committed results.

python docs/studies/page_boards.py           # made from results/*/tables and results.parquet
python docs/studies/page_boards.py --check   # exit code 1 if a page is out of date

A number of the text is marked by comments, which pages do not show, that say where it comes from:

    falls to <!-- value: leaderboard/rank-changes.linear | GeoCLIP | random -->8.5<!-- /value -->

FILE | ROW | COLUMN is a cell of results/leaderboard/tables/rank-changes.linear.md, where titles go
without the metric in parentheses; of a board with intervals or spreads it is the score alone.
FILE | /PATTERN/ is the first group of a regular expression in the file, for a number of a note.
"""

from __future__ import annotations

import argparse
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

from satclip_bluemarble import difference_tables
from task_orders import order_table

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "results"
README, PAGE = ROOT / "README.md", ROOT / "docs" / "leaderboard.md"
TASK_PAGE = ROOT / "docs" / "tasks.md"
MODEL_CARD = ROOT / "docs" / "satclip-bluemarble.md"
SPLITS = ("random", "held-out-region")
PRINTED = tuple((split, "linear") for split in SPLITS)
PRINTED_PROBES = (("random", "mlp"), ("random", "lightgbm"))
"""Splits and probes of the boards that docs/leaderboard.md shows of two committed runs."""
WIDE = {
    "random, eight tasks": "leaderboard/ranks.random.linear",
    "random, fourteen others": "wide/ranks.random.linear",
    "held-out region, six": "leaderboard/ranks.held-out-region.linear",
    "held-out region, fourteen others": "wide/ranks.held-out-region.linear",
}
"""Tables of ranks of the paper's tasks and of those outside it, by the heading of their column."""
FULL_PROBES = {
    "random": ("linear", "ridge", "knn", "lightgbm", "mlp"),
    "held-out-region": ("linear", "ridge", "knn", "lightgbm"),
}
"""Probes of the boards of `open-full` that docs/leaderboard.md compares, by the split."""
WIDTH = 100
"""Columns of the terminal whose boards docs/leaderboard.md shows."""

VALUE = re.compile(r"(<!-- value: (.+?) -->)(.*?)(<!-- /value -->)", re.DOTALL)
"""A marked number: its opening comment, the source in it, the number, the closing comment."""

TASKS = ("Air temp.", "Elev.", "Income", "Cal. hous.", "Pop. dens.", "Biomes")
ENCODERS = (
    *("GeoCLIP", "SatCLIP Blue Marble L=10", "SatCLIP Blue Marble L=40"),
    *("Spherical harmonics L=40", "Wrap", "Direct"),
    *("*GP on the sphere*", "*k-NN on the sphere*", "*Mean / majority*"),
)
RANKED = {
    "*GP on the sphere*": "GP on the sphere (kriging, a baseline)",
    "*k-NN on the sphere*": "k-NN on the sphere (a baseline)",
    "Spherical harmonics L=10": "",
    "SatCLIP Blue Marble L=10": "SatCLIP Blue Marble L=10 (trained by this project)",
    "GeoCLIP": "",
    "Direct": "",
}
"""Rows of the table of ranks, and their titles where these say more."""


@cache
def table(name: str) -> str:
    """Text of a committed table, such as `leaderboard/ranks.random.linear`."""
    run, _, file = name.partition("/")
    return (RESULTS / run / "tables" / f"{file}.md").read_text()


def read_board(text: str) -> dict[str, dict[str, str]]:
    """Cells of the first table of a Markdown document by encoder and column.

    Columns go by their titles without the metric in parentheses.
    """
    header, *rows = _cells(text)
    columns = [re.sub(r" \(.*\)$", "", title) for title in header]
    return {row[0]: dict(zip(columns[1:], row[1:], strict=True)) for row in rows if row[1]}


def score(cell: str) -> str:
    """The score of a cell without its spread, its interval and the mark of a tie."""
    plain = cell.partition("<br>")[0].partition(" ± ")[0].partition(r" \[")[0]
    return re.sub(r"</?u>", "", plain)


def board(text: str, mean_ranks: Mapping[str, str]) -> str:
    """A Markdown table of some rows and tasks of a board, with mean ranks before the scores.

    Args:
        text: the committed board.
        mean_ranks: committed boards by the heading of the column of their mean ranks.
    """
    cells = read_board(text)
    ranked = [read_board(other) for other in mean_ranks.values()]
    columns = [task for task in TASKS if any(task in row for row in cells.values())]
    rows: list[tuple[str, ...]] = [("Encoder", *mean_ranks, *columns)]
    for name in ENCODERS:
        if name not in cells:
            continue
        places = (score(other[name]["Mean rank"]) if name in other else "-" for other in ranked)
        rows.append((name, *places, *(score(cells[name][column]) for column in columns)))
    return _markdown(rows)


def value(source: str) -> str:
    """The number that a marked value stands for.

    Args:
        source: FILE | ROW | COLUMN, or FILE | /PATTERN/.

    Raises:
        ValueError: the committed tables have no such value; the message names the source.
    """
    name, *place = (part.strip() for part in source.split(" | "))
    try:
        text = table(name)
        if len(place) == 1:
            found = re.search(place[0].strip("/"), text)
            if found is None:
                raise KeyError(place[0])
            return found[1]
        row, column = place
        cells = {name.strip("*"): row for name, row in read_board(text).items()}
        return score(cells[row][column]).strip("*").removesuffix(r" \*")
    except (OSError, KeyError, IndexError, ValueError) as error:
        raise ValueError(f"the committed results have no value {source!r}: {error}") from error


def with_values(page: str) -> str:
    """The text of a page with all marked values taken from the committed results."""
    return VALUE.sub(lambda found: f"{found[1]}{value(found[2])}{found[4]}", page)


def ranks(text: str) -> str:
    """A Markdown table of mean ranks by split; changed ones have an asterisk.

    Args:
        text: the table of rank changes, whose columns are the ranks and their changes in turn.
    """
    header, *lines = _cells(text)
    rows = {row[0]: row for row in lines}
    table: list[tuple[str, ...]] = [("", header[1], *header[2::2])]
    for name, title in RANKED.items():
        first, *others = rows[name][1:]
        shown = [first.partition(" ")[0]]
        for rank, change in zip(others[::2], others[1::2], strict=True):
            shown.append(rank.partition(" ")[0] + (r" \*" if change.endswith(r"\*") else ""))
        table.append((title or name, *shown))
    return _markdown(table)


def mean_ranks(boards: Mapping[str, str]) -> str:
    """A Markdown table of mean ranks with intervals, ordered by the last board.

    Args:
        boards: tables of ranks by the heading of their column.
    """
    read = {heading: read_board(text) for heading, text in boards.items()}
    names = list(read)[-1]
    rows = [("", *read)]
    for name in read[names]:
        title = name.strip("*") + (" (a baseline)" if name.startswith("*") else "")
        rows.append((title, *(ranked[name]["Mean rank"] for ranked in read.values())))
    return _markdown(rows)


def ranks_by_probe(split: str) -> str:
    """A Markdown table of mean ranks in `open-full` by probe, ordered by the first of them."""
    probes = FULL_PROBES[split]
    boards = {probe: read_board(table(f"full/ranks.{split}.{probe}")) for probe in probes}
    rows = [("", *(f"`{probe}`" for probe in boards))]
    for name in boards[probes[0]]:
        title = name.strip("*") + (" (a baseline)" if name.startswith("*") else "")
        rows.append((title, *(score(ranked[name]["Mean rank"]) for ranked in boards.values())))
    return _markdown(rows)


def printed(run: str, boards: Iterable[tuple[str, str]]) -> str:
    """Boards of a committed run as a run prints them, in a block of plain text.

    Args:
        run: folder of the run in results/.
        boards: split and probe of each board.
    """
    import pandas as pd
    from rich.console import Console

    from satclip_bench.benchmarks.report.results import Results
    from satclip_bench.benchmarks.report.terminal import print_board

    results = Results.from_frame(pd.read_parquet(RESULTS / run / "results.parquet"))
    texts = []
    for split, probe in boards:
        sink = io.StringIO()
        print_board(results.board(split, probe), Console(file=sink, width=WIDTH))
        text = re.split(r"^(?:Mean over|Pooled over)", sink.getvalue(), flags=re.MULTILINE)[0]
        texts.append("\n".join(line.rstrip() for line in text.strip("\n").splitlines()))
    return "```text\n" + "\n\n".join(texts) + "\n```"


def with_block(page: str, name: str, block: str) -> str:
    """The text of a page with `block` between its markers of that name."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, opened, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not opened or not closed:
        raise ValueError(f"the page has no pair of markers {begin} and {end}")
    return f"{before}{begin}\n\n{block}\n\n{end}{after}"


def _cells(text: str) -> list[list[str]]:
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith("| "):
            lines.append(line)
        elif lines:
            break
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [row for row in rows if not row[0].startswith("---")]


def _markdown(rows: Iterable[Sequence[str]]) -> str:
    header, *body = rows
    lines = [header, ("---", *["---:"] * (len(header) - 1)), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def updated(path: Path) -> str:
    """The text of a page with its boards and marked values made from the committed results."""
    text = path.read_text()
    if path == README:
        random, held_out = (table(f"leaderboard/leaderboard.{split}.linear") for split in SPLITS)
        places = {"Rank, random": random, "Rank, held-out region": held_out}
        text = with_block(text, "board", board(random, places))
        text = with_block(text, "held-out", board(held_out, {}))
    if path == PAGE:
        text = with_block(text, "ranks", ranks(table("leaderboard/rank-changes.linear")))
        text = with_block(text, "spatial", ranks(table("spatial/rank-changes.linear")))
        text = with_block(text, "wide", mean_ranks({h: table(t) for h, t in WIDE.items()}))
        for split in SPLITS:
            text = with_block(text, f"full {split}", ranks_by_probe(split))
        text = with_block(text, "printed", printed("leaderboard", PRINTED))
        text = with_block(text, "probes", printed("probes", PRINTED_PROBES))
    if path == TASK_PAGE:
        text = with_block(text, "orders", order_table())
    if path == MODEL_CARD:
        for split, differences in difference_tables().items():
            text = with_block(text, split, differences)
    return with_values(text)


def main(argv: Sequence[str] | None = None) -> int:
    """Rewrite the pages, or with --check say whether they are up to date."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; exit code 1 if stale")
    options = parser.parse_args(argv)
    stale = 0
    for path in (README, *sorted((ROOT / "docs").glob("*.md"))):
        text = path.read_text()
        new = updated(path)
        if new == text:
            continue
        if options.check:
            stale += 1
            print(f"{path.name} differs from the committed results:")
            lines = zip(text.splitlines(), new.splitlines(), strict=False)
            print(*[f"  {b}" for a, b in lines if a != b][:20], sep="\n")
        else:
            path.write_text(new)
    return int(stale > 0)


if __name__ == "__main__":
    raise SystemExit(main())
