"""LBDT: language-bridged duplex transfer. Of the paper's table 3; takes no support.

Ding et al., CVPR 2022. An image stream sees each frame, a temporal stream how it differs from the
one before; where they meet is `stages.model.baselines.duplex`. A decoder adds up all strides of
each stream, opens and closes channels by the streams' means and the sentence, and draws one mask.

The method runs a second backbone over difference images and feeds the exchange at stride 16 into
the one at 32. Frozen maps allow neither: the temporal stream is |F_t - F_(t-1)| of the maps, and
the two strides meet on their own. Norms over a batch of one are GroupNorms here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from configs.model import ModelConfig
from configs.training import TrainConfig
from stages.model.baselines.blocks import every_frame, one_mask
from stages.model.baselines.duplex import DuplexTransfer, Streams
from stages.model.build import build_text
from stages.model.comparison.losses import covered
from stages.model.fusion import LevelProjection, ProjectedWords, TextProjection
from stages.model.initialise import quiet_attention
from stages.model.inputs import STRIDES, FramePyramid, Support, Words
from stages.model.layers import Stack
from stages.model.network import Network
from stages.model.positions import encode_cells
from stages.model.prediction import Losses, Prediction, Truth

FINER = (4, 8)  # strides that enter the sum as they are
MEETING = (16, 32)  # strides at which the streams meet
NORM_GROUPS = 8
OBJECT_WEIGHT = 1.5  # of object cells in the cross-entropy
LAST_CONVOLUTIONS = 4


class Convolution(nn.Module):
    """3x3, norm, ReLU."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, width, 3, padding=1, bias=False)
        self.norm = nn.GroupNorm(NORM_GROUPS, width)

    def forward(self, maps: Tensor) -> Tensor:
        """[N, channels, h, w] to [N, width, h, w]."""
        return F.relu(self.norm(self.convolution(maps)))


class Meeting(nn.Module):
    """Both streams of one stride at the network's width, told of each other."""

    def __init__(self, *, stride: int, channels: int, transfer: DuplexTransfer, width: int) -> None:
        super().__init__()
        self.stride = stride
        self.projections = Stack(
            LevelProjection(stride=stride, channels=channels, width=width) for _ in range(2)
        )
        self.transfer = transfer

    def forward(self, image: FramePyramid, time: FramePyramid, words: ProjectedWords) -> Streams:
        """Maps [N, C, h, w] of both streams, N = B * T; words of every frame."""
        first, second = (
            projection(frames).flatten(0, 1)
            for projection, frames in zip(self.projections, (image, time), strict=True)
        )
        _, height, width, channels = first.shape
        padding = image.padding_at(height, width)
        places = encode_cells(height, width, channels, padding, first.device).flatten(1, 2)
        ignored = None if padding is None else padding.flatten(1)
        streams = self.transfer((first.flatten(1, 2), second.flatten(1, 2)), places, words, ignored)
        told, brought = (
            cells.unflatten(1, (height, width)).permute(0, 3, 1, 2) for cells in streams
        )
        return told, brought


class StreamSum(nn.Module):
    """All strides of one stream at stride 4, added up."""

    def __init__(self, *, channels: Mapping[int, int], width: int) -> None:
        super().__init__()
        self.convolutions = nn.ModuleDict(
            {str(stride): Convolution(count, width) for stride, count in channels.items()}
        )

    def forward(self, maps: Mapping[int, Tensor]) -> Tensor:
        """A map [N, C, h, w] a stride to [N, width, h4, w4]."""
        size = maps[4].shape[-2:]
        drawn = [self.convolutions[str(stride)](level) for stride, level in maps.items()]
        spread = [
            F.interpolate(level, size=size, mode="bilinear", align_corners=False) for level in drawn
        ]
        return torch.stack(spread).sum(0)


class ChannelGates(nn.Module):
    """What share of each channel of a stream passes: by the sentence, and by both streams."""

    def __init__(self, *, width: int, sentence: int) -> None:
        super().__init__()
        self.by_sentence = Stack(nn.Linear(width + sentence, width) for _ in range(2))
        self.shared = nn.Linear(2 * width, width)
        self.by_both = Stack(nn.Linear(width, width) for _ in range(2))

    def forward(self, streams: Streams, sentence: Tensor, valid: Tensor | None) -> Streams:
        """Streams [N, C, h, w], sentence [N, D], valid [N, 1, h, w] of 0 and 1, to streams."""
        means = [mean(stream, valid) for stream in streams]
        both = F.relu(self.shared(torch.cat(means, dim=-1)))
        gates = [
            own(torch.cat((pooled, sentence), dim=-1)).sigmoid() * common(both).sigmoid()
            for pooled, own, common in zip(means, self.by_sentence, self.by_both, strict=True)
        ]
        image, time = (s * g[..., None, None] for s, g in zip(streams, gates, strict=True))
        return image, time


