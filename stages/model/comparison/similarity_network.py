"""Training-free segmentation: what the frozen features alone say, the floor of every training.

A classifier of the support's cells looks at the clip, then one of the clip's own confident cells;
the object is where scores stand out, or nowhere where the first look is not convinced of it. The
sentence is not read.
"""

from __future__ import annotations

import torch

from configs.errors import UsageError
from configs.model import ModelConfig
from configs.training import TrainConfig
from stages.model.comparison.clips import ABSENT, QueryClip, SupportClip, stack_clips
from stages.model.comparison.cues import GRID, look
from stages.model.comparison.following import Window, follow_window
from stages.model.comparison.upsampling import FINE, upsample
from stages.model.inputs import FramePyramid, Support, Words
from stages.model.network import Network
from stages.model.prediction import Followed, Losses, Prediction, Truth


class SimilarityNetwork(Network):
    """Has nothing to train. How its constants were chosen stands in docs/experiments.md."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.looks = config.looks
        self.mask_stride = FINE

    @torch.no_grad()
    def forward(
        self, query: FramePyramid, words: Words, support: Support, *, auxiliary: bool = True
    ) -> Prediction:
        """Masks [B, T, 1, h, w] at stride 4 and how far each frame shows the object."""
        masks, presence = [], []
        with torch.autocast(query.maps[0].device.type, enabled=False):
            for row in range(len(query.size)):
                clip, shown = QueryClip.of(query, row), SupportClip.of(support, row)
                said = look(clip, shown, self.looks).answer(clip.shape(GRID))
                there = bool(said.clip > 0)
                drawn = upsample(said.logits, clip.maps[FINE])
                masks.append(drawn if there else torch.full_like(drawn, ABSENT))
                presence.append(said.frames if there else said.frames.clamp(max=float(said.clip)))
        stacked = stack_clips(masks)[:, :, None]
        return Prediction(torch.stack(presence)[..., None, None], stacked)

    def follow(
        self,
        query: FramePyramid,
        words: Words,
        support: Support,
        memory: object | None = None,
        *,
        overlap: int = 0,
    ) -> Followed:
        """By what the windows before showed of this video's objects, see `following`."""
        with torch.no_grad(), torch.autocast(query.maps[0].device.type, enabled=False):
            clip, shown = QueryClip.of(query, 0), SupportClip.of(support, 0)
            looks = look(clip, shown, self.looks)
            said, same = looks.answer(clip.shape(GRID)), looks.same is not None
            sure = float(said.clip)
            window = Window(clip, said.logits, said.frames, sure, sure > 0, same)
            return follow_window(window, memory, overlap)

    def losses(self, prediction: Prediction, truth: Truth, options: TrainConfig) -> Losses:
        """There is nothing to train. Raises UsageError."""
        raise UsageError("model.network similarity has nothing to train; use it as it is")
