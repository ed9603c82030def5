"""Folder of the site: made beside its place, then moved, so that a kill leaves whole files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from satclip_bench.benchmarks.profiles.profile import Profile
from satclip_bench.benchmarks.report.manifest import move, staging, sweep
from satclip_bench.benchmarks.report.page.model import Site
from satclip_bench.benchmarks.report.page.site import site_files
from satclip_bench.core.card import Card
from satclip_bench.core.errors import BenchError
from satclip_bench.core.files import atomic_write, cannot_write

FILE = "site.json"
"""List of the files of a site, by which a folder is known as one that can be replaced."""

FOLDERS = ("assets", "data", "encoders", "tasks")
"""Folders of a site."""

INDEX = "index.html"


class SiteFiles(Card):
    """Paths of the files of a site in its folder."""

    files: tuple[str, ...]


def write_site(
    site: Site,
    out: Path,
    draw: Callable[[Path], Iterable[str]],
    profiles: Mapping[str, Profile] | None = None,
) -> Path:
    """Write the pages, pictures and tables of runs, and delete those of an earlier site.

    Args:
        site: runs to show.
        out: folder of the site: a new one, an empty one, or one with an earlier site.
        draw: function that draws the pictures into a folder and gives their paths in it, as
            `draw_pictures` does.
        profiles: profiles of encoders by name, as `profiles_of` selects them.

    Returns:
        Path of the front page.

    Raises:
        BenchError: the folder holds other files, or cannot be written.
    """
    old = _require_site(out)
    with staging(out) as staged:
        pictures = frozenset(draw(staged))
        names = [*sorted(pictures)]
        for name, content in site_files(site, pictures, profiles or {}):
            with atomic_write(staged / name) as stream:
                stream.write(content)
            names.append(name)
        # After a kill the list names every file that may be there.
        _write(out, {*old, *names})
        move(staged, out, names)
    try:
        for name in old - set(names):
            (out / name).unlink(missing_ok=True)
    except OSError as error:
        raise BenchError(cannot_write(out, error)) from error
    _write(out, set(names))
    return out / INDEX


def _require_site(out: Path) -> set[str]:
    """Files of the site in a folder; none if it is new or empty.

    Raises:
        BenchError: the folder holds something else.
    """
    try:
        content = [path for path in out.iterdir() if not path.name.startswith(".")]
    except FileNotFoundError:
        return set()
    except OSError as error:
        raise BenchError(cannot_write(out, error)) from error
    sweep(out)
    if not content:
        return set()
    try:
        files = SiteFiles.model_validate_json((out / FILE).read_bytes()).files
    except (OSError, ValidationError) as error:
        raise BenchError(
            f"{out} is not empty and holds no earlier leaderboard page: give a new folder to --html"
        ) from error
    return {name for name in files if _belongs(PurePosixPath(name))}


def _belongs(path: PurePosixPath) -> bool:
    """Whether a listed file may be deleted: it lies where a site has files."""
    inside = len(path.parts) == 2 and path.parts[0] in FOLDERS and path.parts[1] != ".."
    return inside or path == PurePosixPath(INDEX)


def _write(out: Path, names: set[str]) -> None:
    with atomic_write(out / FILE) as stream:
        stream.write(
            (SiteFiles(files=tuple(sorted(names))).model_dump_json(indent=1) + "\n").encode()
        )
