"""ResNet files in torchvision's names, against the network written out in functional calls."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from configs import DataError, EncoderConfig
from stages.encoders import VisionEncoder, load_vision
from stages.encoders.torchvision_resnet import backbone_state

State = dict[str, Tensor]


def random_state(*, bottleneck: bool, depths: tuple[int, ...] = (2, 1, 2, 1)) -> State:
    """A small random ResNet as torchvision would save it."""
    generator = torch.Generator().manual_seed(5)
    state: State = {}

    def conv(name: str, outputs: int, inputs: int, kernel: int) -> None:
        scale = (2 / (inputs * kernel**2)) ** 0.5
        shape = (outputs, inputs, kernel, kernel)
        state[f"{name}.weight"] = torch.randn(shape, generator=generator) * scale

    def norm(name: str, channels: int) -> None:
        for tensor, low in (("weight", 0.5), ("bias", -0.5), ("running_mean", -0.5)):
            state[f"{name}.{tensor}"] = torch.rand(channels, generator=generator) + low
        state[f"{name}.running_var"] = torch.rand(channels, generator=generator) + 0.5
        state[f"{name}.num_batches_tracked"] = torch.tensor(7)

    conv("conv1", 8, 3, 7)
    norm("bn1", 8)
    inputs = 8
    for stage, depth in enumerate(depths, start=1):
        width = 4 * 2**stage
        outputs = 4 * width if bottleneck else width
        for block in range(depth):
            prefix = f"layer{stage}.{block}"
            sizes = [(width, 1), (width, 3), (outputs, 1)] if bottleneck else [(width, 3)] * 2
            previous = inputs
            for index, (channels, kernel) in enumerate(sizes, start=1):
                conv(f"{prefix}.conv{index}", channels, previous, kernel)
                norm(f"{prefix}.bn{index}", channels)
                previous = channels
            if block == 0 and (stage > 1 or inputs != outputs):
                conv(f"{prefix}.downsample.0", outputs, inputs, 1)
                norm(f"{prefix}.downsample.1", outputs)
            inputs = outputs
    state["fc.weight"] = torch.randn(10, inputs, generator=generator)
    state["fc.bias"] = torch.zeros(10)
    return state


def reference(
    state: State, frames: Tensor, *, bottleneck: bool, strided: int | None = None
) -> list[Tensor]:
    """torchvision's ResNet v1.5 in float64; `strided` is the convolution with the stride."""
    mean = torch.tensor([0.485, 0.456, 0.406], dtype=torch.float64).view(1, 3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225], dtype=torch.float64).view(1, 3, 1, 1)
    state = {name: value.double() for name, value in state.items()}
    strided = strided or (2 if bottleneck else 1)

    def norm(x: Tensor, name: str) -> Tensor:
        names = ("running_mean", "running_var", "weight", "bias")
        return functional.batch_norm(x, *(state[f"{name}.{n}"] for n in names), eps=1e-5)

    def conv(x: Tensor, name: str, norm_name: str, stride: int) -> Tensor:
        weight = state[f"{name}.weight"]
        y = functional.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2)
        return norm(y, norm_name)

    x = (frames.permute(0, 3, 1, 2).double() / 255 - mean) / std
    x = functional.relu(conv(x, "conv1", "bn1", 2))
    x = functional.max_pool2d(x, 3, 2, 1)
    count = 3 if bottleneck else 2
    maps = []
    for stage in range(1, 5):
        block = 0
        while f"layer{stage}.{block}.conv1.weight" in state:
            prefix = f"layer{stage}.{block}"
            stride = 2 if stage > 1 and block == 0 else 1
            y = x
            for index in range(1, count + 1):
                step = stride if index == strided else 1
                y = conv(y, f"{prefix}.conv{index}", f"{prefix}.bn{index}", step)
                y = functional.relu(y) if index < count else y
            if f"{prefix}.downsample.0.weight" in state:
                x = conv(x, f"{prefix}.downsample.0", f"{prefix}.downsample.1", stride)
            x = functional.relu(y + x)
            block += 1
        maps.append(x)
    return maps


def load(path: Path, *, tuned: bool = False) -> VisionEncoder:
    return load_vision(EncoderConfig(family="paper", vision=str(path)), tuned=tuned)


@pytest.fixture
def bottleneck_file(tmp_path: Path) -> Path:
    torch.save(random_state(bottleneck=True), tmp_path / "resnet.pth")
    return tmp_path / "resnet.pth"


@pytest.mark.parametrize("tuned", [False, True])
@pytest.mark.parametrize("bottleneck", [True, False])
def test_converted_file_equals_reference(
    tmp_path: Path, frames: Tensor, bottleneck: bool, tuned: bool
) -> None:
    state = random_state(bottleneck=bottleneck)
    torch.save(state, tmp_path / "resnet.pth")
    encoder = load(tmp_path / "resnet.pth", tuned=tuned)
    odd = frames[:, :75, :101]
    expected = reference(state, odd, bottleneck=bottleneck)
    for found, wanted in zip(encoder(odd), expected, strict=True):
        # Rounding is relative to the map: its residual sums cancel in single cells.
        tolerance = 2e-6 * wanted.abs().max().item()
        torch.testing.assert_close(found.double(), wanted, atol=tolerance, rtol=1e-5)
    assert encoder.channels == tuple(level.shape[1] for level in expected)


