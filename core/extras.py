"""Errors about optional packages that are not installed."""

from __future__ import annotations

from satclip_bench.core.errors import EncoderError


def missing_package(package: str, purpose: str, extra: str = "encoders") -> EncoderError:
    """The error for an optional package that is not installed.

    Args:
        package: name of the package on PyPI.
        purpose: what the package is needed for, such as `to read GeoTIFF`.
        extra: extra of satclip-bench that installs the package.

    >>> print(missing_package("rasterio", "to read GeoTIFF"))
    rasterio is needed to read GeoTIFF: pip install rasterio, or 'satclip-bench[encoders]'
    """
    return EncoderError(
        f"{package} is needed {purpose}: pip install {package}, or 'satclip-bench[{extra}]'"
    )
