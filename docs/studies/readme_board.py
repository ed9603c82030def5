"""Write the leaderboard of README.md from the committed tables of results/leaderboard.

python docs/studies/readme_board.py            # rewrites what stands between the markers
python docs/studies/readme_board.py --check    # exit code 1 if README.md is out of date
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
TABLES = ROOT / "results" / "leaderboard" / "tables"
BEGIN, END = "<!-- board -->", "<!-- /board -->"
TASKS = ("Air temp.", "Elev.", "Income", "Cal. hous.", "Pop. dens.", "Biomes")
ENCODERS = (
    *("GeoCLIP", "SatCLIP Blue Marble L=10", "SatCLIP Blue Marble L=40"),
    *("Spherical harmonics L=40", "Wrap", "Direct"),
    *("*GP on the sphere*", "*k-NN on the sphere*", "*Mean / majority*"),
)


def read_board(text: str) -> dict[str, dict[str, str]]:
    """Cells of a Markdown leaderboard by encoder and column.

    Columns go by their titles without the metric in parentheses.
    """
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    header, _, *rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    columns = [re.sub(r" \(.*\)$", "", title) for title in header]
    return {row[0]: dict(zip(columns[1:], row[1:], strict=True)) for row in rows if row[1]}


def score(cell: str) -> str:
    """The score of a cell without its spread, its interval and the mark of a tie."""
    return re.sub(r"</?u>", "", cell.partition("<br>")[0].partition(" ± ")[0])


def board(random: dict[str, dict[str, str]], held_out: dict[str, dict[str, str]]) -> str:
    """A Markdown table: mean ranks under both splits, and scores under the random split."""
    titles = ("Encoder", "Rank, random", "Rank, held-out region", *TASKS)
    lines = [titles, ("---", *["---:"] * (len(titles) - 1))]
    for name in ENCODERS:
        ranks = (score(random[name]["Mean rank"]), score(held_out[name]["Mean rank"]))
        lines.append((name, *ranks, *(score(random[name][task]) for task in TASKS)))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def with_board(readme: str, table: str) -> str:
    """The text of README.md with the table between its markers."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"README.md has no pair of markers {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{table}\n\n{END}{after}"


def main() -> int:
    """Rewrite README.md, or with --check say whether it is up to date."""
    splits = ("random", "held-out-region")
    boards = [
        read_board((TABLES / f"leaderboard.{split}.linear.md").read_text()) for split in splits
    ]
    path = ROOT / "README.md"
    text = path.read_text()
    updated = with_board(text, board(*boards))
    if "--check" in sys.argv[1:]:
        if updated != text:
            print("README.md: the leaderboard differs from results/leaderboard/tables")
        return int(updated != text)
    path.write_text(updated)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
