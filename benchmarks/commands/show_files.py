"""Where the files of a task lie, and what is in them: for the verb `info`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from satclip_bench.core.download.cards import FileCard
from satclip_bench.core.errors import BenchError
from satclip_bench.core.files import sha256_file
from satclip_bench.tasks import Edition, TaskCard, get_task
from satclip_bench.tasks.open_edition.tables import OPEN_EDITION
from satclip_bench.tasks.paper_edition.loading import data_folder

HASHED = 50_000_000
"""Larger files are not read to be shown: that is what `verify` is for."""


def show_files(card: TaskCard, data_dir: Path | None) -> None:
    """Print a task's files, edition by edition: what lies where, what is missing, what is read."""
    console = Console()
    whose = ""
    for owner, path, told in file_rows(card, data_folder(data_dir)):
        if owner != whose:
            console.print(f"\n[cyan]files of {escape(owner)}[/cyan]", highlight=False)
            whose = owner
        console.print(f"  {escape(path)}: {escape(told)}", highlight=False, soft_wrap=True)
    files = (f for e in card.editions.values() for v in e.variants for f in v.files)
    for citation in dict.fromkeys(f.citation for f in files if f.citation):
        console.print(f"cite: {escape(citation)}", highlight=False, soft_wrap=True)


def file_rows(card: TaskCard, folder: Path) -> Iterator[tuple[str, str, str]]:
    """For every file of every edition: edition and variant, path, state.

    Args:
        card: of a task.
        folder: with the files that do not ship.
    """
    for edition, this in card.editions.items():
        if this.file:
            path = OPEN_EDITION / this.file
            yield (
                f"the {edition} edition, which ships",
                str(path),
                "present" if path.is_file() else "missing",
            )
        chosen = False
        for variant in this.variants:
            whole = all((folder / file.file).is_file() for file in variant.files)
            reads = ": this is read" if whole and not chosen else ""
            chosen = chosen or whole
            for file in variant.files:
                yield (
                    f"{edition}, {variant.name}{reads}",
                    str(folder / file.file),
                    state(file, folder),
                )


def state(file: FileCard, folder: Path) -> str:
    """In words: missing, and how to come by it; present, and whether its content is verified."""
    path = folder / file.file
    if not path.is_file():
        how = "`download` fetches it" if file.origins else f"by hand: {file.by_hand}"
        return f"missing; {how}"
    size = path.stat().st_size
    if file.sha256 is None:
        return f"present, {size:,} bytes, no hash published"
    if size > HASHED:
        return f"present, {size:,} bytes, not read here"
    same = sha256_file(path) == file.sha256
    return f"present, {size:,} bytes, " + ("verified" if same else "NOT the expected content")


def draw_task(name: str, edition: Edition, data_dir: Path | None, folder: Path) -> None:
    """Draw a map and a histogram of a task's target, and print where.

    Raises:
        BenchError: the table cannot be loaded, or the folder not be written.
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
        console.print(str(path), soft_wrap=True, highlight=False)
    for note in filter(None, (table.caveat, *table.notes)):
        console.print(f"note: {note}", highlight=False)
