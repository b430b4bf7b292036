"""Our parameter names and those of the authors' checkpoints.

Each rule rewrites one piece of a name; rules apply in order, each to what the ones before left.
`official_name` is a bijection on the names of an official-shaped network (tested).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

# Regular expression over our name, replacement in the official one.
_RULES = (
    (r"^encoder\.level_embedding$", "transformer.level_embed"),
    (r"^decoder\.queries$", "tgt_embed.weight"),
    (r"^decoder\.anchors$", "refpoint_embed.weight"),
    (r"^decoder\.class_heads\.", "class_embed."),
    (r"^decoder\.box_heads\.", "bbox_embed."),
    (r"^decoder\.anchor_places\.", "transformer.decoder.ref_point_head."),
    (r"^decoder\.place_scale\.", "transformer.decoder.query_scale."),
    (r"^(encoder|decoder)\.layers\.", r"transformer.\1.layers."),
    (r"^(transformer\.decoder\.layers\.\d+)\.cross_norm\.", r"\1.norm1."),
    (r"^(transformer\.decoder\.layers\.\d+)\.self_norm\.", r"\1.norm2."),
    (r"^(transformer\.decoder\.layers\.\d+)\.feed_forward_norm\.", r"\1.norm3."),
    (r"^(transformer\.decoder\.layers\.\d+)\.cross_attention\.", r"\1.cross_attn."),
    (r"^(transformer\.encoder\.layers\.\d+)\.attention\.", r"\1.self_attn."),
    (r"^(transformer\.encoder\.layers\.\d+)\.attention_norm\.", r"\1.norm1."),
    (r"^(transformer\.encoder\.layers\.\d+)\.feed_forward_norm\.", r"\1.norm2."),
    (r"^(transformer\..*_attn)\.offsets\.", r"\1.sampling_offsets."),
    (r"^(transformer\..*_attn)\.weights\.", r"\1.attention_weights."),
    (r"^(transformer\..*_attn)\.(value|output)\.", r"\1.\2_proj."),
    (r"^text\.linear\.", "resizer.fc."),
    (r"^text\.norm\.", "resizer.layer_norm."),
    (r"^fusion\.projections\.(\d+)\.convolution\.", r"input_proj.\1.0."),
    (r"^fusion\.projections\.(\d+)\.norm\.", r"input_proj.\1.1."),
    (r"^fusion\.attention\.", "fusion_module.multihead_attn."),
    (r"^affinity\.(query|support)_projection\.query\.", r"\1_qkv.query."),
    (r"^affinity\.(query|support)_projection\.key\.", r"\1_qkv.Key."),
    (r"^affinity\.(query|support)_projection\.value\.", r"\1_qkv.Value."),
    (r"^affinity\.skip\.", "conv_q."),
    (r"^affinity\.norm\.", "layer_norm."),
    (r"^mask_head\.controller\.", "controller."),
    (r"^pixel_decoder\.stages\.0\.", "pixel_decoder.4."),  # ours run from coarse to fine
    (r"^pixel_decoder\.stages\.1\.", "pixel_decoder.3."),
    (r"^pixel_decoder\.stages\.2\.", "pixel_decoder.2."),
    (r"^pixel_decoder\.stages\.3\.", "pixel_decoder.1."),
    (r"^pixel_decoder\.(\d)\.(adapter|layer)_norm\.", r"pixel_decoder.\2_\1.norm."),
    (r"^pixel_decoder\.(\d)\.(adapter|layer)\.", r"pixel_decoder.\2_\1."),
    (r"^pixel_decoder\.(\d)\.attention\.", r"pixel_decoder.cross_attn_\1."),
    (r"^(pixel_decoder\.cross_attn_\d)\.self_norm\.", r"\1.norm1."),
    (r"^(pixel_decoder\.cross_attn_\d)\.text_norm\.", r"\1.norm2."),
    (r"^(pixel_decoder\.cross_attn_\d)\.feed_forward_norm\.", r"\1.norm3."),
    (r"\.text_attention\.", ".multihead_attn."),
    (r"\.self_attention\.", ".self_attn."),
    (r"\.projection\.(weight|bias)$", r".in_proj_\1"),
    (
        r"(multihead_attn|(?:decoder\.layers\.\d+|cross_attn_\d)\.self_attn)\.output\.",
        r"\1.out_proj.",
    ),
    (r"\.feed_forward\.expand\.", ".linear1."),
    (r"\.feed_forward\.contract\.", ".linear2."),
)
_COMPILED = tuple((re.compile(pattern), replacement) for pattern, replacement in _RULES)

BACKBONE = "backbone.0.body."  # a ResNet in torchvision's names
TEXT_ENCODER = "text_encoder."  # a RobertaModel in transformers' names
BOXES = "bbox_embed."
BOX_ALIAS = "transformer.decoder.bbox_embed."  # the same tensors as bbox_embed.*, saved twice
COUNTERS = ("num_batches_tracked", "position_ids")  # saved by some versions; no weights


def official_name(name: str) -> str:
    """The official name of one of our parameters."""
    for pattern, replacement in _COMPILED:
        name = pattern.sub(replacement, name)
    return name


def official_names(names: Iterable[str]) -> dict[str, str]:
    """Our name to the official one, for all parameters of a network."""
    return {name: official_name(name) for name in names}
