"""Weights from our own pretraining that ship with the package."""

from __future__ import annotations

from pathlib import Path

SHIPPED = Path(__file__).parents[1] / "pretrained"
SUMS = "SHA256SUMS"
BLUE_MARBLE = "satclip-bluemarble"


def published_sha256(path: Path) -> str | None:
    """SHA-256 of a shipped file, from `SHA256SUMS` beside it; None if it is not listed."""
    try:
        lines = (path.parent / SUMS).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    sums = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    return sums.get(path.name)


def shipped() -> tuple[str, ...]:
    """Names of the encoders whose weights are in `pretrained/`."""
    return tuple(
        f"{BLUE_MARBLE}.{path.stem.removeprefix(BLUE_MARBLE + '-')}"
        for path in sorted(SHIPPED.glob(f"{BLUE_MARBLE}-*.safetensors"))
    )
