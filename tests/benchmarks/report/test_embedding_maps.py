"""Maps of embeddings: the places of their pixels and their colours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from pyproj import Transformer

from satclip_bench.benchmarks.cli import main
from satclip_bench.benchmarks.report.embedding_maps import draw_embedding, fit_colours, seen_from
from satclip_bench.core.errors import BenchError
from satclip_bench.core.sphere import great_circle_km, unit_vectors
from satclip_bench.encoders import Encoder, EncoderCard, get_encoder


@given(
    st.floats(-180, 180),
    st.floats(-90, 90),
    st.floats(0.0, 0.99),
    st.floats(0, 2 * np.pi),
)
def test_a_disc_is_the_orthographic_projection(
    lon: float, lat: float, radius: float, turn: float
) -> None:
    x, y = np.array([radius * np.cos(turn)]), np.array([radius * np.sin(turn)])
    metres = 6_370_997.0
    project = Transformer.from_pipeline(
        f"+proj=pipeline +step +inv +proj=ortho +lon_0={lon} +lat_0={lat} +R={metres} "
        "+step +proj=unitconvert +xy_in=rad +xy_out=deg"
    )
    expected = np.stack(project.transform(x * metres, y * metres), axis=1)
    # The projection loses digits towards the edge, where the globe turns away.
    assert great_circle_km(seen_from(lon, lat, x, y), expected)[0] < 0.1


class Vectors(Encoder):
    card = EncoderCard(name="vectors", title="Unit vectors", dimension=3)

    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
        return unit_vectors(lonlat)


def test_colours_follow_the_components_and_pale_over_the_sea() -> None:
    colour = fit_colours(Vectors())
    inland, atlantic = np.array([[20.0, 20.0]]), np.array([[-30.0, 20.0]])
    bare = (colour.pca.transform(Vectors().encode(atlantic)) - colour.low) / (
        colour.high - colour.low
    )
    assert colour(Vectors(), atlantic) == pytest.approx(1 - 0.45 * (1 - np.clip(bare, 0, 1)))
    scores = colour.pca.transform(Vectors().encode(inland))
    assert colour(Vectors(), inland) == pytest.approx(
        np.clip((scores - colour.low) / (colour.high - colour.low), 0, 1)
    )


def test_the_same_embedding_gives_the_same_bytes(tmp_path: Path) -> None:
    path = draw_embedding(get_encoder("cartesian3d"), tmp_path / "a.png")
    first = path.read_bytes()
    picture = np.asarray(Image.open(path).convert("RGB")).astype(int)
    assert (np.ptp(picture, axis=2) > 30).mean() > 0.2, "colours, not greys"
    assert draw_embedding(get_encoder("cartesian3d"), path).read_bytes() == first


def test_info_draws_an_encoder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "cartesian3d", "--map", str(tmp_path)]) == 0
    assert "cartesian3d.embedding.png" in capsys.readouterr().out.replace("\n", "")
    assert (tmp_path / "cartesian3d.embedding.png").is_file()
    assert main(["info", "direct", "--map", str(tmp_path)]) == 2
    assert "three are needed" in capsys.readouterr().err


class Same(Vectors):
    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.ones((len(lonlat), 3))


def test_a_constant_embedding_is_refused() -> None:
    with pytest.raises(BenchError, match="the same everywhere on land"):
        fit_colours(Same())
