"""`leaderboard --html`: the leaderboard as a static site."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from rich.console import Console

from satclip_bench.benchmarks.commands.finished import read_finished
from satclip_bench.benchmarks.commands.plain import print_plain
from satclip_bench.benchmarks.commands.user_tables import adopt
from satclip_bench.benchmarks.ranking.pooling import ScoreChoice
from satclip_bench.benchmarks.report.page.folder import write_site
from satclip_bench.benchmarks.report.page.pictures import draw_pictures
from satclip_bench.benchmarks.runs.reading import ALL, RecordFilter
from satclip_bench.benchmarks.species.column import SpeciesColumn


def leaderboard_page(
    out: Path,
    html: Path,
    *,
    embeddings: bool = False,
    contaminated: bool = True,
    score: ScoreChoice | None = None,
    only: RecordFilter = ALL,
    species: SpeciesColumn | None = None,
) -> int:
    """Write all leaderboards of a run as a static site, and say what could not be drawn.

    Args:
        out: folder of the run.
        html: folder of the site.
        embeddings: whether to draw maps of embeddings.
        contaminated: whether encoders trained on the data of one of the tasks take part, and those
            whose recipe was chosen with its labels.
        score: score to show; None for the default of each split.
        only: tasks, encoders and seeds to show.
        species: scores of `species` to show as a column beside the run's tasks.

    Returns:
        The exit code.
    """
    console = Console(stderr=True)
    adopt(out)
    finished = read_finished(out, only, species=species)
    finished.print_notices()
    results = finished.results(contaminated=contaminated, score=score)
    draw = partial(
        draw_pictures,
        results,
        missing=lambda text: print_plain(text, console, "yellow"),
        embeddings=embeddings,
    )
    index = write_site(results, html, draw)
    print_plain(f"{index}: open it in a browser; it needs no server and no network", Console())
    return 0
