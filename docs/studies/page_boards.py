"""Write the boards of README.md and docs/leaderboard.md from the committed results.

python docs/studies/page_boards.py           # tables made from results/*/tables
python docs/studies/page_boards.py --run DIR # also the boards that the run in DIR prints
python docs/studies/page_boards.py --check   # exit code 1 if a page is out of date
"""

from __future__ import annotations

import argparse
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
TABLES = ROOT / "results" / "leaderboard" / "tables"
SPATIAL = ROOT / "results" / "spatial" / "tables"
README, PAGE = ROOT / "README.md", ROOT / "docs" / "leaderboard.md"
SPLITS = ("random", "held-out-region")
WIDTH = 100
"""Columns of the terminal whose boards docs/leaderboard.md shows."""

TASKS = ("Air temp.", "Elev.", "Income", "Cal. hous.", "Pop. dens.", "Biomes")
ENCODERS = (
    *("GeoCLIP", "SatCLIP Blue Marble L=10", "SatCLIP Blue Marble L=40"),
    *("Spherical harmonics L=40", "Wrap", "Direct"),
    *("*GP on the sphere*", "*k-NN on the sphere*", "*Mean / majority*"),
)
RANKED = {
    "*GP on the sphere*": "GP on the sphere (kriging, a baseline)",
    "*k-NN on the sphere*": "k-NN on the sphere (a baseline)",
    "Spherical harmonics L=40": "",
    "SatCLIP Blue Marble L=10": "SatCLIP Blue Marble L=10 (trained by this project)",
    "Untrained SIREN L=10": "",
    "GeoCLIP": "",
    "Direct": "",
}
"""Rows of the table of ranks, and their titles where these say more."""


def read_board(text: str) -> dict[str, dict[str, str]]:
    """Cells of a Markdown leaderboard by encoder and column.

    Columns go by their titles without the metric in parentheses.
    """
    header, *rows = _cells(text)
    columns = [re.sub(r" \(.*\)$", "", title) for title in header]
    return {row[0]: dict(zip(columns[1:], row[1:], strict=True)) for row in rows if row[1]}


def score(cell: str) -> str:
    """The score of a cell without its spread, its interval and the mark of a tie."""
    return re.sub(r"</?u>", "", cell.partition("<br>")[0].partition(" ± ")[0])


def board(random: dict[str, dict[str, str]], held_out: dict[str, dict[str, str]]) -> str:
    """A Markdown table: mean ranks under both splits, and scores under the random split."""
    rows: list[tuple[str, ...]] = [("Encoder", "Rank, random", "Rank, held-out region", *TASKS)]
    for name in ENCODERS:
        ranks = (score(random[name]["Mean rank"]), score(held_out[name]["Mean rank"]))
        rows.append((name, *ranks, *(score(random[name][task]) for task in TASKS)))
    return _markdown(rows)


def ranks(text: str) -> str:
    """A Markdown table of mean ranks under four splits, changed ones marked with an asterisk.

    Args:
        text: the table of rank changes, whose columns are the ranks and their changes in turn.
    """
    rows = {row[0]: row for row in _cells(text)[1:]}
    table: list[tuple[str, ...]] = [
        ("", "random", "blocks of 10°", "with a buffer of 500 km", "held-out region")
    ]
    for name, title in RANKED.items():
        first, *others = rows[name][1:]
        shown = [first.partition(" ")[0]]
        for rank, change in zip(others[::2], others[1::2], strict=True):
            shown.append(rank.partition(" ")[0] + (r" \*" if change.endswith(r"\*") else ""))
        table.append((title or name, *shown))
    return _markdown(table)


def printed(run: Path) -> str:
    """The boards of the linear probe as a run prints them, in a block of plain text."""
    from rich.console import Console

    from satclip_bench.benchmarks.report.results import Results
    from satclip_bench.benchmarks.report.terminal import print_board
    from satclip_bench.benchmarks.runs.replicates import load_replicates
    from satclip_bench.benchmarks.runs.store import Store

    store = Store(run)
    replicates = load_replicates(store)
    score = None if replicates is None else replicates.score
    results = Results.from_frame(store.frame(), score)
    boards = []
    for split in SPLITS:
        sink = io.StringIO()
        print_board(results.board(split, "linear"), Console(file=sink, width=WIDTH))
        text = sink.getvalue().partition("Mean over")[0]
        boards.append("\n".join(line.rstrip() for line in text.strip("\n").splitlines()))
    return "```text\n" + "\n\n".join(boards) + "\n```"


def with_block(page: str, name: str, block: str) -> str:
    """The text of a page with `block` between its markers of that name."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, opened, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not opened or not closed:
        raise ValueError(f"the page has no pair of markers {begin} and {end}")
    return f"{before}{begin}\n\n{block}\n\n{end}{after}"


def _cells(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [row for row in rows if not row[0].startswith("---")]


def _markdown(rows: Iterable[Sequence[str]]) -> str:
    header, *body = rows
    lines = [header, ("---", *["---:"] * (len(header) - 1)), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Rewrite both pages, or with --check say whether they are up to date."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, help="folder of the main job, with its predictions")
    parser.add_argument("--check", action="store_true", help="change nothing; exit code 1 if stale")
    options = parser.parse_args(argv)
    boards = [
        read_board((TABLES / f"leaderboard.{split}.linear.md").read_text()) for split in SPLITS
    ]
    pages = {path: path.read_text() for path in (README, PAGE)}
    updated = dict(pages)
    updated[README] = with_block(pages[README], "board", board(*boards))
    changes = (SPATIAL / "rank-changes.linear.md").read_text()
    updated[PAGE] = with_block(pages[PAGE], "ranks", ranks(changes))
    if options.run:
        updated[PAGE] = with_block(updated[PAGE], "printed", printed(options.run))
    stale = [path for path in pages if updated[path] != pages[path]]
    for path in stale:
        if options.check:
            print(f"{path.name}: a table differs from the committed results")
        else:
            path.write_text(updated[path])
    return int(options.check and bool(stale))


if __name__ == "__main__":
    raise SystemExit(main())
