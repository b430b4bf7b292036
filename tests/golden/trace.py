"""Every tensor of a forward pass under the name that the recorded runs give it.

Hooks on the network's parts collect them, so that the network itself knows nothing of tests.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from stages.model import FramePyramid, FsrvosModel, QueryPrediction, Support, Words
from stages.model.fusion import power_log
from stages.model.positions import encode_cells, encode_words


class Calls:
    """Arguments and results of every call of every module, in order."""

    def __init__(self) -> None:
        self.arguments: dict[nn.Module, list[tuple[Any, ...]]] = defaultdict(list)
        self.results: dict[nn.Module, list[Any]] = defaultdict(list)

    def keep(self, module: nn.Module, arguments: tuple[Any, ...], result: Any) -> None:
        self.arguments[module].append(arguments)
        self.results[module].append(result)


@contextmanager
def watched(model: nn.Module) -> Iterator[Calls]:
    """Record all calls of a network's modules meanwhile."""
    calls = Calls()
    handles = [module.register_forward_hook(calls.keep) for module in model.modules()]
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()


@torch.no_grad()
def trace(
    model: FsrvosModel, query: FramePyramid, words: Words, support: Support
) -> dict[str, Tensor]:
    """All tensors that a recorded run may hold, by their recorded names. One clip (B = 1)."""
    with watched(model) as calls:
        prediction = model(query, words, support)
    return {
        **_predicted(prediction),
        **_query_side(model, calls, query, words),
        **_support_side(model, support),
        **_affinities(model, calls),
        **_transformer(model, calls),
        **_masks(model, calls),
    }


def _predicted(prediction: QueryPrediction) -> dict[str, Tensor]:
    named = {"": prediction}
    named |= {f"aux.{i}.": layer for i, layer in enumerate(prediction.auxiliary)}
    return {
        f"{prefix}pred_{part}": getattr(said, part)
        for prefix, said in named.items()
        for part in ("logits", "boxes", "masks")
    }


def _query_side(
    model: FsrvosModel, calls: Calls, query: FramePyramid, words: Words
) -> dict[str, Tensor]:
    tokens = calls.results[model.text][0]
    named = {
        "q_text_words": tokens,
        "q_text_sentence": model.text(words.sentence),
        "q_text_pos": encode_words(tokens, words.padding).transpose(1, 2),
    }
    fused = calls.results[model.fusion][0]
    for level, projection in enumerate(model.fusion.projections):
        projected = calls.results[projection][0]
        height, width = projected.shape[2:4]
        padding = query.padding_at(height, width)
        frames = projected.shape[1]
        hidden = torch.zeros(frames, height, width, dtype=torch.bool)
        places = encode_cells(height, width, projected.shape[-1], padding, tokens.device)
        named |= {
            f"q_proj.{level}": maps_of(projected),
            f"q_fused.{level}": sequence_of(fused[level]),
            f"q_mask.{level}": (hidden if padding is None else padding).to(torch.uint8),
            f"q_pos.{level}": places[:1].permute(0, 3, 1, 2),
        }
    return named


def _support_side(model: FsrvosModel, support: Support) -> dict[str, Tensor]:
    """Run apart over all support frames: the official network needs only the middle one."""
    with watched(model.fusion) as calls:
        words = model.text.words(support.words)
        fused = model.fusion(support.frames, words, stretch=model.config.power_log)
    named = {
        "s_text_words": words.values,
        "s_text_sentence": model.text(support.words.sentence),
        "s_text_pos": encode_words(words.values, support.words.padding).transpose(1, 2),
    }
    for level, projection in enumerate(model.fusion.projections):
        projected = calls.results[projection][0]
        named |= {
            f"s_proj.{level}": maps_of(projected.float()),
            f"s_transformed.{level}": sequence_of(power_log(projected).float()),
            f"s_fused.{level}": sequence_of(fused[level]),
        }
    return named


def _affinities(model: FsrvosModel, calls: Calls) -> dict[str, Tensor]:
    named = {}
    normed = calls.results[model.affinity.norm]  # self, cross, self, cross ... by level
    for level, result in enumerate(calls.results[model.affinity]):
        named[f"cma.{level}"] = maps_of(result)
        named[f"self_affinity.{level}"] = normed[2 * level]
        named[f"cross_affinity.{level}"] = normed[2 * level + 1]
    return named


def _transformer(model: FsrvosModel, calls: Calls) -> dict[str, Tensor]:
    named = {}
    for index, layer in enumerate(model.encoder.layers):
        named[f"encoder.{index}"] = calls.results[layer][0]
        named["encoder_reference_points"] = calls.arguments[layer][0][2]
    for index, layer in enumerate(model.decoder.layers):
        _, places, references, _ = calls.arguments[layer][0]
        named[f"dec_query_pos.{index}"] = places
        named[f"dec_ref_input.{index}"] = references
        named[f"hs.{index}"] = calls.results[layer][0]
    boxes = [said.boxes for said in calls.results[model.decoder][0]]
    before = boxes[-2] if len(boxes) > 1 else model.decoder.anchors.sigmoid().expand_as(boxes[-1])
    return named | {
        "inter_references": torch.stack(boxes),
        "reference_points": before[None, ..., :2],
    }


def _masks(model: FsrvosModel, calls: Calls) -> dict[str, Tensor]:
    named = {}
    for number, stage in zip((4, 3, 2, 1), model.pixel_decoder.stages, strict=True):
        named[f"pixel.cross_attn_{number}"] = sequence_of(calls.results[stage.attention][0][None])
        named[f"pixel.layer_{number}"] = calls.results[stage][0].permute(0, 3, 1, 2)
    named["mask_features"] = calls.results[model.pixel_decoder][0].permute(0, 3, 1, 2)
    written = calls.results[model.mask_head.controller][0]
    for index, part in enumerate(written.chunk(len(model.decoder.layers), dim=1)):
        named[f"controller.{index}"] = part
    return named


def maps_of(clip: Tensor) -> Tensor:
    """[1, T, h, w, C] as [T, C, h, w]."""
    return clip[0].permute(0, 3, 1, 2)


def sequence_of(clip: Tensor) -> Tensor:
    """[1, T, h, w, C] as (t h w) x 1 x C."""
    return clip.flatten(1, 3).transpose(0, 1)
