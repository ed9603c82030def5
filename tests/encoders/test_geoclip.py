"""GeoCLIP, compared with the original package.

`data/geoclip_original.npz` holds the embeddings of 64 points by the class `LocationEncoder` of the
package geoclip 1.3.0 with its released weights, on one thread.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from satclip_bench.core.errors import EncoderError, IntegrityError
from satclip_bench.encoders import get_encoder
from satclip_bench.encoders.geoclip import WEIGHTS, GeoCLIP, equal_earth
from satclip_bench.encoders.weights.files import weights_path


@pytest.fixture
def _weights() -> None:
    if not weights_path(WEIGHTS).is_file():
        pytest.skip(f"the weights {WEIGHTS.file} are not in the cache: make setup")


@pytest.mark.usefixtures("_weights")
def test_equal_to_the_original_to_float32_rounding() -> None:
    with np.load(Path(__file__).parent / "data" / "geoclip_original.npz") as original:
        lonlat, expected = original["lonlat"], original["embedding"]
    result = get_encoder("geoclip").encode(lonlat)
    assert np.abs(result - expected).max() < 1e-6 * np.abs(expected).max()


@pytest.mark.usefixtures("_weights")
def test_latitude_first_is_this_files_own_business() -> None:
    encoder = get_encoder("geoclip")
    assert encoder.card.native_order == "lat, lon"
    paris, swapped = encoder.encode([[2.35, 48.86], [48.86, 2.35]])
    assert np.abs(paris - swapped).max() > 1e-3


def test_the_plane_is_equal_earth() -> None:
    import torch
    from pyproj import Proj

    lonlat = np.array(
        [[0, 0], [180, 0], [-75, 40], [120, -33], [10, 89], [0, 90]], dtype=np.float64
    )
    radius = 6_371_008.0
    x, y = Proj(f"+proj=eqearth +R={radius}")(*lonlat.T)
    result = equal_earth(torch.from_numpy(lonlat)).numpy() * 180 / 66.50336
    assert result[:, 0] == pytest.approx(np.array(x) / radius, abs=1e-6)
    assert result[:, 1] == pytest.approx(np.array(y) / radius, abs=1e-6)


def test_another_file_is_refused_by_its_hash(tmp_path: Path) -> None:
    other = tmp_path / "other.pth"
    other.write_bytes(b"something else")
    with pytest.raises(IntegrityError, match=WEIGHTS.sha256):
        GeoCLIP(weights=other).encode([[0, 0]])


def test_missing_weights_say_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"download geoclip`"):
        GeoCLIP(weights=tmp_path / "none.pth").encode([[0, 0]])
