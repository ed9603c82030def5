"""Checkpoints: found, verified by content, and loaded without executing anything.

Here files are only looked for; `python -m satclip_bench.encoders.weights.fetch` fetches them.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from satclip_bench.core.download.lock import require_locked
from satclip_bench.core.errors import EncoderError
from satclip_bench.core.files import cache_dir, require_sha256, sha256_file
from satclip_bench.encoders.base import Encoder, WeightsCard

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
        return find_weights(self._weights_card, self._given, self.card.name)

    @cached_property
    @override
    def weights_sha256(self) -> str:
        """Of the file that is used; empty while its content is unknown and it is not at hand."""
        if self._weights_card.sha256 is not None:
            return self._weights_card.sha256
        path = self._given or weights_path(self._weights_card)
        return sha256_file(path) if path.is_file() else ""


def weights_path(card: WeightsCard) -> Path:
    """Where the file of `card` belongs, whether or not it is there: in the cache, as a rule."""
    return (card.folder or cache_dir() / "weights") / card.file


def find_weights(card: WeightsCard, given: Path | None = None, encoder: str = "") -> Path:
    """The file of `card`, verified.

    Args:
        card: the file that is wanted.
        given: a file the user names instead of the cached one; where the card knows the content,
            it must be that.
        encoder: name of the encoder, for the message.

    Raises:
        EncoderError: there is no such file; says how to obtain it.
        IntegrityError: the file has another content than the card says, or than it first had.
    """
    path = weights_path(card) if given is None else given
    how = by_hand(card)
    if card.distribution or card.hub or card.url:
        command = f"python -m satclip_bench.encoders.weights.fetch {encoder}".rstrip()
        how = f"Run `{command}`. Or: {how}"
    if not path.is_file():
        raise EncoderError(f"the weights {card.file} are not at {path}. {how}")
    if card.sha256 is not None:
        advice = f"Delete it. {how}" if given is None else "Name the right file."
        require_sha256(path, card.sha256, advice)
    elif given is None:
        require_locked(path.parent, path.name, sha256_file(path), str(path))
    return path


def by_hand(card: WeightsCard) -> str:
    """The sentence that says where the file can be found and where it belongs."""
    source = card.origin
    if card.distribution:
        source += f": {card.member} in the package {card.distribution}"
    elif card.hub:
        source += f": {card.member} at revision {card.revision}"
    elif card.url:
        source += f": {card.url}"
    digest = f", sha256 {card.sha256}" if card.sha256 else ""
    return f"Place the file by hand at {weights_path(card)} (from {source}{digest})."


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
    return _tensors(content["state_dict"], path), _settings(content["hyper_parameters"], path)


def load_trainer(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """The tensors and the settings of a `.pth.tar` with `state_dict` and `params`, on the CPU.

    Raises:
        EncoderError: the file is damaged, would execute code, or is no such checkpoint.
    """
    content = _load(path)
    if not isinstance(content, dict) or not {"state_dict", "params"} <= content.keys():
        raise EncoderError(f"{path} is no checkpoint of that kind: state_dict or params lack")
    return _tensors(content["state_dict"], path), _settings(content["params"], path)


def _settings(content: object, path: Path) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise EncoderError(f"{path} has settings that are {type(content).__name__}, not a mapping")
    return content


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
    odd = [
        k
        for k, v in content.items()
        if v.layout != torch.strided or v.device.type != "cpu" or v.is_quantized
    ]
    if odd:
        raise EncoderError(f"{path} has tensors without plain values: {', '.join(odd[:5])}")
    return {name: tensor.detach() for name, tensor in content.items()}


def first_line(error: Exception) -> str:
    """The kind of an error and the first line of what it says."""
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}".rstrip(": ")
