from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from rangegeo.satclip.load import load_satclip_location_encoder
from rangegeo.satclip.location_encoder import SirenNet as ReleasedSiren
from torch import nn

from satclip_bench.core.errors import BenchError, EncoderError
from satclip_bench.encoders import check_encoder, get_encoder
from satclip_bench.encoders.check import CORNERS
from satclip_bench.encoders.layers.harmonics_siren import satclip_basis
from satclip_bench.encoders.pretraining.config import Image, Location
from satclip_bench.encoders.pretraining.export import released_settings, write_safetensors
from satclip_bench.encoders.pretraining.image_encoder import _Block, image_encoder, train_mode
from satclip_bench.encoders.pretraining.location_encoder import (
    Basis,
    LocationNet,
    SirenNet,
    released_tensors,
)
from satclip_bench.encoders.satclip import SatCLIP
from satclip_bench.encoders.satclip_retrained import TrainedSatCLIP, read_about


@pytest.mark.parametrize(
    ("kind", "parameters"),
    # The numbers of torchvision and timm for 1,000 classes, 3 bands and 224 pixels.
    [("resnet18", 11_689_512), ("resnet50", 25_557_032), ("vit16", 22_050_664)],
)
def test_known_networks_have_the_known_size(kind: str, parameters: int) -> None:
    network = image_encoder(Image.model_validate({"kind": kind}), (3, 224, 224), 1000)
    assert sum(p.numel() for p in network.parameters()) == parameters


NAMES = {
    "resnet18": ("conv1.weight", "bn1.running_var", "layer2.0.downsample.1.bias", "fc.weight"),
    "resnet50": ("layer4.2.conv3.weight", "layer1.0.downsample.0.weight", "fc.bias"),
    "vit16": (
        *("cls_token", "pos_embed", "patch_embed.proj.weight", "blocks.11.attn.qkv.bias"),
        *("blocks.0.norm1.weight", "blocks.3.mlp.fc1.weight", "norm.bias", "head.weight"),
    ),
}


@pytest.mark.parametrize("kind", NAMES)
def test_names_are_timms_and_any_bands_go(kind: str) -> None:
    network = image_encoder(Image.model_validate({"kind": kind}), (13, 32, 32), 8).eval()
    assert set(NAMES[kind]) <= network.state_dict().keys()
    with torch.no_grad():
        assert network(torch.randn(2, 13, 32, 32)).shape == (2, 8)


def test_a_block_of_the_transformer_is_torchs() -> None:
    torch.manual_seed(0)
    ours = _Block(24, 3).eval()
    theirs = nn.TransformerEncoderLayer(
        24, 3, 96, 0.0, "gelu", layer_norm_eps=1e-6, batch_first=True, norm_first=True
    ).eval()
    own = ours.state_dict()
    theirs.load_state_dict(
        {
            "self_attn.in_proj_weight": own["attn.qkv.weight"],
            "self_attn.in_proj_bias": own["attn.qkv.bias"],
            "self_attn.out_proj.weight": own["attn.proj.weight"],
            "self_attn.out_proj.bias": own["attn.proj.bias"],
            **{f"linear{i}.{p}": own[f"mlp.fc{i}.{p}"] for i in (1, 2) for p in ("weight", "bias")},
            **{f"norm{i}.{p}": own[f"norm{i}.{p}"] for i in (1, 2) for p in ("weight", "bias")},
        }
    )
    x = torch.randn(2, 5, 24)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), theirs(x))


def test_weights_are_loaded_and_frozen_but_for_the_last_layer(tmp_path: Path) -> None:
    torch.manual_seed(1)
    start = image_encoder(Image(kind="resnet18"), (4, 32, 32), 5)
    torch.save(start.state_dict(), tmp_path / "moco.pth")
    config = Image(kind="resnet18", weights=tmp_path / "moco.pth")
    network = image_encoder(config, (4, 32, 32), 7)
    assert [n for n, p in network.named_parameters() if p.requires_grad] == ["fc.weight", "fc.bias"]
    for name, value in network.state_dict().items():
        if not name.startswith("fc."):
            assert torch.equal(value, start.state_dict()[name]), name
    train_mode(network)
    before = network.get_buffer("bn1.running_mean").clone()
    network(torch.randn(8, 4, 32, 32))
    assert torch.equal(network.get_buffer("bn1.running_mean"), before)


