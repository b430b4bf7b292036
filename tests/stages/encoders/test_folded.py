"""The fast path computes what the plain encoder does."""

import copy
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from configs import EncoderConfig
from stages.encoders import load_vision
from stages.encoders.efficientnet_lite import EfficientNetLite0
from stages.encoders.folded import fold_batch_norms, tune


def relative(found: Tensor, wanted: Tensor) -> float:
    return ((found - wanted).norm() / wanted.norm()).item()


def test_lite_is_unchanged(lite: EfficientNetLite0, frames: Tensor) -> None:
    tuned = copy.deepcopy(lite)
    tune(tuned)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in tuned.modules())
    for found, wanted in zip(tuned(frames), lite(frames), strict=True):
        assert relative(found, wanted) < 1e-5
    assert tuned.digest == lite.digest
    torch.testing.assert_close(tuned.classify(frames), lite.classify(frames), atol=1e-5, rtol=1e-3)


def test_resnet_is_unchanged(resnet_folder: Path, frames: Tensor) -> None:
    config = EncoderConfig(family="paper", vision=str(resnet_folder))
    plain, tuned = load_vision(config, tuned=False), load_vision(config, tuned=True)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in tuned.modules())
    for found, wanted in zip(tuned(frames), plain(frames), strict=True):
        assert relative(found, wanted) < 1e-5
    assert tuned.digest == plain.digest


def test_fold_is_the_closed_form() -> None:
    """gamma (w x + b - mean) / sqrt(var + eps) + beta, with w=3, b=1, x=2."""
    model = nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1, eps=0.5)).eval()
    for tensor, value in (
        (model[0].weight, 3.0),
        (model[0].bias, 1.0),
        (model[1].weight, 4.0),
        (model[1].bias, -2.0),
        (model[1].running_mean, 5.0),
        (model[1].running_var, 3.5),
    ):
        nn.init.constant_(tensor, value)
    assert fold_batch_norms(model) == 1
    assert fold_batch_norms(model) == 0
    with torch.no_grad():
        found = model(torch.full((1, 1, 1, 1), 2.0)).item()
    assert found == pytest.approx(4 * (3 * 2 + 1 - 5) / 2 - 2)


def test_a_training_norm_is_not_folded() -> None:
    with pytest.raises(ValueError, match="frozen"):
        fold_batch_norms(nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1)).train())


def test_same_batch_same_bits(lite: EfficientNetLite0, frames: Tensor) -> None:
    first, second = lite(frames), lite(frames)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_batch_size_is_rounding_at_most(lite: EfficientNetLite0, frames: Tensor) -> None:
    together = lite(frames.repeat(9, 1, 1, 1))  # more than go through at once
    for index in range(2):
        alone = lite(frames[index : index + 1])
        for level, one in zip(together, alone, strict=True):
            assert level.shape[0] == 18
            assert relative(level[index + 16], one[0]) < 1e-5


def test_bf16_is_near_and_named_in_the_key(lite: EfficientNetLite0, frames: Tensor) -> None:
    half = load_vision(EncoderConfig(family="lite", precision="bf16"))
    assert half.preprocessing["compute"] == "bfloat16"
    assert "compute" not in lite.preprocessing
    for found, wanted in zip(half(frames), lite(frames), strict=True):
        assert found.dtype == torch.float32
        assert 1e-4 < relative(found, wanted) < 0.2
