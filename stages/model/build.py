"""The assembler: a configuration and the encoders' sizes in, the paper's network or parts out."""

from __future__ import annotations

from collections.abc import Mapping

from configs.model import ModelConfig
from stages.model.affinity import CrossModalAffinity
from stages.model.decoder import Decoder, DecoderLayer
from stages.model.deformable import DeformableAttention
from stages.model.dense import DensePrior
from stages.model.encoder import Encoder, EncoderLayer
from stages.model.exchange import ClipExchange
from stages.model.fsrvos import FsrvosModel
from stages.model.fusion import LevelProjection, TextProjection, VisionLanguageFusion
from stages.model.initialise import initialise
from stages.model.inputs import STRIDES
from stages.model.layers import Attention, FeedForward
from stages.model.mask_head import MaskHead
from stages.model.pixel_decoder import ClipAttention, PixelDecoder, PixelStage
from stages.model.prior import SimilarityPrior

COARSEST_STAGE = 32  # stride at which the pixel decoder starts


def build_model(
    config: ModelConfig, channels: tuple[int, int, int, int], text_width: int
) -> FsrvosModel:
    """The network of a configuration, initialised from torch's global random state.

    Args:
        channels: of the vision encoder's maps at strides 4, 8, 16 and 32.
        text_width: of the text encoder's states.
    """
    at_stride = dict(zip(STRIDES, channels, strict=True))
    model = FsrvosModel(
        config=config,
        text=build_text(config, text_width),
        fusion=build_fusion(config, at_stride),
        affinity=CrossModalAffinity(
            width=config.hidden,
            inner=config.affinity_width or config.hidden // 2,
            kind=config.affinity,
            query_frames=config.affinity_query_frames,
            dropout=config.dropout,
            residual=config.affinity_residual,
            background=config.support_background,
        ),
        encoder=build_encoder(config),
        decoder=_decoder(config),
        pixel_decoder=build_pixel_decoder(config, at_stride),
        mask_head=build_mask_head(config),
        similarity=SimilarityPrior(width=config.hidden) if config.similarity_prior else None,
        dense=DensePrior(width=config.hidden) if config.dense_prior else None,
    )
    initialise(model)
    return model


def build_text(config: ModelConfig, text_width: int) -> TextProjection:
    """Text states to the network's width."""
    return TextProjection(text_width=text_width, width=config.hidden, dropout=config.dropout)


def build_fusion(config: ModelConfig, at_stride: Mapping[int, int]) -> VisionLanguageFusion:
    """Fusion of the words with the maps of `levels`. at_stride: channels of a stride's map."""
    return VisionLanguageFusion(
        projections=[
            LevelProjection(
                stride=stride,
                channels=at_stride[min(stride, COARSEST_STAGE)],
                width=config.hidden,
                finer=_finer(config, stride, at_stride),
            )
            for stride in config.levels
        ],
        attention=Attention(width=config.hidden, heads=config.heads),
        residual=config.fusion_residual,
    )


def build_mask_head(config: ModelConfig) -> MaskHead:
    """Dynamic masks at the mask stride."""
    return MaskHead(
        width=config.hidden,
        mask_dim=config.mask_dim,
        layers=config.mask_layers,
        channels=config.mask_channels,
        stride=config.mask_stride,
    )


def _finer(config: ModelConfig, stride: int, at_stride: Mapping[int, int]) -> dict[int, int]:
    """Strides and channels of the maps that a level of stride 16 also sees."""
    if not config.finer_maps or stride != 16:
        return {}
    return {finer: at_stride[finer] for finer in (4, 8)}


def build_encoder(config: ModelConfig) -> Encoder:
    """The deformable encoder of all levels."""
    layers = [
        EncoderLayer(
            attention=_deformable(config, config.encoder_points),
            feed_forward=build_feed_forward(config),
            dropout=config.dropout,
            exchange=_exchange(config),
        )
        for _ in range(config.encoder_layers)
    ]
    return Encoder(layers=layers, width=config.hidden, levels=len(config.levels))


def _exchange(config: ModelConfig) -> ClipExchange | None:
    if not config.clip_exchange:
        return None
    coarse = [stride for stride in config.levels if stride >= COARSEST_STAGE]
    return ClipExchange(
        attention=build_attention(config), coarse_levels=max(1, len(coarse)), dropout=config.dropout
    )


def build_decoder_layers(config: ModelConfig) -> list[DecoderLayer]:
    """The layers of a deformable decoder."""
    return [
        DecoderLayer(
            self_attention=build_attention(config),
            cross_attention=_deformable(config, config.decoder_points),
            feed_forward=build_feed_forward(config),
            dropout=config.dropout,
        )
        for _ in range(config.decoder_layers)
    ]


def _decoder(config: ModelConfig) -> Decoder:
    return Decoder(
        layers=build_decoder_layers(config),
        width=config.hidden,
        queries=config.queries,
        transpose_first_anchors=config.transpose_first_anchors,
    )


def build_pixel_decoder(config: ModelConfig, at_stride: Mapping[int, int]) -> PixelDecoder:
    """Mask features, from the encoder's levels and the maps that it did not see."""
    width = config.pixel_width or config.hidden
    strides = [stride for stride in reversed(STRIDES) if stride >= config.mask_stride]
    stages = [
        PixelStage(
            stride=stride,
            channels=config.hidden if stride in config.levels else at_stride[stride],
            width=width,
            attention=_clip_attention(config, stride),
        )
        for stride in strides
    ]
    return PixelDecoder(stages=stages, width=width, mask_dim=config.mask_dim)


def _clip_attention(config: ModelConfig, stride: int) -> ClipAttention | None:
    if stride not in config.pixel_attention:
        return None
    return ClipAttention(
        reduction=COARSEST_STAGE // stride,
        self_attention=build_attention(config),
        text_attention=build_attention(config),
        feed_forward=build_feed_forward(config),
        dropout=config.dropout,
    )


def build_attention(config: ModelConfig) -> Attention:
    """Multi-head attention at the network's width."""
    return Attention(width=config.hidden, heads=config.heads, dropout=config.attention_dropout)


def _deformable(config: ModelConfig, points: int) -> DeformableAttention:
    return DeformableAttention(
        width=config.hidden, heads=config.heads, levels=len(config.levels), points=points
    )


def build_feed_forward(config: ModelConfig) -> FeedForward:
    """A feed-forward block at the network's width."""
    return FeedForward(width=config.hidden, inner=config.feed_forward, dropout=config.dropout)
