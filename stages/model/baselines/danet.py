"""DANet with vision-language fusion: the paper's comparison in its tables 1 and 2.

Chen et al., "Delving Deep into Many-to-Many Attention for Few-Shot Video Object Segmentation",
CVPR 2021. All support pixels and all query pixels meet in the pixels of one query frame, the
domain agent. With q', k', v' of the masked support, q, k of the query clip, q_m, k_m of its middle
frame and d channels:

    V   = softmax(q_m k' / sqrt(d)) v'      what the agent finds in the support
    out = [softmax(q k_m / sqrt(d)) V, skip(query)]

A decoder of residual blocks brings that to stride 4. There are no object queries and no scores.

The paper says of the fusion only that a module was added. Here it is CMA's, after the projection
to the network's width, on query and support alike, before the support is masked. The method's own
grid is stride 8 of a dilated backbone; frozen maps have stride 16.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from configs.model import ModelConfig
from configs.training import TrainConfig
from stages.model.affinity import AffinityProjection, clip_tokens, mask_cells
from stages.model.baselines.blocks import one_mask
from stages.model.build import build_text
from stages.model.comparison.losses import covered
from stages.model.fusion import LevelProjection, TextProjection, VisionLanguageFusion
from stages.model.initialise import quiet_attention
from stages.model.inputs import STRIDES, FramePyramid, Support, Words, middle_frame
from stages.model.layers import Attention, attend, convolve
from stages.model.network import Network
from stages.model.prediction import Losses, Prediction, Truth

GRID = 16  # stride at which clips are compared
ENTROPY = 5.0  # weight of the cross-entropy beside the overlap


class ManyToManyAttention(nn.Module):
    """The domain agent attention of a query clip and a masked support clip; one head."""

    def __init__(self, *, width: int, inner: int) -> None:
        super().__init__()
        self.query_projection = AffinityProjection(width=width, inner=inner)
        self.support_projection = AffinityProjection(width=width, inner=inner)
        self.skip = nn.Conv2d(width, width - inner, 1)

    def forward(
        self,
        query: Tensor,
        support: Tensor,
        query_padding: Tensor | None = None,
        support_padding: Tensor | None = None,
    ) -> Tensor:
        """The query clip with what it finds of the support, [B, T, h, w, C].

        Args:
            query: [B, T, h, w, C].
            support: [B, S, h', w', C], zero outside the object.
            query_padding: [B, T, h, w] bool, or None; support_padding: [B, S, h', w'].
        """
        agent = middle_frame(query)
        found = self.attend(
            clip_tokens(self.query_projection.query, agent),
            clip_tokens(self.support_projection.key, support),
            clip_tokens(self.support_projection.value, support),
            None if support_padding is None else support_padding.flatten(1),
        )
        read = self.attend(
            clip_tokens(self.query_projection.query, query),
            clip_tokens(self.query_projection.key, agent),
            found,
            None if query_padding is None else middle_frame(query_padding).flatten(1),
        )
        kept = convolve(self.skip, query.flatten(0, 1)).view(*query.shape[:4], -1)
        return torch.cat((read.view(*query.shape[:4], -1), kept), dim=-1)

    def attend(
        self, queries: Tensor, keys: Tensor, values: Tensor, padding: Tensor | None
    ) -> Tensor:
        """softmax(q k / sqrt(d)) v over tokens [B, L, d]."""
        return attend(queries[:, None], keys[:, None], values[:, None], padding)[:, 0]


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions, each after a ReLU, beside what enters. No norm."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, maps: Tensor) -> Tensor:
        """[N, C, h, w] to the same."""
        return maps + self.second(F.relu(self.first(F.relu(maps))))


class Refinement(nn.Module):
    """One finer stride: its own map, and the coarser result upsampled."""

    def __init__(self, *, channels: int, width: int) -> None:
        super().__init__()
        self.skip = nn.Conv2d(channels, width, 3, padding=1)
        self.skip_block = ResidualBlock(width)
        self.block = ResidualBlock(width)

    def forward(self, coarser: Tensor, finer: Tensor) -> Tensor:
        """Coarser [N, C, h', w'] and the frames' own finer map [N, channels, h, w], to the latter's
        grid."""
        size = (finer.shape[-2], finer.shape[-1])
        spread = F.interpolate(coarser, size=size, mode="bilinear", align_corners=True)
        return self.block(self.skip_block(self.skip(finer)) + spread)


class MaskDecoder(nn.Module):
    """From stride 16 over 8 to 4, and one logit a cell there."""

    def __init__(self, *, width: int, finer: tuple[int, int]) -> None:
        """finer: channels of the encoder's maps at strides 8 and 4."""
        super().__init__()
        self.entry = nn.Conv2d(width, width, 3, padding=1)
        self.block = ResidualBlock(width)
        self.refine_8 = Refinement(channels=finer[0], width=width)
        self.refine_4 = Refinement(channels=finer[1], width=width)
        self.output = nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, cells: Tensor, frames: FramePyramid) -> Tensor:
        """Cells [B, T, h, w, C] to mask logits [B, T, h4, w4]."""
        maps = self.block(self.entry(cells.flatten(0, 1).permute(0, 3, 1, 2)))
        maps = self.refine_8(maps, frames.at(8).flatten(0, 1))
        maps = self.refine_4(maps, frames.at(4).flatten(0, 1))
        return self.output(F.relu(maps))[:, 0].unflatten(0, cells.shape[:2])


