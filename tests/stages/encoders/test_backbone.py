"""Backbones from folders in transformers' format, and what is said when they can't be had."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from torch import Tensor

from configs import DataError, EncoderConfig, MissingError, UsageError
from configs.model import STRIDES
from stages.encoders import load_vision
from stages.encoders.backbone import load_backbone


def from_folder(folder: Path | str, *, tuned: bool = False) -> torch.nn.Module:
    return load_vision(EncoderConfig(family="paper", vision=str(folder)), tuned=tuned)


def test_folder_equals_transformers(resnet_folder: Path, frames: Tensor) -> None:
    """Saved as a classifier; the backbone's maps are its hidden states, with its own statistics."""
    from transformers import ResNetForImageClassification

    model = ResNetForImageClassification.from_pretrained(resnet_folder).eval()
    mean = torch.tensor([0.5, 0.4, 0.3]).view(1, 3, 1, 1)
    std = torch.tensor([0.2, 0.25, 0.3]).view(1, 3, 1, 1)
    with torch.no_grad():
        pixels = (frames.permute(0, 3, 1, 2) / 255 - mean) / std
        expected = model.resnet(pixels, output_hidden_states=True).hidden_states[1:]
    encoder = from_folder(resnet_folder)
    for found, wanted in zip(encoder(frames), expected, strict=True):
        torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-4)
    assert encoder.channels == (16, 32, 64, 96)
    assert encoder.name == "resnet-20"


def test_without_a_preprocessor_imagenet_statistics_hold(
    resnet_folder: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(resnet_folder, tmp_path / "copy"))
    (folder / "preprocessor_config.json").unlink()
    encoder = from_folder(folder)
    assert encoder.preprocessing["mean"] == pytest.approx([123.675, 116.28, 103.53])
    assert encoder.preprocessing["std"] == pytest.approx([58.395, 57.12, 57.375])
    assert encoder.digest == from_folder(resnet_folder).digest  # same weights


def test_half_precision_files_give_float32(resnet_folder: Path, tmp_path: Path) -> None:
    from transformers import ResNetForImageClassification

    folder = Path(shutil.copytree(resnet_folder, tmp_path / "half"))
    ResNetForImageClassification.from_pretrained(resnet_folder).half().save_pretrained(folder)
    encoder = from_folder(folder)
    assert {parameter.dtype for parameter in encoder.parameters()} == {torch.float32}


@pytest.mark.parametrize("size", [(64, 96), (75, 101)])
def test_another_family_gives_the_same_interface(tmp_path: Path, size: tuple[int, int]) -> None:
    """ConvNeXt drops the rest of a division; here sides are rounded up on every level."""
    from transformers import ConvNextConfig, ConvNextModel

    torch.manual_seed(0)
    config = ConvNextConfig(hidden_sizes=[8, 8, 16, 24], depths=[1, 1, 1, 1])
    ConvNextModel(config).save_pretrained(tmp_path)
    encoder = from_folder(tmp_path)
    height, width = size
    maps = encoder(torch.randint(0, 255, (2, height, width, 3), dtype=torch.uint8))
    for level, channels, stride in zip(maps, (8, 8, 16, 24), STRIDES, strict=True):
        assert level.shape == (2, channels, -(-height // stride), -(-width // stride))


def test_stride_place_is_part_of_the_digest(resnet_folder: Path, tmp_path: Path) -> None:
    """The same tensors with the stride on the 1x1 convolution are another network."""
    folder = Path(shutil.copytree(resnet_folder, tmp_path / "v1"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "downsample_in_bottleneck": True}))
    assert from_folder(folder).digest != from_folder(resnet_folder).digest


def test_incomplete_weights_are_refused(resnet_folder: Path, tmp_path: Path) -> None:
    """transformers would fill the gap with random numbers."""
    from safetensors.torch import load_file, save_file

    folder = Path(shutil.copytree(resnet_folder, tmp_path / "gap"))
    state = load_file(folder / "model.safetensors")
    state.pop("resnet.encoder.stages.2.layers.1.layer.0.convolution.weight")
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(DataError, match=r"lacks 1 of the model's tensors \(first: .*stages\.2"):
        from_folder(folder)


def test_truncated_weights_are_refused(resnet_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(resnet_folder, tmp_path / "cut"))
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(DataError, match="cannot load") as error:
        from_folder(folder)
    assert "\n" not in str(error.value)


def test_text_model_is_no_backbone(roberta_folder: Path) -> None:
    with pytest.raises(UsageError, match=r"\(roberta\) is not an image backbone"):
        from_folder(roberta_folder)


def test_flat_backbone_is_no_pyramid(tmp_path: Path) -> None:
    from transformers import VitDetConfig, VitDetModel

    config = VitDetConfig(
        hidden_size=16, num_hidden_layers=4, num_attention_heads=2, image_size=64, patch_size=16
    )
    VitDetModel(config).save_pretrained(tmp_path)
    with pytest.raises(UsageError, match="vitdet gives maps at strides"):
        from_folder(tmp_path)


@pytest.mark.parametrize(
    "source", ["/no/such/folder", "./no/such", "~/no-such-folder", "no/such/resnet50.pth"]
)
def test_absent_path_says_what_to_put_there(source: str) -> None:
    with pytest.raises(
        MissingError, match="is not there; put a .* torchvision .pth there"
    ) as error:
        from_folder(source)
    assert source in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_offline_names_the_variable(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, "1")
    with pytest.raises(MissingError) as error:
        load_backbone("nobody/no-such-model")
    message = str(error.value)
    assert f"{variable}=1 forbids fetching it; unset {variable}" in message
    assert "--set encoder.vision=PATH" in message
    assert "\n" not in message


def test_paper_preset_asks_for_torchvision_s_resnet_50(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from huggingface_hub import constants

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(MissingError, match=r"encoder\.vision: timm/resnet50\.tv_in1k is not in"):
        load_vision(EncoderConfig(family="paper"))
