"""Packages that only some encoders need."""

from __future__ import annotations

from satclip_bench.core.errors import EncoderError

EXTRA = "encoders"


def lacking(package: str, purpose: str) -> EncoderError:
    """The error for a package that is not installed.

    Args:
        package: its name.
        purpose: what it is needed for, such as `to read GeoTIFF`.
    """
    return EncoderError(
        f"{package} is needed {purpose}: pip install {package}, or 'satclip-bench[{EXTRA}]'"
    )
