"""Which weights of our own pretraining come with the package."""

from __future__ import annotations

from pathlib import Path

SHIPPED = Path(__file__).parents[1] / "pretrained"
SUMS = "SHA256SUMS"
BLUE_MARBLE = "satclip-bluemarble"


def published_sha256(path: Path) -> str | None:
    """What a file beside `SHA256SUMS` should have; None where that does not name it."""
    try:
        lines = (path.parent / SUMS).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    sums = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    return sums.get(path.name)


def shipped() -> tuple[str, ...]:
    """The names of the encoders whose weights lie in `pretrained/`."""
    return tuple(
        f"{BLUE_MARBLE}.{path.stem.removeprefix(BLUE_MARBLE + '-')}"
        for path in sorted(SHIPPED.glob(f"{BLUE_MARBLE}-*.safetensors"))
    )
