"""`leaderboard --html`: the leaderboard as a static site."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from rich.console import Console

from satclip_bench.benchmarks.commands.finished import open_finished
from satclip_bench.benchmarks.commands.plain import print_plain
from satclip_bench.benchmarks.profiles.files import read_profiles
from satclip_bench.benchmarks.ranking.pooling import ScoreChoice
from satclip_bench.benchmarks.report.page.folder import write_site
from satclip_bench.benchmarks.report.page.model import Run, Site
from satclip_bench.benchmarks.report.page.pictures import draw_pictures
from satclip_bench.benchmarks.report.page.site import profiles_of
from satclip_bench.benchmarks.runs.reading import ALL, RecordFilter
from satclip_bench.benchmarks.species.column import SpeciesColumn
from satclip_bench.core.errors import BenchError
from satclip_bench.core.threads import one_blas_thread


@one_blas_thread()
def leaderboard_page(
    folders: Sequence[Path],
    html: Path,
    *,
    embeddings: bool = False,
    profiles: Sequence[Path] = (),
    contaminated: bool = True,
    score: ScoreChoice | None = None,
    only: RecordFilter = ALL,
    species: SpeciesColumn | None = None,
) -> int:
    """Write all leaderboards of runs as one static site, and say what could not be drawn.

    Args:
        folders: folders of the runs; the site shows the first one first.
        html: folder of the site.
        embeddings: whether to draw maps of embeddings.
        profiles: files with profiles, which take precedence over those that ship.
        contaminated: whether encoders trained on the data of one of the tasks take part, and those
            whose recipe was chosen with its labels.
        score: score to show; None for the default of each split.
        only: tasks, encoders and seeds to show.
        species: scores of `species` to show as a column beside the first run's tasks.

    Returns:
        The exit code.

    Raises:
        BenchError: two folders have the same name, a file or folder cannot be read, or the site
            cannot be written.
    """
    console = Console(stderr=True)
    names = _run_names(folders)
    runs: list[Run] = []
    for name, folder in zip(names, folders, strict=True):
        finished = open_finished(folder, only, species=None if runs else species)
        runs.append(Run(name, finished.results(contaminated=contaminated, score=score)))
    site = Site(tuple(runs))
    known = profiles_of(site, read_profiles(profiles))
    draw = partial(
        draw_pictures,
        site,
        missing=lambda text: print_plain(text, console, "yellow"),
        profiles=known,
        embeddings=embeddings,
    )
    index = write_site(site, html, draw, known)
    print_plain(f"{index}: open it in a browser; it needs no server and no network", Console())
    return 0


def _run_names(folders: Sequence[Path]) -> list[str]:
    """Names of runs: those of their folders, which all differ."""
    places = [folder.resolve() for folder in folders]
    if repeated := [place for place, count in Counter(places).items() if count > 1]:
        raise BenchError(f"{repeated[0]} is given twice: name each folder once")
    names = [place.name for place in places]
    if doubled := [name for name, count in Counter(names).items() if count > 1]:
        raise BenchError(
            f"two folders are called {doubled[0]!r}, and the site shows a run by the name of its "
            "folder: rename one of them"
        )
    return names
