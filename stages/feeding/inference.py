"""From what the network says to one mask a frame: pick a query, bring it to size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from stages.feeding.batches import EpisodeBatch
from stages.feeding.sharpening import sharpen_clip
from stages.model.inputs import FramePyramid
from stages.model.network import Network
from stages.model.prediction import Followed, Prediction
from stages.runtime.precision import autocast_dtype

Frame = NDArray[np.uint8]


@dataclass(frozen=True)
class Answer:
    """One clip's answer.

    masks: bool [T, H, W] at the asked size. presence: float32 [T] in [0, 1], that the frame shows
    the object. score: the clip's mean presence. logits: float32 [T, H, W] that a pixel is the
    object's, before masks are brought to the picture's edges.
    """

    masks: NDArray[np.bool_]
    presence: NDArray[np.float32]
    logits: NDArray[np.float32]

    @property
    def score(self) -> float:
        return float(self.presence.mean())


@torch.inference_mode()
def run_model(model: Network, batch: EpisodeBatch, precision: str = "auto") -> Prediction:
    """The network's prediction for a batch, in native bf16 where the device has it."""
    device = batch.query.maps[0].device
    dtype = autocast_dtype(precision, device)
    with torch.autocast(device.type, dtype=dtype, enabled=dtype is not None):
        return model(batch.query, batch.words, batch.support, auxiliary=False)


@torch.inference_mode()
def follow_model(
    model: Network,
    window: EpisodeBatch,
    memory: object | None,
    overlap: int,
    precision: str = "auto",
) -> Followed:
    """As `run_model`, of the next window of one video. See `Network.follow`."""
    device = window.query.maps[0].device
    dtype = autocast_dtype(precision, device)
    with torch.autocast(device.type, dtype=dtype, enabled=dtype is not None):
        return model.follow(window.query, window.words, window.support, memory, overlap=overlap)


def presence_of(prediction: Prediction) -> float:
    """Mean logit over the frames of one clip that they show what is described."""
    scores = choose_query(prediction)[1][0].clamp(1e-9, 1 - 1e-7)
    return float(scores.logit().mean())


def choose_query(prediction: Prediction, per_frame: bool = False) -> tuple[Tensor, Tensor]:
    """The query with the highest mean score over the clip, or of each frame: its mask logits
    [B, T, h, w] and its scores [B, T] in [0, 1]."""
    scores = prediction.logits[..., 0].float().sigmoid()  # [B, T, Q]
    weighed = scores if per_frame else scores.mean(1, keepdim=True).expand_as(scores)
    best = weighed.argmax(-1)[..., None]  # [B, T, 1]
    masks = prediction.masks.take_along_dim(best[..., None, None], dim=2)
    return masks[:, :, 0].float(), scores.take_along_dim(best, dim=2)[..., 0]


def answers(
    prediction: Prediction,
    query: FramePyramid,
    stride: int,
    sizes: list[tuple[int, int]],
    pictures: Sequence[Sequence[Frame]] | None = None,
    per_frame: bool = False,
) -> list[Answer]:
    """Each clip's answer at its size (H, W).

    Logits go bilinearly to the network's canvas, lose their padding, and go bilinearly to the
    asked size; a pixel is on above a logit of 0. With each clip's pictures, T RGB frames of any
    size, masks end where those do. per_frame: as `choose_query`.
    """
    logits, scores = choose_query(prediction, per_frame)
    given = []
    for row, size in enumerate(sizes):
        own = (int(query.size[row, 0]), int(query.size[row, 1]))
        drawn = full_size(logits[row], stride, own, size)
        masks = drawn > 0 if pictures is None else sharpen_clip(pictures[row], drawn)
        given.append(Answer(masks, scores[row].cpu().numpy(), drawn))
    return given


def full_size(
    logits: Tensor, stride: int, seen: tuple[int, int], size: tuple[int, int]
) -> NDArray[np.float32]:
    """Mask logits [N, h, w] at a stride as [N, H, W] of `size`.

    seen: (H, W) of the frame as the network sees it, without padding.
    """
    canvas = (logits.shape[-2] * stride, logits.shape[-1] * stride)
    drawn = F.interpolate(logits[None].float(), size=canvas, mode="bilinear", align_corners=False)
    valid = drawn[..., : seen[0], : seen[1]]
    if seen != size:
        valid = F.interpolate(valid, size=size, mode="bilinear", align_corners=False)
    grown: NDArray[np.float32] = valid[0].cpu().numpy()
    return grown


def join(windows: list[Answer]) -> Answer:
    """Consecutive windows of one clip as one answer."""
    return Answer(
        np.concatenate([window.masks for window in windows]),
        np.concatenate([window.presence for window in windows]),
        np.concatenate([window.logits for window in windows]),
    )
