"""The network's options. Sizes first, then each named difference between its variants.

`variant = "official"` reproduces the authors' released network, quirks included; `"paper"` has what
the paper describes and nothing else; `"default"` adds to that what experiments asked for. A variant
only chooses the values of the fields that a configuration does not state. docs/paper.md compares.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Literal

STRIDES = (4, 8, 16, 32)  # of an encoder's four maps
KNOWN_STRIDES = (*STRIDES, 64)  # 64 is made from the map at 32


# What neither the paper nor the released code has, left out.
_WITHOUT_OURS: Mapping[str, Any] = MappingProxyType(
    {
        "attention_dropout": 0.1,
        "fusion_residual": False,
        "finer_maps": False,
        "support_background": False,
        "similarity_prior": False,
        "clip_exchange": False,
        "dense_prior": False,
        "sentence_word": False,
    }
)


@dataclass(frozen=True)
class ModelConfig:
    """Sizes and named options of the network."""

    network: Literal[
        "fsrvos",  # the paper's
        "affinity",  # one that compares
        "similarity",  # what frozen features say without training
        "danet",  # few-shot, by many-to-many attention
        "referformer",  # no support: language as queries
        "mttr",  # no support: one transformer over cells and words, objects as sequences
        "lbdt",  # no support: an image and a temporal stream that meet in the words
        "support-only",  # the paper's, told no sentence
        "text-only",  # the paper's, shown no support
    ] = "fsrvos"
    variant: Literal["default", "paper", "official"] = "default"  # which of the paper's network

    hidden: int = 256  # C, channels of every token
    feed_forward: int = 2048  # channels between the two layers of a feed-forward block
    heads: int = 8  # M
    encoder_points: int = 4  # P, sampling points a head and level
    decoder_points: int = 4
    encoder_layers: int = 4
    decoder_layers: int = 4
    queries: int = 5  # Q, object queries a frame
    levels: tuple[int, ...] = (8, 16, 32, 64)  # strides that the encoder sees, finest first
    mask_stride: int = 4  # stride of the mask features and of the predicted masks
    mask_dim: int = 256  # channels of the mask features
    mask_layers: int = 3  # dynamic 1x1 layers that make a mask
    mask_channels: int = 8  # channels between them
    pixel_width: int = 0  # channels of the pixel decoder; 0 is model.hidden
    pixel_attention: tuple[int, ...] = (4, 8, 16, 32)  # strides at which it attends to clip, words
    dropout: float = 0.1
    attention_dropout: float = 0.0  # on attention weights; above 0 no fused attention on a CPU

    affinity: Literal["cross", "self", "none"] = "cross"  # the paper's Table 4
    affinity_width: int = 0  # channels of its queries, keys and values; 0 is half of hidden, and
    # what is left of hidden goes to a convolution of the clip itself
    affinity_residual: bool = True  # a cell keeps what it is beside what it gathers, normalised
    fusion_residual: bool = True  # a cell keeps what it is beside what it reads in the words
    finer_maps: bool = True  # levels also see the encoder's finer maps, which carry the colours
    affinity_support_frames: Literal["middle", "all"] = "all"
    affinity_query_frames: Literal["middle", "all"] = "all"
    train_affinity: bool = True  # False keeps its projections at their initial values
    support_background: bool = True  # the support's other cells are seen too, marked as such
    similarity_prior: bool = True  # cosines of frozen maps to the support enter every level
    clip_exchange: bool = True  # encoder layers let frames read each other's coarse cells, words
    dense_prior: bool = True  # every mask starts from one drawn by the encoder's own cells
    power_log: bool = False  # steep odd stretch of the support's features before the text
    transpose_first_anchors: bool = False  # level l of the first layer sees coordinate l alone
    sentence_queries: bool = True  # the sentence state is added to every object query
    sentence_word: bool = True  # the sentence state is read as one more word
    shared_mask_divisor: bool = False  # mask terms of the loss are divided by visible frames too

    # Of the networks that compare, affinity and similarity.
    looks: int = 2  # times that the query clip becomes its own support
    mask_quality: bool = True  # a small network judges masks, and whether the kind is there
    quality_width: int = 32  # its channels
    sentence_choice: bool = True  # the sentence picks among what the support found

    variants: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
        {
            "default": {},
            "paper": {**_WITHOUT_OURS, "affinity_residual": False},
            "official": {
                **_WITHOUT_OURS,
                "shared_mask_divisor": True,
                "affinity_support_frames": "middle",
                "affinity_query_frames": "middle",
                "train_affinity": False,
                "power_log": True,
                "transpose_first_anchors": True,
                "sentence_queries": False,
            },
        }
    )

    published: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
        {"mttr": {"queries": 50, "encoder_layers": 3, "decoder_layers": 3}}
    )  # by network

    def __post_init__(self) -> None:
        for name in ("hidden", "feed_forward", "heads", "encoder_points", "decoder_points"):
            _require(getattr(self, name) >= 1, f"model.{name} must be 1 or more")
        for name in ("encoder_layers", "decoder_layers", "queries", "mask_dim", "mask_channels"):
            _require(getattr(self, name) >= 1, f"model.{name} must be 1 or more")
        _require(self.looks >= 0, "model.looks must be 0 or more")
        _require(self.quality_width >= 1, "model.quality_width must be 1 or more")
        _require(self.mask_layers >= 2, "model.mask_layers must be 2 or more")
        _require(self.hidden % self.heads == 0, "model.hidden must be a multiple of model.heads")
        _require(self.hidden % 32 == 0, "model.hidden must be a multiple of 32")
        _require(
            0 <= self.affinity_width <= self.hidden,
            "model.affinity_width must be model.hidden or less, or 0 for half of it",
        )
        _require(
            bool(self.levels)
            and list(self.levels) == sorted(set(self.levels))
            and set(self.levels) <= set(KNOWN_STRIDES),
            f"model.levels must be rising strides out of {list(KNOWN_STRIDES)}",
        )
        _require(self.mask_stride in (4, 8, 16), "model.mask_stride must be 4, 8 or 16")
        _require(
            self.pixel_width >= 0 and self.pixel_width % 8 == 0,
            "model.pixel_width must be 0 or a multiple of 8",
        )
        _require(
            set(self.pixel_attention) <= set(STRIDES),
            f"model.pixel_attention must be strides out of {list(STRIDES)}",
        )
        _require(
            not self.pixel_attention or self.pixel_width in (0, self.hidden),
            "model.pixel_attention must be empty where model.pixel_width is not model.hidden",
        )
        for name in ("dropout", "attention_dropout"):
            _require(0 <= getattr(self, name) < 1, f"model.{name} must be in [0, 1)")
        _require(
            not self.transpose_first_anchors or len(self.levels) == 4,
            "model.transpose_first_anchors needs four model.levels, one a coordinate",
        )

    @classmethod
    def of(cls, variant: Literal["default", "paper", "official"], **values: Any) -> ModelConfig:
        """A variant's configuration with some fields stated otherwise."""
        return cls(**cls.completed({"variant": variant, **values}))

    @classmethod
    def completed(cls, stated: Mapping[str, Any]) -> dict[str, Any]:
        """The stated fields, and those that follow from the variant and the network they name."""
        of_variant = cls.variants[stated.get("variant", "default")]
        return {**of_variant, **cls.published.get(stated.get("network", ""), {}), **stated}


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)
