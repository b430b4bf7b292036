"""What holds for every vision encoder, shown on the small one; and the digest of weights."""

import subprocess
import sys
from typing import Literal

import pytest
import torch
from torch import Tensor

from configs import EncoderConfig
from configs.model import STRIDES
from stages.encoders import load_text, load_vision
from stages.encoders.base import weights_digest
from stages.encoders.efficientnet_lite import EfficientNetLite0

TINY = EncoderConfig(family="tiny")


def test_frozen_whatever_its_owner_does(lite: EfficientNetLite0) -> None:
    owner = torch.nn.ModuleList([lite]).train()
    assert not any(module.training for module in lite.modules())
    assert not any(parameter.requires_grad for parameter in owner.parameters())
    assert not any(
        level.requires_grad for level in lite(torch.zeros(1, 32, 32, 3, dtype=torch.uint8))
    )


def test_features_can_enter_a_trained_network(frames: Tensor) -> None:
    """Live training backpropagates through what reads the features."""
    level = load_vision(TINY)(frames)[3]
    weight = torch.ones((), requires_grad=True)
    (level * weight).sum().backward()
    assert weight.grad is not None
    assert weight.grad.item() == pytest.approx(level.sum().item(), rel=1e-5)


def test_autocast_around_the_call_changes_nothing(lite: EfficientNetLite0, frames: Tensor) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = lite(frames)
    assert all(torch.equal(a, b) for a, b in zip(inside, lite(frames), strict=True))


@pytest.mark.parametrize(
    "frames",
    [
        torch.zeros(1, 64, 64, 3),
        torch.zeros(1, 3, 64, 64, dtype=torch.uint8),
        torch.zeros(64, 64, 3, dtype=torch.uint8),
        torch.zeros(1, 31, 64, 3, dtype=torch.uint8),
    ],
)
def test_other_input_is_refused(frames: Tensor) -> None:
    with pytest.raises(ValueError, match=r"uint8 \[N, H, W, 3\]|each side needs 32"):
        load_vision(TINY)(frames)


def test_normalise_is_on_the_0_255_scale(lite: EfficientNetLite0) -> None:
    frame = torch.zeros(1, 32, 32, 3, dtype=torch.uint8)
    frame[..., 0], frame[..., 1] = 255, 127
    pixels = lite.normalise(frame)[0, :, 0, 0]
    assert pixels.tolist() == [1.0, 0.0, -127 / 128]


@pytest.mark.parametrize(("height", "width"), [(32, 32), (101, 67)])
def test_tiny_pyramid_sizes(height: int, width: int) -> None:
    encoder = load_vision(TINY)
    maps = encoder(torch.zeros(2, height, width, 3, dtype=torch.uint8))
    for level, channels, stride in zip(maps, (8, 8, 16, 16), STRIDES, strict=True):
        assert level.shape == (2, channels, -(-height // stride), -(-width // stride))


def test_tiny_is_the_same_everywhere(frames: Tensor) -> None:
    first = load_vision(TINY)
    torch.manual_seed(11)
    second = load_vision(TINY)
    assert first.digest == second.digest
    maps, again = first(frames), second(frames)
    assert all(torch.equal(a, b) for a, b in zip(maps, again, strict=True))
    assert all(level.std() > 0.01 for level in maps)


@pytest.mark.parametrize("preset", ["tiny", "lite"])
def test_loading_leaves_the_global_generator_alone(preset: Literal["tiny", "lite"]) -> None:
    """A seeded training draws the same numbers whether or not an encoder was loaded before."""
    before = torch.get_rng_state()
    load_vision(EncoderConfig(family=preset))
    load_text(EncoderConfig(family=preset))
    assert torch.equal(before, torch.get_rng_state())


def test_tiny_text_depends_on_words_alone() -> None:
    encoder = load_text(TINY)
    red, loud, blue, empty = encoder.encode(["a red fish", "A  RED fish!", "a blue fish", ""])
    assert red.tokens.shape == (4, encoder.width)
    assert torch.equal(red.tokens, loud.tokens)
    assert torch.equal(red.tokens[3], blue.tokens[3])
    assert not torch.equal(red.tokens[2], blue.tokens[2])
    assert not torch.allclose(red.sentence, blue.sentence)
    assert empty.tokens.shape == (1, encoder.width)


def test_digest_sees_names_shapes_types_and_bytes() -> None:
    base = {"a": torch.arange(6.0), "b": torch.ones(2)}
    others = [
        {"a": torch.arange(6.0), "c": torch.ones(2)},
        {"a": torch.arange(6.0).view(2, 3), "b": torch.ones(2)},
        {"a": torch.arange(6.0), "b": torch.ones(2).view(torch.int32)},  # the same bytes
        {"a": torch.arange(6.0), "b": torch.tensor([1.0, 1.0000001])},
        {"a": torch.arange(6.0)},
        {"a": base["b"], "b": base["a"]},
    ]
    digests = {weights_digest(state) for state in [base, *others]}
    digests.add(weights_digest(base, extra=b"tokenizer"))
    assert len(digests) == len(others) + 2


def test_digest_ignores_order_layout_and_counters() -> None:
    image = torch.arange(24.0).view(1, 2, 3, 4)
    first = {"a": image, "b": torch.ones(2)}
    second = {
        "b": torch.ones(2),
        "n.num_batches_tracked": torch.tensor(3),
        "a": image.contiguous(memory_format=torch.channels_last),
    }
    assert weights_digest(first) == weights_digest(second)


def test_tiny_and_lite_vision_import_no_transformers() -> None:
    """They start in a second; transformers alone takes three."""
    program = (
        "import sys; from configs import EncoderConfig; from stages.encoders import *;"
        "load_vision(EncoderConfig(family='tiny')); load_text(EncoderConfig(family='tiny'));"
        "load_vision(EncoderConfig(family='lite'));"
        "assert 'transformers' not in sys.modules, 'transformers';"
        "assert 'sklearn' not in sys.modules and 'sentence_transformers' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)
