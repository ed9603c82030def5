"""Pictures of the site: maps and profiles of embeddings, maps of tasks and histograms."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from satclip_bench.benchmarks.profiles.profile import Profile
from satclip_bench.benchmarks.report.embedding_maps import draw_embedding
from satclip_bench.benchmarks.report.histograms import draw_histogram
from satclip_bench.benchmarks.report.maps import draw_map
from satclip_bench.benchmarks.report.page.model import Site
from satclip_bench.benchmarks.report.page.site import picture_paths
from satclip_bench.benchmarks.report.profile_figures import draw_profile
from satclip_bench.benchmarks.runs.tables import TaskSource, load_table
from satclip_bench.core.errors import BenchError
from satclip_bench.encoders import get_encoder
from satclip_bench.tasks import TaskTable

MAP_STEP, MAP_DISC = 1.0, 121
"""Distance in degrees between the points of an embedding's map, and number of points across its
views from above: as many as a page can show."""


def draw_pictures(
    site: Site,
    folder: Path,
    missing: Callable[[str], None],
    *,
    profiles: Mapping[str, Profile] | None = None,
    embeddings: bool = False,
) -> Iterator[str]:
    """Draw the pictures of the site that can be drawn, and give their paths.

    Args:
        site: runs to show.
        folder: folder of the site.
        missing: function that is called with a sentence about every encoder and task without
            pictures.
        profiles: profiles of encoders by name, as `profiles_of` selects them.
        embeddings: whether to draw maps of embeddings, which takes up to a minute per encoder.
    """
    paths = picture_paths(site)
    for name, measured in (profiles or {}).items():
        draw_profile(measured, folder / paths["profile", name])
        yield paths["profile", name]
    for name in (name for what, name in paths if what == "embedding" and embeddings):
        path = paths["embedding", name]
        try:
            draw_embedding(get_encoder(name), folder / path, MAP_STEP, MAP_DISC)
        except BenchError as error:
            missing(f"no map of {name}: {error}")
        else:
            yield path
    for name in (name for what, name in paths if what == "map"):
        edition = site.frame_of("task", name)["edition"].iloc[0]
        try:
            table = load_table(TaskSource(name, edition))
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
