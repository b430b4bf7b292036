"""What several baselines are made of: reading, thinking, words for every frame, one mask."""

from __future__ import annotations

from torch import Tensor, nn

from stages.model.comparison.clips import ABSENT
from stages.model.fusion import ProjectedWords
from stages.model.inputs import FramePyramid
from stages.model.layers import AddNorm, Attention, FeedForward
from stages.model.prediction import Prediction


class Reading(nn.Module):
    """Tokens take in what they read by attention: norm(x + attention(q, k, v))."""

    def __init__(self, *, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.attention = Attention(width=width, heads=heads)
        self.norm = AddNorm(width, dropout)

    def forward(
        self,
        tokens: Tensor,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        padding: Tensor | None = None,
    ) -> Tensor:
        """Tokens and query [N, Lq, C]; key, value [N, Lk, C]; padding [N, Lk]; to tokens."""
        return self.norm(tokens, self.attention(query, key, value, padding))


class Thinking(nn.Module):
    """Each token by itself: norm(x + feed-forward(x))."""

    def __init__(self, *, width: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.feed_forward = FeedForward(width=width, inner=inner, dropout=dropout)
        self.norm = AddNorm(width, dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        """[N, L, C] to the same."""
        return self.norm(tokens, self.feed_forward(tokens))


def every_frame(words: ProjectedWords, frames: int) -> ProjectedWords:
    """The words of B clips for each of their T frames, [B*T, L, C]."""
    padding = words.padding
    return ProjectedWords(
        words.values.repeat_interleave(frames, dim=0),
        words.keys.expand_as(words.values).repeat_interleave(frames, dim=0),
        None if padding is None else padding.repeat_interleave(frames, dim=0),
    )


def one_mask(logits: Tensor, frames: FramePyramid) -> Prediction:
    """What a network without queries and scores says: mask logits [B, T, h, w].

    A frame shows the object as surely as its surest cell does.
    """
    padding = frames.padding_at(logits.shape[-2], logits.shape[-1])
    seen = logits
    if padding is not None:
        seen = logits.masked_fill(padding.view(logits.shape), ABSENT)
    return Prediction(seen.amax((-2, -1))[..., None, None], logits[:, :, None])
