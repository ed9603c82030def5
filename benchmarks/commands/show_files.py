"""Files, shared coordinates and figures of a task, for the command `info`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from satclip_bench.benchmarks.commands.plain import print_plain
from satclip_bench.benchmarks.runs.tables import TaskSource, load_table, make_folds
from satclip_bench.benchmarks.splits.places import shared_places
from satclip_bench.core.download.cards import RemoteFile
from satclip_bench.core.errors import BenchError
from satclip_bench.core.files import sha256_file
from satclip_bench.core.sphere import place_numbers
from satclip_bench.tasks import Edition, TaskCard, get_task
from satclip_bench.tasks.open_edition.tables import OPEN_EDITION
from satclip_bench.tasks.paper_edition.loading import data_folder

COUNTED_SPLITS = ("random", "random-grouped", "few-shot", "held-out-region")
"""Splits whose test points at coordinates of training points are counted."""
COUNTED_SEED = 0
HASHED = 50_000_000
"""Files with more bytes than this are not hashed by `info`, only by `verify`."""


def show_files(card: TaskCard, data_dir: Path | None) -> None:
    """Print the files of a task by edition: path, state, and which of them are read."""
    console = Console()
    heading = ""
    for owner, path, description in file_rows(card, data_folder(data_dir)):
        if owner != heading:
            print_plain(f"\nfiles of {owner}", console, "cyan")
            heading = owner
        print_plain(f"  {path}: {description}", console)
    files = (f for e in card.editions.values() for v in e.variants for f in v.files)
    for citation in dict.fromkeys(f.citation for f in files if f.citation):
        print_plain(f"cite: {citation}", console)


def file_rows(card: TaskCard, folder: Path) -> Iterator[tuple[str, str, str]]:
    """Edition and variant, path, and state of every file of every edition.

    Args:
        card: card of the task.
        folder: folder with the downloaded tables.
    """
    for edition, files in card.editions.items():
        if files.file:
            path = OPEN_EDITION / files.file
            yield (
                f"the {edition} edition, part of the repository",
                str(path),
                "present" if path.is_file() else "missing",
            )
        is_read = False
        for variant in files.variants:
            complete = all((folder / file.file).is_file() for file in variant.files)
            reads = ": this is read" if complete and not is_read else ""
            is_read = is_read or complete
            for file in variant.files:
                yield (
                    f"{edition}, {variant.name}{reads}",
                    str(folder / file.file),
                    state(file, folder),
                )


def state(file: RemoteFile, folder: Path) -> str:
    """State of a file: missing and how to get it, or present and whether it is verified."""
    path = folder / file.file
    if not path.is_file():
        how = "`download` downloads it" if file.origins else f"by hand: {file.by_hand}"
        return f"missing; {how}"
    size = path.stat().st_size
    if file.sha256 is None:
        return f"present, {size:,} bytes, no hash published"
    if size > HASHED:
        return f"present, {size:,} bytes, not read here"
    is_expected = sha256_file(path) == file.sha256
    return f"present, {size:,} bytes, " + (
        "verified" if is_expected else "NOT the expected content"
    )


def show_places(name: str, edition: Edition, data_dir: Path | None) -> None:
    """Print how many points of a task share coordinates, and what this means for its splits.

    Nothing is printed if the task's table is not available.
    """
    source = TaskSource(name, edition, data_dir)
    try:
        lonlat = load_table(source).lonlat
    except BenchError:
        return
    console = Console(markup=False, emoji=False)
    n_places = int(place_numbers(lonlat).max()) + 1
    if n_places == len(lonlat):
        text = "no two points share coordinates"
    else:
        text = f"{len(lonlat):,} points at {n_places:,} different coordinates"
        shared = [count for split in COUNTED_SPLITS if (count := shared_test_points(source, split))]
        if shared:
            text += (
                f". Test points at the coordinates of a training or validation point, seed "
                f"{COUNTED_SEED}: {'; '.join(shared)}"
            )
    console.print(f"\nplaces of the {edition} edition: {text}", highlight=False, soft_wrap=True)


def shared_test_points(source: TaskSource, split: str) -> str:
    """Test points at the coordinates of a training or validation point, of all; empty if none.

    Examples:
        >>> shared_test_points(TaskSource("california_housing"), "random")
        'random 4,682 of 12,384'
        >>> shared_test_points(TaskSource("elevation"), "random")
        ''
    """
    lonlat = load_table(source).lonlat
    try:
        folds = make_folds(source, split, COUNTED_SEED)
    except BenchError:
        return ""
    shared = sum(shared_places(lonlat, fold) for fold in folds)
    return f"{split} {shared:,} of {sum(len(f.test) for f in folds):,}" if shared else ""


def draw_task(name: str, edition: Edition, data_dir: Path | None, folder: Path) -> None:
    """Draw a map and a histogram of a task's target, and print their paths.

    Raises:
        BenchError: the table cannot be loaded, or the folder cannot be written.
    """
    from satclip_bench.benchmarks.report.histograms import draw_histogram
    from satclip_bench.benchmarks.report.maps import draw_map

    task = get_task(name, edition, data_dir)
    try:
        table = task.load()
    except BenchError as error:
        raise BenchError(f"{name} ({edition} edition) cannot be drawn: {error}") from error
    console = Console()
    stem = f"{name}.{edition}"
    for path in (
        draw_map(table, folder / f"{stem}.map.png"),
        draw_histogram(table, folder / f"{stem}.histogram.png"),
    ):
        print_plain(path, console)
    for note in filter(None, (table.caveat, *table.notes)):
        print_plain(f"note: {note}", console)
