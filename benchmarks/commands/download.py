"""The verbs `download` and `verify`: files that do not ship, brought here and looked after."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table

from satclip_bench.core.download.cards import FileCard
from satclip_bench.core.download.fetch import by_hand, fetch, state
from satclip_bench.core.download.lock import read_lock
from satclip_bench.core.errors import BenchError
from satclip_bench.core.files import cache_dir, sha256_file, sha256_folder
from satclip_bench.core.registry import match_names
from satclip_bench.encoders import encoder_card, list_encoders
from satclip_bench.encoders.base import WeightsCard
from satclip_bench.encoders.weights.fetch import obtain_weights
from satclip_bench.encoders.weights.files import by_hand as weights_by_hand
from satclip_bench.encoders.weights.files import weights_path
from satclip_bench.tasks import list_tasks, task_card
from satclip_bench.tasks.paper_edition.loading import data_folder, missing_files

ASK_ABOVE = 100_000_000
"""Bytes from which on a download is asked for once more."""
AT_ONCE = 4

STYLES = {
    "good": "green",
    "missing": "dim",
    "unverified": "yellow",
    "corrupt": "bold red",
    "stale": "bold red",
}


@dataclass(frozen=True)
class Item:
    """One file that a task or an encoder is made of.

    Attributes:
        owner: name of the task or encoder.
        card: the file; None for an encoder's weights, which have a card of their own.
        weights: those; None for a task.
        folder: where the file's path begins.
    """

    owner: str
    card: FileCard | None
    weights: WeightsCard | None
    folder: Path

    @property
    def file(self) -> str:
        """Its path under the folder."""
        return self.card.file if self.card else self.of_weights.file

    @property
    def of_weights(self) -> WeightsCard:
        """The card of an encoder's weights; raises ValueError for a task's file."""
        if self.weights is None:
            raise ValueError(f"{self.owner} has neither a file nor weights")
        return self.weights

    @property
    def size(self) -> int | None:
        """Bytes, where the card says."""
        return self.card.bytes if self.card else self.of_weights.bytes

    @property
    def licence(self) -> str:
        """As on the card."""
        return self.card.licence if self.card else self.of_weights.licence

    @property
    def citation(self) -> str:
        """As on the card of a table; encoders' cards have their own."""
        return self.card.citation if self.card else ""

    @property
    def can_be_fetched(self) -> bool:
        """Whether some origin serves it."""
        if self.card:
            return bool(self.card.origins)
        weights = self.of_weights
        return bool(weights.distribution or weights.hub or weights.url)

    @property
    def advice(self) -> str:
        """How to place it by hand."""
        if self.card:
            return by_hand(self.card, self.folder)
        return weights_by_hand(self.of_weights)

    def state(self) -> str:
        """As `satclip_bench.core.download.fetch.state` has it."""
        if self.card:
            return state(self.card, self.folder)
        weights = self.of_weights
        path = weights_path(weights)
        if not path.exists():
            return "missing"
        digest = sha256_folder(path) if path.is_dir() else sha256_file(path)
        if weights.sha256 is not None:
            return "good" if digest == weights.sha256 else "corrupt"
        known = read_lock(path.parent).get(path.name)
        if known is None:
            return "unverified"
        return "good" if known.sha256 == digest else "stale"


def items_of(names: Sequence[str], data_dir: Path | None) -> tuple[Item, ...]:
    """The files of tasks and encoders, each once.

    Of a task that can be made of several sets of files, those of the set that is there; or else of
    the first that can be fetched whole; or else of the first.

    Args:
        names: of tasks and encoders, or wildcards; all of both if empty.
        data_dir: folder of tables; by default that of the cache.

    Raises:
        UnknownNameError: a name that nothing answers to.
    """
    tasks, encoders = list_tasks(), list_encoders()
    chosen = match_names("task or encoder", names, (*tasks, *encoders)) or (*tasks, *encoders)
    folder = data_folder(data_dir)
    found: dict[Path, Item] = {}
    for name in chosen:
        if name in tasks:
            for card in _files_of(name, folder):
                found.setdefault(folder / card.file, Item(name, card, None, folder))
        else:
            weights = encoder_card(name).weights
            if weights is not None:
                home, path = weights.folder or cache_dir() / "weights", weights_path(weights)
                found.setdefault(path, Item(name, None, weights, home))
    return tuple(found.values())


def _files_of(task: str, folder: Path) -> tuple[FileCard, ...]:
    edition = task_card(task).editions.get("paper")
    if edition is None or not edition.variants:
        return ()
    there = [v for v in edition.variants if not missing_files(v, folder)]
    to_be_had = [v for v in edition.variants if all(f.origins for f in v.files)]
    return (*there, *to_be_had, *edition.variants)[0].files


