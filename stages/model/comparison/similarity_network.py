"""Training-free segmentation: what the frozen features alone say, the floor of every training.

A classifier of the support's cells looks at the clip, then one of the clip's own confident cells;
the object is where scores stand out, or nowhere where the first look is not convinced of it. The
sentence is not read.
"""

from __future__ import annotations

import torch
from torch import Tensor

from configs.errors import UsageError
from configs.model import ModelConfig
from configs.training import TrainConfig
from stages.model.comparison.clips import QueryClip, SupportClip, stack_clips
from stages.model.comparison.correlation import resized
from stages.model.comparison.cues import GRID, Looks, look
from stages.model.inputs import FramePyramid, Support, Words
from stages.model.network import Network
from stages.model.prediction import Losses, Prediction, Truth

CONVINCED = 0.05  # mean score of the first look inside the mask from which the object is there
STEEPNESS = 20.0  # of the presence, logits a unit of that score
ABSENT = -20.0  # logit of every cell of a clip without the object


class SimilarityNetwork(Network):
    """Has nothing to train. Every constant was chosen on photographs, see docs/experiments.md."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.looks = config.looks
        self.mask_stride = GRID

    @torch.no_grad()
    def forward(
        self, query: FramePyramid, words: Words, support: Support, *, auxiliary: bool = True
    ) -> Prediction:
        """Masks [B, T, 1, h, w] at stride 8 and the clip's presence for all of its frames."""
        masks, presence = [], []
        with torch.autocast(query.maps[0].device.type, enabled=False):
            for row in range(len(query.size)):
                clip, shown = QueryClip.of(query, row), SupportClip.of(support, row)
                logits, convinced = answer(look(clip, shown, self.looks), clip.shape(GRID))
                masks.append(logits)
                presence.append(convinced.expand(len(logits)))
        drawn = stack_clips(masks, ABSENT)[:, :, None]
        return Prediction(torch.stack(presence)[..., None, None], drawn)

    def losses(self, prediction: Prediction, truth: Truth, options: TrainConfig) -> Losses:
        """There is nothing to train. Raises UsageError."""
        raise UsageError("model.network similarity has nothing to train; use it as it is")


def answer(looks: Looks, grid: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Mask logits [T, h, w] and the logit that the clip shows the object."""
    logits = looks.answer(grid)
    inside = resized(looks.first[:, None], grid)[:, 0][logits > 0]
    convinced = inside.mean() if len(inside) else logits.new_tensor(-1.0)
    presence = STEEPNESS * (convinced - CONVINCED)
    return (logits if presence > 0 else torch.full_like(logits, ABSENT)), presence
