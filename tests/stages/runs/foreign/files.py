"""Synthetic checkpoints of other programs: the true names, shapes and container, values by rule."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stages.runs.foreign.names import BACKBONE, BOX_ALIAS, BOXES, TEXT_ENCODER
from tests.golden.cases import HERE, generator, manifest

PER_BLOCK = 3  # convolutions of a bottleneck
ROBERTA_LAYERS = 12


def by_rule(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Tensors with the values that the golden rule gives their names."""
    rule = generator(HERE)
    return {name: torch.from_numpy(rule.parameter(name, shape)) for name, shape in shapes.items()}


def hollow(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Tensors of these shapes that take four bytes in a file: one number, seen many times."""
    return {name: torch.full((1,), 0.5).expand(shape) for name, shape in shapes.items()}


def network_shapes(config: str) -> dict[str, tuple[int, ...]]:
    """The authors' network, the box heads under both of their names."""
    listed = manifest(HERE)["configs"][config]["parameters"]
    shapes = {name: tuple(entry["shape"]) for name, entry in listed.items()}
    return shapes | {alias(name): shapes[name] for name in shapes if name.startswith(BOXES)}


def alias(name: str) -> str:
    return BOX_ALIAS + name.removeprefix(BOXES)


def full_encoder_shapes() -> dict[str, tuple[int, ...]]:
    """ResNet-50 and RoBERTa-base, as `full_e2e.json` lists them with two of twelve layers."""
    listed = json.loads((HERE / "full_e2e.json").read_text("utf-8"))["parameters"]
    shapes = {name: tuple(entry["shape"]) for name, entry in listed.items()}
    first = f"{TEXT_ENCODER}encoder.layer.0."
    for name in [name for name in shapes if name.startswith(first)]:
        for layer in range(ROBERTA_LAYERS):
            shapes[name.replace("layer.0.", f"layer.{layer}.", 1)] = shapes[name]
    words = f"{TEXT_ENCODER}embeddings.word_embeddings.weight"
    shapes[words] = (50265, shapes[words][1])
    return shapes


def small_encoder_shapes(channels: list[int]) -> dict[str, tuple[int, ...]]:
    """A bottleneck ResNet of one block a stage with these channels, and a one-layer RoBERTa."""
    shapes: dict[str, tuple[int, ...]] = {}

    def norm(name: str, width: int) -> None:
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{BACKBONE}{name}.{part}"] = (width,)

    stem = 8
    shapes[f"{BACKBONE}conv1.weight"] = (stem, 3, 7, 7)
    norm("bn1", stem)
    before = stem
    for stage, width in enumerate(channels, start=1):
        widths = [before, width // 4, width // 4, width]
        for index in range(PER_BLOCK):
            kernel = 3 if index == 1 else 1
            name = f"layer{stage}.0.conv{index + 1}.weight"
            shapes[BACKBONE + name] = (widths[index + 1], widths[index], kernel, kernel)
            norm(f"layer{stage}.0.bn{index + 1}", widths[index + 1])
        shapes[f"{BACKBONE}layer{stage}.0.downsample.0.weight"] = (width, before, 1, 1)
        norm(f"layer{stage}.0.downsample.1", width)
        before = width
    listed = json.loads((HERE / "full_e2e.json").read_text("utf-8"))["parameters"]
    for name, entry in listed.items():
        if name.startswith(TEXT_ENCODER) and ".layer.1." not in name:
            shapes[name] = tuple(entry["shape"])
    return shapes


def small_official_state() -> dict[str, Tensor]:
    """A whole checkpoint's `model` at the golden vectors' small sizes."""
    channels = manifest(HERE)["configs"]["tiny"]["backbone_channels"]
    network = by_rule(network_shapes("tiny"))
    network |= {alias(name): tensor for name, tensor in network.items() if name.startswith(BOXES)}
    return {**by_rule(small_encoder_shapes(channels)), **network}


def referformer_state() -> dict[str, Tensor]:
    """ReferFormer at the same sizes: without what the authors added, with what they replaced."""
    added = (
        "tgt_embed.",
        "refpoint_embed.",
        "transformer.decoder.query_scale.",
        "transformer.decoder.ref_point_head.",
        "support_qkv.",
        "query_qkv.",
        "conv_q.",
        "layer_norm.",
    )
    state = {
        name: tensor
        for name, tensor in small_official_state().items()
        if not name.startswith(added)
    }
    hidden = len(state["resizer.fc.bias"])
    own = {
        "query_embed.weight": (5, hidden),
        "transformer.reference_points.weight": (2, hidden),
        "transformer.reference_points.bias": (2,),
    }
    return state | by_rule(own)


def save_old_torch(path: Path, state: Mapping[str, Tensor], **beside: Any) -> Path:
    """As the authors' training saves: the format before zip, with the arguments' namespace."""
    content = {
        "model": dict(state),
        "optimizer": {"state": {}, "param_groups": []},
        "lr_scheduler": {"last_epoch": 23},
        "epoch": 23,
        "args": argparse.Namespace(lr=1e-4, backbone="resnet50", use_dab=True),
        **beside,
    }
    torch.save(content, path, _use_new_zipfile_serialization=False)
    return path
