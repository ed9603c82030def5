"""Which weights of our own pretraining come with the package."""

from __future__ import annotations

from pathlib import Path

SHIPPED = Path(__file__).parent / "pretrained"
BLUE_MARBLE = "satclip-bluemarble"


def shipped() -> tuple[str, ...]:
    """The names of the encoders whose weights lie in `pretrained/`."""
    return tuple(
        f"{BLUE_MARBLE}.{path.stem.removeprefix(BLUE_MARBLE + '-')}"
        for path in sorted(SHIPPED.glob(f"{BLUE_MARBLE}-*.safetensors"))
    )