def test_position_embeddings_of_another_grid_are_interpolated(tmp_path: Path) -> None:
    start = image_encoder(Image(kind="vit16"), (3, 64, 64), 4)
    torch.save(start.state_dict(), tmp_path / "vit.pth")
    config = Image(kind="vit16", weights=tmp_path / "vit.pth")
    network = image_encoder(config, (3, 32, 32), 4)
    result, given = (n.get_parameter("pos_embed").detach() for n in (network, start))
    assert result.shape == (1, 5, 384)
    assert torch.equal(result[:, 0], given[:, 0])
    assert float(result[:, 1:].mean()) == pytest.approx(float(given[:, 1:].mean()), abs=1e-3)


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    torch.save(image_encoder(Image(kind="resnet18"), (3, 32, 32), 4).state_dict(), tmp_path / "w")
    with pytest.raises(BenchError, match=r"conv1\.weight has shape \(64, 3, 7, 7\), not"):
        image_encoder(Image(kind="resnet18", weights=tmp_path / "w"), (13, 32, 32), 4)
    with pytest.raises(BenchError, match="is missing"):
        image_encoder(Image(kind="vit16", weights=tmp_path / "w"), (3, 32, 32), 4)
    with pytest.raises(BenchError, match="no weights at"):
        image_encoder(Image(kind="resnet18", weights=tmp_path / "none"), (3, 32, 32), 4)
    with pytest.raises(BenchError, match="whose side 16 divides, not 40 x 40"):
        image_encoder(Image(kind="vit16"), (3, 40, 40), 4)


def spread(n: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    rng = np.random.default_rng(0)
    lat = np.degrees(np.arcsin(rng.uniform(-1, 1, n)))
    return np.concatenate([CORNERS, np.stack([rng.uniform(-180, 180, n), lat], axis=1)])


def test_the_basis_is_satclips() -> None:
    lonlat = spread(50)
    plain = Basis(Location(degrees=6))(lonlat).numpy()
    assert plain == pytest.approx(satclip_basis(lonlat, 6), abs=1e-5)
    damped = Basis(Location(degrees=6, damping=2))(lonlat).numpy()
    degree = np.floor(np.sqrt(np.arange(36)))
    assert damped == pytest.approx(plain / (1 + degree) ** 2, abs=1e-5)


def test_the_siren_is_the_released_one() -> None:
    config = Location(degrees=3, width=20, layers=3, dimension=7, first_frequency=30)
    ours = SirenNet(config, 0).eval()
    theirs = ReleasedSiren(9, 20, 7, 3).eval()
    # The tensor names are the same, too.
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(11, 9)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), theirs(x))


CONFIG = Location(
    degrees=10, width=512, layers=2, dimension=256, first_frequency=4, damping=0.5, head=32
)


def written(tmp_path: Path, config: Location) -> tuple[LocationNet, Path, Path]:
    """A network, its safetensors file, and its checkpoint."""
    network = LocationNet(config, 3).eval()
    tensors = released_tensors(network.nnet, config)
    settings = released_settings(config, "cnn")
    about = {
        "name": "toy",
        "settings": settings,
        "normalise": config.normalise,
        "seen": "nothing",
        "licence": "none",
    }
    write_safetensors(tmp_path / "toy.safetensors", tensors, about)
    state = {f"model.location.nnet.{k}": v for k, v in tensors.items()}
    torch.save({"state_dict": state, "hyper_parameters": settings}, tmp_path / "toy.ckpt")
    return network, tmp_path / "toy.safetensors", tmp_path / "toy.ckpt"


def test_what_is_exported_is_what_was_trained(tmp_path: Path) -> None:
    network, file, checkpoint = written(tmp_path, CONFIG)
    lonlat = spread(200)
    with torch.no_grad():
        expected = network.nnet(Basis(CONFIG)(lonlat)).numpy()
    # The embedding before the head, which is discarded.
    encoder = TrainedSatCLIP("own.toy", file)
    check_encoder(encoder)
    assert encoder.card.dimension == 256
    assert encoder.encode(lonlat) == pytest.approx(expected, abs=2e-5)
    assert np.ptp(expected) > 0.1
    by_satclip = SatCLIP("vit16-l10", checkpoint).encode(lonlat)
    assert by_satclip == pytest.approx(expected, abs=2e-5)
    released = load_satclip_location_encoder(checkpoint)
    with torch.no_grad():
        theirs = released(torch.from_numpy(lonlat)).numpy()
    assert theirs == pytest.approx(expected, abs=2e-5)


def test_unit_length_and_other_sizes(tmp_path: Path) -> None:
    config = Location(
        degrees=3, width=8, layers=1, dimension=5, first_frequency=1, normalise="unit"
    )
    network, file, _ = written(tmp_path, config)
    lonlat = spread(30)
    with torch.no_grad():
        expected = network.nnet(Basis(config)(lonlat)).numpy()
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    result = get_encoder("own.toy", weights=file)
    assert result.encode(lonlat) == pytest.approx(expected, abs=1e-5)
    assert result.card.parameters["normalise"] == "unit"


def test_other_files_are_no_encoders(tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(b"\xff" * 40)
    (tmp_path / "y.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
    (tmp_path / "z.safetensors").write_bytes(b"")
    for name in "xyz":
        with pytest.raises(EncoderError, match="not a location encoder written by"):
            read_about(tmp_path / f"{name}.safetensors")
    with pytest.raises(EncoderError, match="no weights at"):
        read_about(tmp_path / "none")


def test_names_that_are_not_there_say_how_to_get_them() -> None:
    with pytest.raises(BenchError, match="pretrain --register mine"):
        get_encoder("own.mine")
    with pytest.raises(BenchError, match="pretrain --config small --register"):
        get_encoder("satclip-bluemarble.l7")
