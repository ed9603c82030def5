"""Weights files: found, verified by content, and loaded without executing what they contain.

An encoder only looks for its files; the command `download` downloads them.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import override

from satclip_bench.core.download.content import require_content
from satclip_bench.core.download.fetch import by_hand, fetch
from satclip_bench.core.download.transfer import Progress
from satclip_bench.core.errors import EncoderError, IntegrityError
from satclip_bench.core.files import cache_dir, require_sha256, sha256_file
from satclip_bench.core.program import program
from satclip_bench.encoders.base import Encoder, WeightsCard
from satclip_bench.encoders.weights.formats import (
    ADVICE,
    is_text,
    pointer_or_page,
    require_format,
)
from satclip_bench.encoders.weights.pickles import pickled_names

if TYPE_CHECKING:
    import torch


class PretrainedEncoder(Encoder):
    """Base class of encoders with one weights file: the cached one, or a file that a user names.

    Args:
        weights: file to use in place of the cached one.
    """

    accepts_other_weights: ClassVar[bool] = False
    """Whether a user may name a file of the same layout with another content than the card's."""

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
        exact = not self.accepts_other_weights
        return find_weights(self._weights_card, self._given, self.card.name, exact=exact)

    @cached_property
    @override
    def weights_sha256(self) -> str:
        """Hash of the file in use; empty while its content is unknown and the file is missing."""
        given = self._given if self.accepts_other_weights else None
        if self._weights_card.sha256 is not None and given is None:
            return self._weights_card.sha256
        path = self._given or weights_path(self._weights_card)
        return sha256_file(path) if path.is_file() else ""


def weights_folder(card: WeightsCard) -> Path:
    """Folder of a weights file: `weights` in the cache, unless the card names another."""
    return card.folder or cache_dir() / "weights"


def weights_path(card: WeightsCard) -> Path:
    """Path at which a weights file belongs, whether or not it is there."""
    return weights_folder(card) / card.file


def fetch_weights(card: WeightsCard, progress: Progress | None = None) -> Path:
    """Download a weights file into its folder, unless it is there, as `core.download.fetch` does.

    A file with another content than the published one is replaced.
    """
    return fetch(card, weights_folder(card), progress, replace=True)


def find_weights(
    card: WeightsCard, given: Path | None = None, encoder: str = "", *, exact: bool = True
) -> Path:
    """Path of a weights file, verified.

    Args:
        card: card of the file.
        given: file that the user names instead of the cached one.
        encoder: name of the encoder, for the message.
        exact: whether a given file must have the content that the card names.

    Raises:
        EncoderError: there is no such file; says how to obtain it.
        IntegrityError: the file has another content than the card says, or than its first
            download.
    """
    path = weights_path(card) if given is None else given
    how = how_to_obtain(card, encoder)
    if not path.is_file():
        raise EncoderError(f"the weights {card.file} are not at {path}. {how}")
    if what := pointer_or_page(path):
        advice = f"Delete it. {how}" if given is None else f"Name the right file, or: {how}"
        raise IntegrityError(f"{path} is {what}, not the weights. {advice}")
    if given is None:
        require_content(card, weights_folder(card), f"Delete it. {how}")
    elif exact and card.sha256 is not None:
        require_sha256(path, card.sha256, "Name the right file.")
    return path


def how_to_obtain(card: WeightsCard, encoder: str) -> str:
    """Sentences that say which command downloads a weights file, and where it belongs."""
    manual = by_hand(card, weights_folder(card))
    if not card.origins:
        return manual
    return f"Run `{program()} download {encoder}`. Or: {manual}"


def load_state_dict(path: Path) -> dict[str, torch.Tensor]:
    """Tensors of a PyTorch checkpoint, by name, on the CPU.

    Raises:
        EncoderError: the file is damaged, would execute code, or contains something else.
    """
    return _tensors(_load(path), path)


def load_nested(path: Path, keys: Sequence[str]) -> dict[str, torch.Tensor]:
    """Tensors of a PyTorch checkpoint that may have them in an entry beside others, on the CPU.

    Args:
        path: checkpoint.
        keys: names that the entry may have; without any of them, the tensors are the checkpoint.

    Raises:
        EncoderError: the file is damaged, would execute code, or contains something else.
    """
    content = _load(path)
    found = [key for key in keys if isinstance(content, dict) and key in content]
    return _tensors(content[found[0]] if isinstance(content, dict) and found else content, path)


