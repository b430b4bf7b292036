"""Episodic training: what `stages.train` is told beyond the network itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class TrainConfig:
    """Optimiser, schedule and episode sampling of one training run.

    `videos_per_step` query videos are drawn a step; a video with a twin of its target
    contributes both sentences when `paired`, so that the only difference between two
    episodes of a batch is what the sentence says.
    """

    steps: int = 1200
    videos_per_step: int = 5
    paired: bool = True
    twin_share: float = 0.5  # of the query videos, drawn among those with twins alone
    wrong_support: float = 0.0  # share of videos whose support is of a kind that they do not show
    hide_nouns: float = 0.5  # share of videos whose sentences say "object" instead of the category
    channel_dropout: float = 0.2  # of the coarse frozen maps, alike for query and support
    channel_noise: float = 0.2  # log-normal scale of their other channels, alike as well
    augment: bool = True  # draw a view a clip: of the cached ones (features.views), or a new one
    flip_maps: float = 0.0  # share of clips whose maps are mirrored; not what mirrored frames give
    crop_maps: int = 0  # rows and columns of 32 pixels cut off a clip's maps, at most
    learning_rate: float = 8e-4
    weight_decay: float = 1e-2
    warmup_steps: int = 50
    schedule: Literal["cosine", "drops", "constant"] = "cosine"
    drops: tuple[int, ...] = ()  # steps after which the learning rate falls to a tenth
    clip_norm: float = 1.0
    accumulate: int = 1  # parts that a step's batch is learnt from in turn: the same gradients in
    # less memory, for a forward pass more
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    checkpointing: bool = False  # layers run again in the backward pass: less memory, more time
    mask_points: int = 0  # cells at which earlier decoder layers' masks are compared; 0 = all
    log_every: int = 20
    holdout_every: int = 0  # steps between looks at the held-back slice; 0 = only at the end
    holdout_episodes: int = 24
    checkpoint_every: int = 500  # steps between checkpoints
    checkpoint_minutes: float = 10.0  # and minutes, where that is sooner; 0 = steps alone
    keep_checkpoints: int = 2  # the last ones; the best weights are kept beside them
    loader_threads: int = 1
    prefetch: int = 4
    weight_score: float = 2.0
    weight_box: float = 1.0
    weight_giou: float = 0.5
    weight_mask: float = 20.0
    weight_dice: float = 5.0
    weight_twin: float = 3.0  # telling the two sentences of a video with twins apart
    weight_dense: float = 0.5  # the dense prior's own mask and dice terms, weighted as above

    def __post_init__(self) -> None:
        if self.accumulate < 1:
            raise ValueError(f"train.accumulate is {self.accumulate}; it must be 1 or more")
        for name in (
            "steps",
            "videos_per_step",
            "log_every",
            "checkpoint_every",
            "prefetch",
            "keep_checkpoints",
        ):
            if getattr(self, name) < 1:
                raise ValueError(f"train.{name} is {getattr(self, name)}; it must be 1 or more")
        for name in ("twin_share", "wrong_support", "hide_nouns", "channel_dropout", "flip_maps"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"train.{name} is {getattr(self, name)}; it must be in [0, 1]")
        for name in ("crop_maps", "mask_points"):
            if getattr(self, name) < 0:
                raise ValueError(f"train.{name} is {getattr(self, name)}; it must be 0 or more")
        if not self.checkpoint_minutes >= 0:
            raise ValueError(
                f"train.checkpoint_minutes is {self.checkpoint_minutes}; it must be 0 or more"
            )
        if self.channel_dropout == 1:
            raise ValueError("train.channel_dropout is 1; nothing would be left to train on")
        if self.learning_rate <= 0:
            raise ValueError(f"train.learning_rate is {self.learning_rate}; it must be above 0")
