"""Choice of the device of torch's work, by option and environment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from satclip_bench.core.device import (
    DEVICE_VARIABLE,
    device_name,
    device_title,
    gpu_available,
    on_gpu,
    torch_device,
    use_device,
)
from satclip_bench.core.errors import BenchError


def test_auto_is_a_gpu_if_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(DEVICE_VARIABLE, raising=False)
    expected = "cuda" if gpu_available() else "cpu"
    assert device_name() == expected
    assert torch_device().type == expected
    assert on_gpu() == (expected == "cuda")
    with use_device("auto"):
        assert os.environ[DEVICE_VARIABLE] == expected


def test_the_environment_chooses_and_the_block_restores_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DEVICE_VARIABLE, "auto")
    with use_device("cpu"):
        assert os.environ[DEVICE_VARIABLE] == device_name() == device_title() == "cpu"
        assert not on_gpu()
    assert os.environ[DEVICE_VARIABLE] == "auto"
    monkeypatch.delenv(DEVICE_VARIABLE)
    with use_device(None):
        assert os.environ[DEVICE_VARIABLE] == device_name()
    assert DEVICE_VARIABLE not in os.environ


@pytest.mark.parametrize("name", ["gpu", "mps", "cuda:", "cpu:0", "CUDA", "cuda:x"])
def test_an_unknown_device_is_an_error_that_names_the_choices(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(DEVICE_VARIABLE, "cpu")
    with pytest.raises(BenchError, match="a device is auto, cpu, cuda or cuda:N"), use_device(name):
        pass
    assert os.environ[DEVICE_VARIABLE] == "cpu"


def test_a_gpu_that_does_not_exist_is_an_error() -> None:
    message = r"there is no device 'cuda:99': .* Choose cpu, or auto"
    with pytest.raises(BenchError, match=message), use_device("cuda:99"):
        pass


@pytest.mark.skipif(gpu_available(), reason="there is a GPU")
def test_cuda_without_a_gpu_is_an_error() -> None:
    with pytest.raises(BenchError, match="there is no device 'cuda'"), use_device("cuda"):
        pass


def test_the_choice_of_the_cpu_does_not_import_torch(repository: Path) -> None:
    code = (
        "import sys; from satclip_bench.core.device import device_title, use_device\n"
        "with use_device('cpu'): device_title()\n"
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        env=os.environ | {"PYTHONPATH": str(repository)},
    )


def test_processes_that_are_started_in_the_block_inherit_the_choice() -> None:
    code = f"import os; print(os.environ['{DEVICE_VARIABLE}'])"
    with use_device("cpu"):
        child = subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True
        )
    assert child.stdout.strip() == "cpu"