class DanetNetwork(Network):
    """Few-shot video object segmentation by many-to-many attention, with words."""

    mask_stride = 4

    def __init__(
        self,
        *,
        text: TextProjection,
        fusion: VisionLanguageFusion,
        attention: ManyToManyAttention,
        decoder: MaskDecoder,
    ) -> None:
        super().__init__()
        self.text = text
        self.fusion = fusion
        self.attention = attention
        self.decoder = decoder

    def forward(
        self, query: FramePyramid, words: Words, support: Support, *, auxiliary: bool = True
    ) -> Prediction:
        """One mask a frame. `auxiliary` changes nothing."""
        (cells,) = self.fusion(query, self.text.words(words))
        (seen,) = self.fusion(support.frames, self.text.words(support.words))
        marked = seen * mask_cells(support.masks, seen.shape[2:4])
        read = self.attention(cells, marked, padding(query, cells), padding(support.frames, seen))
        return one_mask(self.decoder(read, query), query)

    def losses(self, prediction: Prediction, truth: Truth, options: TrainConfig) -> Losses:
        """5 BCE + (1 - sum min / sum max), the second of each frame. Every loss is a mean."""
        logits = prediction.masks[:, :, 0].float()
        true = covered(truth.masks, logits.shape[-2:])
        terms = {
            "loss_mask": F.binary_cross_entropy_with_logits(logits, true),
            "loss_overlap": overlap_loss(logits.sigmoid(), true),
        }
        return Losses(ENTROPY * terms["loss_mask"] + terms["loss_overlap"], terms)


def overlap_loss(share: Tensor, true: Tensor) -> Tensor:
    """1 - sum min / sum max of each frame of [B, T, h, w], a mean over frames."""
    both = torch.minimum(share, true).sum((-2, -1))
    either = torch.maximum(share, true).sum((-2, -1))
    return (1 - both / either.clamp(min=1e-6)).mean()


def padding(frames: FramePyramid, cells: Tensor) -> Tensor | None:
    """Padding of cells [B, T, h, w, C], [B, T, h, w] bool, or None."""
    ignored = frames.padding_at(cells.shape[2], cells.shape[3])
    return None if ignored is None else ignored.view(cells.shape[:4])


def build_danet(
    config: ModelConfig, channels: tuple[int, int, int, int], text_width: int
) -> DanetNetwork:
    """The network of a configuration, initialised from torch's global random state."""
    at_stride, width = dict(zip(STRIDES, channels, strict=True)), config.hidden
    network = DanetNetwork(
        text=build_text(config, text_width),
        fusion=VisionLanguageFusion(
            projections=[LevelProjection(stride=GRID, channels=at_stride[GRID], width=width)],
            attention=Attention(width=width, heads=config.heads),
        ),
        attention=ManyToManyAttention(width=width, inner=config.affinity_width or width // 2),
        decoder=MaskDecoder(width=width, finer=(at_stride[8], at_stride[4])),
    )
    quiet_attention(network)
    return network