def download(names: Sequence[str], *, everything: bool, yes: bool, data_dir: Path | None) -> int:
    """Fetch what is missing of tasks and encoders, after saying what it is.

    Returns:
        0 if all of it is there in the end, 1 if something could not be had.

    Raises:
        BenchError: nothing was named, or it is large and nobody can be asked.
    """
    console = Console()
    if not names and not everything:
        raise BenchError(
            "name tasks or encoders, such as `download air_temperature geoclip`, or --all; "
            "`verify` shows what is here"
        )
    items = items_of(names, data_dir)
    missing = [item for item in items if item.state() == "missing"]
    if not missing:
        console.print("Everything is here." if items else "None of these need a file.")
        return _damaged(items, console)
    console.print(_listing(missing))
    wanted = [item for item in missing if item.can_be_fetched]
    for item in missing:
        if not item.can_be_fetched:
            console.print(f"{item.owner}: cannot be fetched. {item.advice}", soft_wrap=True)
    if wanted and not _agreed(wanted, yes=yes, console=console):
        console.print("Nothing was fetched.")
        return 1
    failed = _fetch_all(wanted, console)
    for citation in dict.fromkeys(item.citation for item in wanted if item.citation):
        console.print(f"cite: {citation}", soft_wrap=True, highlight=False, markup=False)
    return 1 if failed or len(wanted) < len(missing) else _damaged(items, console)


def _damaged(items: Sequence[Item], console: Console) -> int:
    bad = [item for item in items if item.state() in ("corrupt", "stale")]
    for item in bad:
        console.print(f"{item.owner}: {item.file} is {item.state()}; see `verify`", style="red")
    return 1 if bad else 0


def _listing(items: Sequence[Item]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("for", "file", "size", "licence"):
        table.add_column(title, overflow="fold", justify="right" if title == "size" else "left")
    for item in items:
        table.add_row(item.owner, escape(item.file), _size(item.size), escape(item.licence))
    return table


def _size(count: int | None) -> str:
    return "unknown" if count is None else f"{count / 1e6:,.1f} MB"


def _agreed(items: Sequence[Item], *, yes: bool, console: Console) -> bool:
    known = sum(item.size or 0 for item in items)
    unknown = sum(item.size is None for item in items)
    # Tables are small; weights of unknown size need not be.
    large = known > ASK_ABOVE or any(i.size is None and i.weights for i in items)
    if yes or not large:
        return True
    told = f"{known / 1e6:,.0f} MB" + (f" and {unknown} files of unknown size" if unknown else "")
    if not sys.stdin.isatty():
        raise BenchError(f"that is {told}: add --yes to fetch it")
    return console.input(f"Fetch {told}? [y/N] ").strip().lower() in ("y", "yes")


class _StoppedError(Exception):
    """The user has interrupted; what came so far stays for the next time."""


def _fetch_all(items: Sequence[Item], console: Console) -> int:
    """How many failed; each says why."""
    told = TextColumn("{task.description}")
    columns = (told, BarColumn(), DownloadColumn(), TransferSpeedColumn())
    failures: list[str] = []
    with (
        Progress(*columns, console=console) as progress,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        stop = Event()

        def one(item: Item) -> None:
            bar = progress.add_task(item.file, total=item.size)

            def advance(done: int, whole: int | None) -> None:
                if stop.is_set():
                    raise _StoppedError
                progress.update(bar, completed=done, total=whole)

            try:
                if item.card:
                    fetch(item.card, item.folder, advance)
                else:
                    obtain_weights(item.of_weights, advance)
            except _StoppedError:
                return
            except BenchError as error:
                failures.append(f"{item.owner}: {error}")
                progress.update(bar, description=f"[red]{item.file}[/red]")
            else:
                size = (item.folder / item.file).stat().st_size
                progress.update(bar, completed=size, total=size)

        try:
            list(pool.map(one, items))
        except KeyboardInterrupt:
            # Otherwise the pool would wait for every transfer to end.
            stop.set()
            raise
    for text in failures:
        console.print(text, style="red", soft_wrap=True, highlight=False, markup=False)
    return len(failures)


def verify(names: Sequence[str], *, data_dir: Path | None) -> int:
    """Hash every file that is here, and tell what is missing, corrupt or stale.

    Returns:
        0 if nothing is corrupt or stale; missing files are no fault.
    """
    console = Console()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("state", "for", "file"):
        table.add_column(title, overflow="fold")
    states = []
    advice = []
    for item in items_of(names, data_dir):
        found = item.state()
        states.append(found)
        table.add_row(
            f"[{STYLES[found]}]{found}[/{STYLES[found]}]",
            item.owner,
            escape(str(item.folder / item.file)),
        )
        if found in ("corrupt", "stale"):
            advice.append(f"{item.owner}: delete {item.folder / item.file} and fetch it again, or")
            advice[-1] += f" {item.advice}"
    console.print(table)
    counts = Counter(states)
    console.print(", ".join(f"{counts[s]} {s}" for s in STYLES if counts[s]) or "no files")
    for text in advice:
        console.print(text, style="red", soft_wrap=True, markup=False)
    return 1 if counts["corrupt"] or counts["stale"] else 0
