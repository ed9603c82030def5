"""The command `cache`: the sizes of the cache folder's contents, and how to delete them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from satclip_bench.benchmarks.commands.plain import print_plain
from satclip_bench.benchmarks.runs.embedding_cache import (
    LIMIT_VARIABLE,
    cached_files,
    embeddings_dir,
    evict,
    size_limit,
)
from satclip_bench.core.download.lock import NAME as FIRST_HASHES
from satclip_bench.core.errors import BenchError
from satclip_bench.core.files import CACHE_VARIABLE, cache_dir, cannot_write, sweep_parts
from satclip_bench.core.program import program

CONTENTS = {
    "embeddings": "computed again when needed",
    "weights": "downloaded or placed by hand",
    "data": "the papers' tables, downloaded or placed by hand",
    "distributions": "packages with data, downloaded again when needed",
    "pretrained": "weights that `pretrain --register` wrote; nothing can replace them",
}
"""Subfolders of the cache, and where their files come from."""


@dataclass(frozen=True)
class FolderSize:
    """Number and total size of the files in a folder."""

    files: int
    bytes: int


def folder_size(folder: Path) -> FolderSize:
    """Number and total size of the files in a folder and its subfolders; 0 if it is missing."""
    sizes = [path.lstat().st_size for path in _files(folder)]
    return FolderSize(len(sizes), sum(sizes))


def show_cache() -> int:
    """Print the folder, the number and sizes of its files, and the limit of the embeddings.

    Returns:
        The exit code.

    Raises:
        BenchError: the limit that the environment sets is not a number.
    """
    console, folder, limit = Console(), cache_dir(), size_limit()
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("folder", overflow="fold")
    table.add_column("files", justify="right")
    table.add_column("size", justify="right")
    table.add_column("contents", overflow="fold")
    for name, contents in CONTENTS.items():
        size = folder_size(folder / name)
        table.add_row(name, f"{size.files:,}", decimal(size.bytes), contents)
    total = folder_size(folder)
    table.add_row("total", f"{total.files:,}", decimal(total.bytes), "")
    print_plain(f"{folder} (${CACHE_VARIABLE} chooses another)", console)
    console.print(table)
    print_plain(
        f"Embeddings are limited to {decimal(limit)} (${LIMIT_VARIABLE}, in GB): a run deletes "
        "the least recently used ones above that, but none that a run still needs.",
        console,
    )
    return 0


def clear_cache(*, embeddings: bool, weights: bool) -> int:
    """Delete cached embeddings or weights.

    Embeddings that a run needs at present are kept. The file with the hashes of first downloads
    is kept too, so that a later download with another content is still noticed.

    Args:
        embeddings: whether embeddings are deleted; they are as well if neither is chosen.
        weights: whether weights are deleted.

    Returns:
        The exit code.

    Raises:
        BenchError: a file cannot be deleted, or the folder is a link to another one.
    """
    console = Console()
    if embeddings or not weights:
        _clear("embeddings", embeddings_dir(), _delete_embeddings, console)
    if weights:
        _clear("weights", cache_dir() / "weights", _delete_weights, console)
    else:
        kept = folder_size(cache_dir() / "weights")
        if kept.files:
            print_plain(
                f"{decimal(kept.bytes)} of weights are kept; "
                f"`{program()} cache clear --weights` deletes them",
                console,
            )
    return 0


def _clear(name: str, folder: Path, delete: Callable[[Path], None], console: Console) -> None:
    if folder.is_symlink():
        raise BenchError(
            f"{folder} is a link to {folder.resolve()}, where other programs may need the files: "
            "nothing was deleted. Delete them there, or delete the link"
        )
    before = folder_size(folder)
    try:
        delete(folder)
    except OSError as error:
        raise BenchError(cannot_write(folder, error)) from error
    after = folder_size(folder)
    text = f"{name}: {decimal(before.bytes - after.bytes)} deleted from {folder}"
    if kept := sum(file.size for file in cached_files(folder)):
        text += f"; {decimal(kept)} are kept, which a run needs at present"
    print_plain(text, console)


def _delete_embeddings(folder: Path) -> None:
    evict(folder, 0)
    sweep_parts(folder)


def _delete_weights(folder: Path) -> None:
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        if path.name == FIRST_HASHES:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _files(folder: Path) -> Iterator[Path]:
    """All files in a folder and its subfolders; links are not followed."""
    for parent, _, names in os.walk(folder):
        yield from (Path(parent) / name for name in names)
