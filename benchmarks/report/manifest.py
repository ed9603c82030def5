"""Manifest of a run's tables and figures: what they were made from, and which files they are.

A run is killed, a disk is full, a card is edited: tables and figures that were not made from the
present records, or not all of them, are found by the manifest and made again.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from satclip_bench.benchmarks import ranking, submissions
from satclip_bench.benchmarks.report.results import Results
from satclip_bench.benchmarks.runs.tidy import frame_bytes
from satclip_bench.core.card import Card
from satclip_bench.core.errors import BenchError
from satclip_bench.core.files import (
    atomic_write,
    cannot_write,
    is_abandoned,
    process_mark,
    sha256_file,
    sha256_folder,
    sweep_parts,
)
from satclip_bench.tasks import TaskTable

FILE = "reports.json"
FOLDERS = ("tables", "figures")
"""Folders whose files a manifest may list."""
STAGING = ".satclip-bench-reports."
"""Beginning of the name of a folder in which reports are made before they replace the old ones."""


class Manifest(Card):
    """What the tables and figures of a run were made from, and their files.

    Attributes:
        made_from: hash of the inputs; empty while files are being replaced.
        files: SHA-256 of each file, by its path in the run's folder.
    """

    made_from: str = ""
    files: Mapping[str, str] = {}


def fingerprint(
    results: Results, tables: Mapping[str, TaskTable], sources: Iterable[str | None]
) -> str:
    """Hash of what reports are made from: scores, cards, titles, tables, and the code.

    Args:
        results: results of the run, whose bootstrap scores need not be there.
        tables: tables whose maps are drawn, by task.
        sources: hashes of what the bootstrap scores of the cells are made from.
    """
    digest = hashlib.sha256()
    digest.update(frame_bytes(results.frame))
    for card in results.cards.values():
        digest.update(card.model_dump_json().encode())
    digest.update(
        repr((sorted(results.titles.items()), results.contaminated, results.score)).encode()
    )
    digest.update(repr(tuple(sources)).encode())
    digest.update(repr([(name, table.sha256) for name, table in sorted(tables.items())]).encode())
    for folder in (Path(__file__).parent, *map(Path, (*ranking.__path__, *submissions.__path__))):
        digest.update(sha256_folder(folder, "*.py").encode())
    return digest.hexdigest()


def is_current(out: Path, made_from: str) -> bool:
    """Whether a run's folder holds all reports that were made from these inputs, unchanged.

    Args:
        out: folder of the run.
        made_from: hash of the inputs, as `fingerprint` makes it.
    """
    manifest = read_manifest(out)
    return manifest.made_from == made_from and all(
        (out / name).is_file() and sha256_file(out / name) == sha256
        for name, sha256 in manifest.files.items()
    )


def read_manifest(out: Path) -> Manifest:
    """The manifest of a run's folder; an empty one if there is none, or it is damaged."""
    try:
        manifest = Manifest.model_validate_json((out / FILE).read_bytes())
    except (OSError, ValidationError):
        return Manifest()
    # Files that a manifest lists may be deleted, so it may not name any others.
    parts = [Path(name).parts for name in manifest.files]
    inside = all(names[:1] and names[0] in FOLDERS and ".." not in names for names in parts)
    return manifest if inside else Manifest()


@contextmanager
def staging(out: Path) -> Iterator[Path]:
    """A folder beside the reports to make new ones in; it is removed at the end of the block.

    Args:
        out: folder of the run.

    Raises:
        BenchError: the folder cannot be created.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f"{STAGING}{process_mark()}", dir=out))
    except OSError as error:
        raise BenchError(cannot_write(out, error)) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def publish(staged: Path, out: Path, made_from: str) -> tuple[Path, ...]:
    """Replace the reports of a run by the files of a staging folder.

    After a kill at any moment the manifest lists every file that may be there, and says that they
    are not complete. Files that the old manifest lists and that were not made again are deleted.

    Args:
        staged: folder with the new files, in the layout of the run's folder.
        out: folder of the run.
        made_from: hash of the inputs.

    Returns:
        Paths of the new files.

    Raises:
        BenchError: a file cannot be written.
    """
    new = {
        path.relative_to(staged).as_posix(): sha256_file(path)
        for path in sorted(staged.rglob("*"))
        if path.is_file()
    }
    old = read_manifest(out).files
    _write(out, Manifest(files={**old, **new}))
    paths = move(staged, out, new)
    try:
        for name in old.keys() - new.keys():
            (out / name).unlink(missing_ok=True)
    except OSError as error:
        raise BenchError(cannot_write(out, error)) from error
    _write(out, Manifest(made_from=made_from, files=new))
    return paths


def move(staged: Path, out: Path, names: Iterable[str]) -> tuple[Path, ...]:
    """Move files of a staging folder to their places in the run's folder.

    Args:
        staged: folder with the files.
        out: folder of the run.
        names: paths of the files in both folders.

    Raises:
        BenchError: a file cannot be written.
    """
    paths = tuple(names)
    try:
        for name in paths:
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (staged / name).replace(out / name)
    except OSError as error:
        raise BenchError(cannot_write(out, error)) from error
    return tuple(out / name for name in paths)


def sweep(out: Path) -> None:
    """Delete what killed processes left in a run's folder; call it under the run's lock.

    Args:
        out: folder of the run.
    """
    for name in ("*", "tasks/*", "records/**/*", *(f"{name}/**/*" for name in FOLDERS)):
        sweep_parts(out, name)
    # Under the lock, a folder of this process is one that it has not removed.
    own = f"{STAGING}{process_mark()}"
    for folder in out.glob(f"{STAGING}*"):
        if folder.name.startswith(own) or is_abandoned(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _write(out: Path, manifest: Manifest) -> None:
    with atomic_write(out / FILE) as stream:
        stream.write((manifest.model_dump_json(indent=1) + "\n").encode())