def load_lightning(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Tensors and hyper-parameters of a Lightning checkpoint, on the CPU.

    Raises:
        EncoderError: the file is damaged, would execute code, or is not such a checkpoint.
    """
    return _tensors_and_settings(path, "hyper_parameters", "a Lightning checkpoint")


def load_trainer(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Tensors and settings of a `.pth.tar` with `state_dict` and `params`, on the CPU.

    Raises:
        EncoderError: the file is damaged, would execute code, or is not such a checkpoint.
    """
    return _tensors_and_settings(path, "params", "a checkpoint of a trainer")


def _tensors_and_settings(
    path: Path, key: str, kind: str
) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    content = _load(path)
    if not isinstance(content, dict) or not {"state_dict", key} <= content.keys():
        raise EncoderError(f"{path} is not {kind}: state_dict or {key} is missing")
    return _tensors(content["state_dict"], path), _settings(content[key], path)


def _settings(content: object, path: Path) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise EncoderError(f"{path} has settings that are {type(content).__name__}, not a mapping")
    return content


def _load(path: Path) -> object:
    import argparse
    import pathlib
    import warnings

    import torch

    require_format(path, "a PyTorch checkpoint")
    names, complete = pickled_names(path)
    # PyTorch allows this one, although it takes as much memory as its argument says. Without all
    # names, it could be among the others.
    if not complete or any(name.endswith(".bytearray") for name in names):
        raise EncoderError(_refused(path, names))
    # Lightning writes these besides tensors, and creating them has no side effect.
    harmless: list[Any] = [argparse.Namespace, pathlib.PosixPath, pathlib.PurePosixPath]
    try:
        with torch.serialization.safe_globals(harmless), warnings.catch_warnings():
            # PyTorch warns of pickles in another protocol than its own, which users cannot change.
            warnings.simplefilter("ignore", UserWarning)
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        # The errors that PyTorch raises for a damaged file share no base class.
        raise EncoderError(_refused(path, names, error)) from None


def _refused(path: Path, names: Sequence[str], error: Exception | None = None) -> str:
    """Message about a checkpoint that is not loaded.

    Args:
        path: the file.
        names: names of functions and classes in it that are not those of tensors.
        error: exception that PyTorch raised. Its message is used only where it describes damage:
            for pickled objects, it advises to load the file with code in it.
    """
    if names:
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        return (
            f"{path} contains pickled objects ({', '.join(names[:5])}{more}) besides tensors. It "
            "is refused because loading them could execute code. Use a file that contains only "
            "tensors, such as the published one."
        )
    reason = first_line(error) if error is not None else ""
    if isinstance(error, pickle.UnpicklingError) or not reason or "weights_only" in reason:
        if is_text(path):
            return f"{path} is text, not a PyTorch checkpoint. {ADVICE}"
        return (
            f"{path} is truncated or damaged, or contains pickled objects besides tensors, which "
            f"are refused because loading them could execute code. {ADVICE}"
        )
    return f"{path} is truncated or damaged: {reason}. {ADVICE}"


def _tensors(content: object, path: Path) -> dict[str, torch.Tensor]:
    import torch

    if not isinstance(content, dict) or not all(
        isinstance(k, str) and isinstance(v, torch.Tensor) for k, v in content.items()
    ):
        raise EncoderError(f"{path} does not contain a mapping of names to tensors")
    odd = [
        k
        for k, v in content.items()
        if v.layout != torch.strided
        or v.device.type != "cpu"
        or v.is_quantized
        # One value that is repeated by a stride of 0 takes no space until it is copied.
        or v.numel() * v.element_size() > v.untyped_storage().nbytes()
    ]
    if odd:
        raise EncoderError(f"{path} has tensors without plain values: {', '.join(odd[:5])}")
    return {name: tensor.detach() for name, tensor in content.items()}


def first_line(error: Exception) -> str:
    r"""Type of an error and the first line of its message.

    >>> first_line(ValueError("no such layer\nin the file"))
    'ValueError: no such layer'
    """
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}".rstrip(": ")
