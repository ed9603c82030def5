r"""A table for a paper, in LaTeX, from the committed reference run.

    python examples/paper_table.py > table.tex

Rows and columns are chosen here; `tables` writes all of a run's boards without any code. The best
score of a column is bold and the second underlined; the table needs \usepackage{booktabs}.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

import satclip_bench as sb

RESULTS = Path(__file__).parent.parent / "results" / "leaderboard" / "results.parquet"

ENCODERS = {
    "geoclip": "GeoCLIP",
    "satclip-bluemarble.l40": "SatCLIP Blue Marble",
    "harmonics.l40": "Spherical harmonics",
    "wrap": "Wrap",
    "baseline.gp": "Kriging",
}
TASKS = {"air_temperature": "Temperature", "elevation": "Elevation", "biomes": "Biomes"}
SPLITS = {"random": "Between labels", "held-out-region": "Held-out continents"}


def scores(frame: pd.DataFrame) -> pd.DataFrame:
    """Skill of every encoder: one row per encoder, columns of each split and task."""
    boards = {}
    for split, title in SPLITS.items():
        board = sb.leaderboard(frame, split=split, probe="linear", score="skill")
        boards[title] = board.pivot_table(index="encoder", columns="task", values="value")
    wide = pd.concat(boards, axis=1).loc[list(ENCODERS)]
    columns = [(title, task) for title in SPLITS.values() for task in TASKS]
    named = wide[columns].rename(index=ENCODERS, columns=TASKS)
    named.index.name = None
    named.columns.names = [None, None]
    return named


def marks(column: pd.Series[float]) -> list[str]:
    """LaTeX commands for the cells of a column: bold for the best, underlined for the second."""
    place = column.round(3).rank(ascending=False, method="min")
    commands = {1: "textbf:--rwrap;", 2: "underline:--rwrap;"}
    return [commands.get(int(number), "") for number in place]


def latex(table: pd.DataFrame) -> str:
    """The table in LaTeX, with booktabs' rules."""
    styler = table.style.format(precision=3).apply(marks)
    return styler.to_latex(
        hrules=True,
        column_format="l" + "r" * table.shape[1],
        multicol_align="c",
        position_float="centering",
        caption="Skill of a linear probe: the share of the error of a constant prediction that is "
        "removed. 0 knows nothing, 1 is perfect.",
    )


if __name__ == "__main__":
    print(latex(scores(pd.read_parquet(RESULTS))))