class LbdtNetwork(Network):
    """Referring segmentation with an image and a temporal stream."""

    mask_stride = 4

    def __init__(
        self, config: ModelConfig, channels: tuple[int, int, int, int], text_width: int
    ) -> None:
        super().__init__()
        at_stride = dict(zip(STRIDES, channels, strict=True))
        width, narrow = config.hidden, config.hidden // 2
        self.text: TextProjection = build_text(config, text_width)
        self.meetings = Stack(
            Meeting(
                stride=stride,
                channels=at_stride[stride],
                width=width,
                transfer=DuplexTransfer(
                    layers=config.encoder_layers,
                    width=width,
                    heads=config.heads,
                    dropout=config.dropout,
                ),
            )
            for stride in MEETING
        )
        entering = {**{s: at_stride[s] for s in FINER}, **dict.fromkeys(MEETING, width)}
        self.sums = Stack(StreamSum(channels=entering, width=narrow) for _ in range(2))
        self.gates = ChannelGates(width=narrow, sentence=width)
        self.convolutions = nn.Sequential(
            Convolution(2 * narrow, narrow),
            *(Convolution(narrow, narrow) for _ in range(LAST_CONVOLUTIONS)),
        )
        self.output = nn.Conv2d(narrow, 1, 1)
        quiet_attention(self)

    def forward(
        self, query: FramePyramid, words: Words, support: Support, *, auxiliary: bool = True
    ) -> Prediction:
        """One mask a frame; the support is not looked at. `auxiliary` changes nothing."""
        frames, changes = query.maps[0].shape[1], differences(query)
        said = every_frame(self.text.words(words), frames)
        image, time = (
            {stride: clip.at(stride).flatten(0, 1) for stride in FINER} for clip in (query, changes)
        )
        for meeting in self.meetings:
            image[meeting.stride], time[meeting.stride] = meeting(query, changes, said)
        streams = (self.sums[0](image), self.sums[1](time))
        ignored = query.padding_at(*streams[0].shape[-2:])
        valid = None if ignored is None else (~ignored)[:, None].float()
        gated = self.gates(streams, sentence_mean(said), valid)
        drawn = self.output(self.convolutions(torch.cat(gated, dim=1)))
        return one_mask(drawn[:, 0].unflatten(0, query.maps[0].shape[:2]), query)

    def losses(self, prediction: Prediction, truth: Truth, options: TrainConfig) -> Losses:
        """0.5 BCE, an object's cells counting 1.5, + 0.5 dice of each frame. Means."""
        logits = prediction.masks[:, :, 0].float()
        true = covered(truth.masks, logits.shape[-2:])
        heavier = logits.new_tensor(OBJECT_WEIGHT)
        terms = {
            "loss_mask": F.binary_cross_entropy_with_logits(logits, true, pos_weight=heavier),
            "loss_dice": dice_loss(logits.sigmoid(), true),
        }
        return Losses(0.5 * terms["loss_mask"] + 0.5 * terms["loss_dice"], terms)


def differences(clip: FramePyramid) -> FramePyramid:
    """|F_t - F_(t-1)| of every map, zero in the first frame."""
    first, second, third, fourth = (
        torch.cat((torch.zeros_like(level[:, :1]), level.diff(dim=1).abs()), dim=1)
        for level in clip.maps
    )
    return replace(clip, maps=(first, second, third, fourth))


def mean(maps: Tensor, valid: Tensor | None) -> Tensor:
    """Mean of maps [N, C, h, w] over the cells that are not padding, [N, C]."""
    if valid is None:
        return maps.mean((-2, -1))
    return (maps * valid).sum((-2, -1)) / valid.sum((-2, -1))


def sentence_mean(words: ProjectedWords) -> Tensor:
    """Mean of the words that are not padding, [N, C]."""
    if words.padding is None:
        return words.values.mean(1)
    counted = (~words.padding)[..., None].float()
    return (words.values * counted).sum(1) / counted.sum(1)


def dice_loss(share: Tensor, true: Tensor) -> Tensor:
    """1 - (2 sum pt + 1) / (sum p + sum t + 1) of each frame of [B, T, h, w], a mean."""
    both = (share * true).sum((-2, -1))
    total = (share + true).sum((-2, -1))
    return (1 - (2 * both + 1) / (total + 1)).mean()
