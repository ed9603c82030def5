from __future__ import annotations

import io
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from rich.console import Console

from satclip_bench.benchmarks.report.board import Board
from satclip_bench.benchmarks.report.folds import regions
from satclip_bench.benchmarks.report.latex import latex
from satclip_bench.benchmarks.report.markdown import markdown
from satclip_bench.benchmarks.report.results import Results
from satclip_bench.benchmarks.report.tables import write_tables
from satclip_bench.benchmarks.report.terminal import print_board
from satclip_bench.benchmarks.report.wording import DASH
from satclip_bench.tasks import task_card
from tests.benchmarks.frames import METRICS, fail, frame, score

CARDS = {name: task_card(name) for name in METRICS}
TITLES = {
    "wrap": r"A&B_c 50% {x} \y ~^ #1 $z$ <i> |",
    "geoclip": "[bold]GeoCLIP[/bold]",
    "direct": "*",
}


def board(*, gap: bool = False, split: str = "random") -> Board:
    def value(encoder: str, task: str, seed: int, fold: str) -> float:
        return -1e4 if encoder == "direct" else score(encoder, task, seed, fold)

    table = frame(value)
    table = fail(table, "geoclip", "biomes", "50% of $a_b & c") if gap else table
    return Results(table, CARDS, TITLES).board(split, "linear")


def printed(shown: Board, width: int, *, terminal: bool = False) -> str:
    sink = io.StringIO()
    console = Console(file=sink, width=width, force_terminal=terminal, color_system="standard")
    print_board(shown, console)
    return sink.getvalue()


def test_a_markdown_board() -> None:
    assert markdown(board(gap=True)).splitlines()[:9] == [
        "# open edition · random · probe linear · 3 seeds",
        "",
        "| Encoder | Mean rank | Air temp. (R²) | Elev. (R²) | Biomes (acc.) |",
        "| --- | ---: | ---: | ---: | ---: |",
        r"| A&B\_c 50% {x} \\y ~^ #1 $z$ \<i\> \| | 1.0 ± 0.0 | .610 ± .010 | .610 ± .010 "
        "| **.660** ± .010 |",
        r"| \* | 4.0 ± 0.0 | -1.0e4 ± .000 | -1.0e4 ± .000 | -1.0e4 ± .000 |",
        "| *baselines* |  |  |  |  |",
        "| *baseline.knn* | 2.0 ± 0.0 | .410 ± .010 | .410 ± .010 | .460 ± .010 |",
        "| *baseline.mean* | 3.0 ± 0.0 | .310 ± .010 | .310 ± .010 | .360 ± .010 |",
    ]


def test_a_latex_board() -> None:
    text = latex(board(gap=True))
    lines = text.splitlines()
    assert lines[:4] == [
        r"% needs \usepackage{booktabs}",
        r"\begin{table*}",
        r"\centering\footnotesize\setlength{\tabcolsep}{3pt}",
        r"\begin{tabular}{@{}lrrrr@{}}",
    ]
    assert r"Encoder & Rank & Air & Elev. & Biomes \\" in lines
    assert r"{*} & 4.0{\tiny$\pm$0.0} & $-$1.0e4{\tiny$\pm$.000} & $-$1.0e4" in text
    assert lines.count(r"\midrule") == 3
    assert r"\multicolumn{5}{@{}l}{Not ranked:} \\" in lines
    caption = next(line for line in lines if line.startswith(r"\caption"))
    for part in (
        r"Open edition $\cdot$ random $\cdot$ probe linear $\cdot$ 3 seeds.",
        r"R\textsuperscript{2} for Air temperature and Elevation and acc. for Biomes.",
        "Open edition: not the paper's tables for",
        r"it is missing biomes (3 cells); 50\% of \$a\_b \& c.",
    ):
        assert part in caption


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_compiles(tmp_path: Path) -> None:
    # What a user's card may have in a title.
    signs = "αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΥΦΨΩ \N{MINUS SIGN}≤≥→°×µ±·²"  # noqa: RUF001
    titles = TITLES | {"baseline.knn": f"Zoë, Łódź {signs}"}
    user = Results(frame(), CARDS, titles).board("random", "linear")
    text = latex(board(gap=True)) + latex(board(split="held-out-region")) + latex(user)
    whole = (
        r"\documentclass{article}\usepackage{booktabs}\begin{document}" + text + r"\end{document}"
    )
    (tmp_path / "all.tex").write_text(whole)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]


def test_regions_have_titles_and_the_order_of_the_board() -> None:
    table = fail(frame(), "geoclip", "biomes")
    table = table[~((table["encoder"] == "direct") & (table["fold"] == "Asia"))]
    text = regions(Results(table, CARDS, {"wrap": "Wrap"}).board("held-out-region", "linear"))
    biomes = text.split("## Biomes (acc.)")[1].strip().splitlines()
    assert [line.split(" | ")[0] for line in biomes[2:7]] == [
        "| Wrap",
        "| *baseline.knn*",
        "| *baseline.mean*",
        "| direct",
        "| geoclip",
    ]
    assert biomes[5] == f"| direct | .560 | {DASH} | .600 | .620 |"
    assert biomes[6] == "| geoclip" + f" | {DASH}" * 4 + " |"
    assert biomes[7] == "| *test points* | 1000 | 1000 | 1000 | 1000 |"


@pytest.mark.parametrize("width", [60, 80, 118, 120])
@pytest.mark.parametrize("terminal", [True, False])
def test_terminals_show_numbers_whole(width: int, terminal: bool) -> None:
    text = re.sub(r"\x1b\[[0-9;]*m", "", printed(board(gap=True), width, terminal=terminal))
    assert max(map(len, text.splitlines())) <= width
    rows = text.split("Mean over")[0].splitlines()
    direct = next(row for row in rows if row.startswith("* "))
    assert direct.replace("±.000", "").replace("±.00", "").split() == [
        "*",
        "4.0",
        "-1.0e4",
        "-1.0e4",
        "-1.0e4",
    ]
    assert "[bold]GeoCLIP[/bold]" in text
    assert ("*.66" in text) is not terminal


def test_terminal_marks() -> None:
    text = printed(board(), 120, terminal=True)
    assert "\x1b[1m.710\x1b[0m" in text
    assert "baselines" in text
    assert "Bold: best of a task." in text
    assert "*: best of a task." in printed(board(), 120)


def test_no_nan_is_printed_and_row_order_does_not_matter(tmp_path: Path) -> None:
    table = fail(frame(seeds=[0]), "geoclip", "biomes")
    table.loc[table["encoder"] == "direct", "value"] = float("inf")
    paths = write_tables(Results(table, CARDS, TITLES), tmp_path / "a")
    shuffled = table.sample(frac=1, random_state=1)
    again = write_tables(Results(shuffled, CARDS, TITLES), tmp_path / "b")
    for one, other in zip(paths, again, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name
        if one.suffix != ".parquet":
            assert not re.search(r"\b(nan|inf)\b", one.read_text(), re.IGNORECASE), one.name
