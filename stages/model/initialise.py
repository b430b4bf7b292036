"""Initial values, as the authors' training starts: section by section of the network."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import nn

from stages.model.deformable import DeformableAttention
from stages.model.dense import RARE_LOGIT
from stages.model.layers import Attention

if TYPE_CHECKING:
    from stages.model.fsrvos import FsrvosModel
    from stages.model.query_network import QueryNetwork

RARE = 0.01  # share of queries first taken for the described object
NARROW = -2.0  # first layer's width and height, before the sigmoid


def initialise(model: FsrvosModel) -> None:
    """Fill every parameter, in place. What is not named here keeps PyTorch's own values."""
    initialise_parts(model)
    if model.affinity.marks is not None:
        nn.init.normal_(model.affinity.marks, std=0.1)
    if model.similarity is not None:
        nn.init.zeros_(model.similarity.shortcut.weight)
    if model.dense is not None:
        nn.init.constant_(model.dense.linear.bias, RARE_LOGIT)


def initialise_parts(model: QueryNetwork) -> None:
    """The parts that every network of object queries has."""
    for part in (model.encoder, model.decoder):
        _xavier(part)
    nn.init.normal_(model.encoder.level_embedding)
    for parameter in model.decoder.drawn_at_random():
        nn.init.normal_(parameter)
    for module in model.modules():
        if isinstance(module, DeformableAttention):
            _spread_points(module)
    _initialise_heads(model)
    for projection in model.fusion.projections:
        _xavier_layer(projection.convolution)
    for linear in model.mask_head.controller.layers:
        _xavier_layer(linear)
    for stage in model.pixel_decoder.stages:
        if stage.attention is not None:
            _xavier(stage.attention)
        nn.init.kaiming_uniform_(stage.adapter.weight, a=1)
        nn.init.kaiming_uniform_(stage.layer.weight, a=1)
    nn.init.kaiming_uniform_(model.pixel_decoder.mask_features.weight, a=1)
    _zero(model.pixel_decoder.mask_features.bias)
    quiet_attention(model)
    nn.init.xavier_uniform_(model.fusion.attention.projection.weight)


def quiet_attention(network: nn.Module) -> None:
    """Attention without biases at first, as torch's own multi-head attention starts."""
    for module in network.modules():
        if isinstance(module, Attention):
            _zero(module.projection.bias)
            _zero(module.output.bias)


def _initialise_heads(model: QueryNetwork) -> None:
    decoder = model.decoder
    for linear in decoder.class_heads:
        linear.reset_parameters()
        nn.init.constant_(linear.bias, -math.log((1 - RARE) / RARE))
    for head in decoder.box_heads:
        for linear in head.layers:
            linear.reset_parameters()
        nn.init.zeros_(head.layers[-1].weight)
        nn.init.zeros_(head.layers[-1].bias)
    with torch.no_grad():
        decoder.box_heads[0].layers[-1].bias[2:] = NARROW


def _spread_points(module: DeformableAttention) -> None:
    """Head m looks in direction 2 pi m / M on the unit square, point p at distance p + 1."""
    angles = torch.arange(module.heads) * (2 * math.pi / module.heads)
    directions = torch.stack((angles.cos(), angles.sin()), dim=-1)
    directions = directions / directions.abs().amax(-1, keepdim=True)
    distances = torch.arange(1, module.points + 1)[:, None]
    offsets = (directions[:, None, None] * distances).expand(-1, module.levels, -1, -1)
    nn.init.zeros_(module.offsets.weight)
    nn.init.zeros_(module.weights.weight)
    nn.init.zeros_(module.weights.bias)
    with torch.no_grad():
        module.offsets.bias.copy_(offsets.flatten())
    _xavier_layer(module.value)
    _xavier_layer(module.output)


def _xavier(module: nn.Module) -> None:
    for parameter in module.parameters():
        if parameter.dim() > 1:
            nn.init.xavier_uniform_(parameter)


def _xavier_layer(layer: nn.Module) -> None:
    assert isinstance(layer, nn.Linear | nn.Conv2d)
    nn.init.xavier_uniform_(layer.weight)
    _zero(layer.bias)


def _zero(bias: torch.Tensor | None) -> None:
    if bias is not None:
        nn.init.zeros_(bias)
