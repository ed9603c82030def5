"""Published numbers of the real weights, checked where the real file is in the cache.

Each number has a grade: S, seen in a stored page or file of its source; I, inferred, for example
recomputed from a script whose inputs were not available. A failure of a number of grade I can be
an error of the inference; a failure of one of grade S cannot.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from satclip_bench.encoders import encoder_card, get_encoder
from satclip_bench.encoders.satclip import VARIANTS
from satclip_bench.encoders.weights.files import weights_path

ST_LOUIS = (-90.19777778, 38.62722222)
KIRKWOOD = (-90.42027778, 38.57888889)

TUTORIAL_POINTS = [(-82.87678304500669, 8.310729309971231), (112.77728611209807, 43.62460821353702)]
"""Grade I: recomputed from the script that draws the points of the tutorial's first notebook
(isprs26-embeddings-tutorial b1b3fa9, scripts/prep_demo1_satclip_ecoregions.py, seed 0), without
its land filter, whose file was not available."""

TUTORIAL_VALUES = [[0.904, 4.237, 0.143, 0.431, -2.049], [-1.651, 2.598, 0.913, -0.084, 6.64]]
"""Grade S: the first five columns, as the notebook's stored output prints them."""


def real_weights(name: str) -> Path:
    """The real file of an encoder; without it, the test is skipped with the file's name."""
    card = encoder_card(name).weights
    assert card is not None
    path = weights_path(card)
    if not path.is_file():
        pytest.skip(f"the real weights {card.file} of {name} are not at {path}")
    return path


@pytest.mark.parametrize("variant", VARIANTS)
def test_places_that_are_close_have_embeddings_that_are(variant: str) -> None:
    """Grade S: the cosine is at least .998 with every checkpoint.

    The source is the README of bradleylab/ml-containers, satclip, at 90740a5.
    """
    real_weights(f"satclip.{variant}")
    a, b = get_encoder(f"satclip.{variant}").encode([ST_LOUIS, KIRKWOOD]).astype(np.float64)
    assert a @ b / np.linalg.norm(a) / np.linalg.norm(b) >= 0.998


@pytest.mark.parametrize("row", [0, 1])
def test_first_columns_of_vit16_l40(row: int) -> None:
    """Values of grade S at points of grade I, so that the comparison is of grade I."""
    real_weights("satclip.vit16-l40")
    (embedding,) = get_encoder("satclip.vit16-l40").encode([TUTORIAL_POINTS[row]])
    # Three printed digits, and up to 1e-3 more between precisions of the harmonics.
    assert embedding[:5] == pytest.approx(TUTORIAL_VALUES[row], abs=2e-3)


def test_a_missing_file_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SATCLIP_BENCH_CACHE", str(tmp_path))
    with pytest.raises(
        pytest.skip.Exception, match=r"satclip-vit16-l40\.ckpt of satclip\.vit16-l40"
    ):
        real_weights("satclip.vit16-l40")
