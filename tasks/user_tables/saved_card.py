"""Reads the saved card of a user table, and saves a new one."""

from __future__ import annotations

from pydantic import ValidationError

from satclip_bench.core.card import problems
from satclip_bench.core.errors import BenchError, TaskError
from satclip_bench.core.files import atomic_write
from satclip_bench.tasks.user_tables.card import UserTableCard
from satclip_bench.tasks.user_tables.file import UserTable


def read_card(file: UserTable) -> UserTableCard | None:
    """Read the card of a user table; None if there is none.

    Raises:
        TaskError: the card cannot be read, or its entries are not valid.
    """
    path = file.card_path
    if not path.is_file():
        return None
    try:
        return UserTableCard.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise TaskError(
            f"{path} is not a valid card of a user table ({problems(error)}). Correct it, or "
            "delete it to have a new one made"
        ) from error
    except OSError as error:
        raise TaskError(f"{path} cannot be read: {error.strerror}") from error


def save_card(file: UserTable, card: UserTableCard) -> None:
    """Save a new card beside the table, or in `card_folder` if that is not possible.

    Raises:
        BenchError: the card cannot be written in any of these folders.
    """
    content = (card.model_dump_json(indent=2) + "\n").encode()
    path, fallback = file.card_path, file.fallback_card_path
    try:
        with atomic_write(path) as stream:
            stream.write(content)
    except BenchError:
        if fallback is None:
            raise
        with atomic_write(fallback) as stream:
            stream.write(content)
