"""Pictures of the site: maps of embeddings, maps of tasks and histograms of their targets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from satclip_bench.benchmarks.report.embedding_maps import draw_embedding
from satclip_bench.benchmarks.report.histograms import draw_histogram
from satclip_bench.benchmarks.report.maps import draw_map
from satclip_bench.benchmarks.report.page.site import picture_paths
from satclip_bench.benchmarks.report.results import Results
from satclip_bench.benchmarks.runs.tables import TaskSource, load_table
from satclip_bench.core.errors import BenchError
from satclip_bench.encoders import get_encoder
from satclip_bench.tasks import TaskTable

MAP_STEP = 1.0
"""Distance between the points of an embedding's map in degrees, as many as a page can show."""


def draw_pictures(
    results: Results, folder: Path, missing: Callable[[str], None], *, embeddings: bool = False
) -> Iterator[str]:
    """Draw the pictures of the site that can be drawn, and give their paths.

    Args:
        results: results of the run.
        folder: folder of the site.
        missing: function that is called with a sentence about every encoder and task without
            pictures.
        embeddings: whether to draw maps of embeddings, which takes up to minutes per encoder.
    """
    paths = picture_paths(results)
    for name in (name for what, name in paths if what == "embedding" and embeddings):
        path = paths["embedding", name]
        try:
            draw_embedding(get_encoder(name), folder / path, step=MAP_STEP)
        except BenchError as error:
            missing(f"no map of {name}: {error}")
        else:
            yield path
    edition_of = dict(zip(results.frame["task"], results.frame["edition"], strict=True))
    for name in (name for what, name in paths if what == "map"):
        try:
            table = load_table(TaskSource(name, edition_of[name]))
        except BenchError as error:
            missing(f"no map of {name}: {error}")
            continue
        for what, draw in _OF_TASK.items():
            draw(table, folder / paths[what, name])
            yield paths[what, name]


_OF_TASK: dict[str, Callable[[TaskTable, Path], Path]] = {
    "map": draw_map,
    "histogram": draw_histogram,
}