def test_timm_s_layout_is_the_same_network(
    tmp_path: Path, frames: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder, and the hub's cache of one, as the paper's own encoder is kept there."""
    from huggingface_hub import constants

    state = random_state(bottleneck=True)
    torch.save(state, tmp_path / "resnet.pth")
    commit = "0" * 40
    home = tmp_path / "hub/models--timm--resnet50.tv_in1k"
    folder = home / "snapshots" / commit
    folder.mkdir(parents=True)
    (home / "refs").mkdir()
    (home / "refs/main").write_text(commit)
    save_file(state, folder / "model.safetensors")
    (folder / "config.json").write_text('{"architecture": "resnet50", "num_classes": 1000}')
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    plain = load(tmp_path / "resnet.pth")
    for kept in (load(folder), load_vision(EncoderConfig(family="paper"), tuned=False)):
        assert kept.digest == plain.digest
        for found, wanted in zip(kept(frames), plain(frames), strict=True):
            torch.testing.assert_close(found, wanted, rtol=0, atol=0)


def test_timm_s_layout_of_another_network_is_refused(tmp_path: Path) -> None:
    save_file({"stem.weight": torch.zeros(1)}, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text('{"architecture": "convnext_tiny"}')
    with pytest.raises(DataError, match="does not hold a ResNet in torchvision's names"):
        load(tmp_path)


def test_stride_place_matters_here(frames: Tensor) -> None:
    """The comparison above would notice a stride on the wrong convolution."""
    state = random_state(bottleneck=True)
    right = reference(state, frames, bottleneck=True)
    wrong = reference(state, frames, bottleneck=True, strided=1)
    assert torch.equal(right[0], wrong[0])  # stage 1 has no stride
    assert all((a - b).norm() > 0.1 * a.norm() for a, b in zip(right[1:], wrong[1:], strict=True))


def test_every_tensor_of_resnet_50_has_a_place() -> None:
    """Names and shapes of the real network, without its 100 MB of numbers."""
    from transformers import ResNetBackbone, ResNetConfig

    with torch.device("meta"):
        backbone = ResNetBackbone(ResNetConfig(out_indices=[1, 2, 3, 4]))
    names = ["conv1.weight", *norm_names("bn1")]
    for stage, depth in enumerate((3, 4, 6, 3), start=1):
        for block in range(depth):
            for index in (1, 2, 3):
                names += [f"layer{stage}.{block}.conv{index}.weight"]
                names += norm_names(f"layer{stage}.{block}.bn{index}")
        names += [f"layer{stage}.0.downsample.0.weight"]
        names += norm_names(f"layer{stage}.0.downsample.1")
    assert len(names) == 318  # 265 weights and statistics, 53 counters
    empty = torch.empty(0)
    converted = backbone_state({name: empty for name in [*names, "fc.weight", "fc.bias"]})
    assert set(converted) == set(backbone.state_dict())


def norm_names(prefix: str) -> list[str]:
    tensors = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    return [f"{prefix}.{tensor}" for tensor in tensors]


def test_formats_and_counters_do_not_change_the_digest(
    bottleneck_file: Path, tmp_path: Path
) -> None:
    """Old files lack the counters; safetensors holds the same numbers."""
    from safetensors.torch import save_file

    state = random_state(bottleneck=True)
    old = {name: value for name, value in state.items() if "num_batches" not in name}
    torch.save(old, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    save_file(state, tmp_path / "resnet.safetensors")
    digest = load(bottleneck_file).digest
    assert load(tmp_path / "old.pth").digest == digest
    assert load(tmp_path / "resnet.safetensors").digest == digest


def test_digest_sees_one_bit(bottleneck_file: Path, tmp_path: Path) -> None:
    state = random_state(bottleneck=True)
    state["layer3.1.bn2.running_var"][0] = state["layer3.1.bn2.running_var"][0].nextafter(
        torch.tensor(9.0)
    )
    torch.save(state, tmp_path / "other.pth")
    assert load(tmp_path / "other.pth").digest != load(bottleneck_file).digest


@pytest.mark.parametrize("damage", ["text", "empty", "truncated"])
def test_damaged_file_is_one_line(bottleneck_file: Path, damage: str) -> None:
    whole = bottleneck_file.read_bytes()
    content = {"text": b"hello\n", "empty": b"", "truncated": whole[: len(whole) // 2]}
    bottleneck_file.write_bytes(content[damage])
    with pytest.raises(DataError, match="is damaged or not a weights file") as error:
        load(bottleneck_file)
    assert "\n" not in str(error.value)


class _Trap:
    """Unpickling it would create a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (self.path,))  # type: ignore[return-value]


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    torch.save({"conv1.weight": _Trap(tmp_path / "sprung")}, tmp_path / "trap.pth")
    with pytest.raises(DataError):
        load(tmp_path / "trap.pth")
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layer2.0.conv1.weight": None}, "not a plain ResNet"),
        ({"layer2.0.se.weight": torch.zeros(1)}, "not a plain ResNet"),
        ({"layer1.0.conv2.weight": torch.zeros(8, 2, 3, 3)}, "not a plain ResNet"),  # grouped
        ({"conv1.weight": None}, "does not hold a ResNet in torchvision's names"),
        ({"epoch": 3}, "not a plain state dict"),
    ],
)
def test_other_networks_are_refused(
    tmp_path: Path, change: dict[str, Tensor | int | None], message: str
) -> None:
    state = {**random_state(bottleneck=True), **change}
    torch.save({k: v for k, v in state.items() if v is not None}, tmp_path / "other.pth")
    with pytest.raises(DataError, match=message) as error:
        load(tmp_path / "other.pth")
    assert "\n" not in str(error.value)
