"""What training, evaluation and prediction ask of a network, whichever it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from configs.training import TrainConfig
from stages.model.inputs import FramePyramid, Support, Words
from stages.model.linking import follow_queries
from stages.model.prediction import Followed, Losses, Prediction, Truth


@dataclass(frozen=True)
class KnownClip:
    """A clip whose object is known, its support, and the object's mask [1, T, H, W] bool."""

    query: FramePyramid
    support: Support
    mask: Tensor


@dataclass(frozen=True)
class Adaptation:
    """A network tuned on known clips. before, after: overlap of the masks of clips that were left
    out of the tuning; kept: whether that is gain enough to use it."""

    network: Network
    before: float
    after: float
    kept: bool


class Network(nn.Module, ABC):
    """A few-shot referring segmenter. `stages.model.networks` names those there are."""

    mask_stride: int  # pixels between cells of its masks

    @abstractmethod
    def forward(
        self, query: FramePyramid, words: Words, support: Support, *, auxiliary: bool = True
    ) -> Prediction:
        """Masks and scores of T query frames of B clips.

        Args:
            query: the clips to segment.
            words: the sentences that describe what to segment.
            support: S annotated frames a clip.
            auxiliary: also what only the losses read.
        """

    def follow(
        self,
        query: FramePyramid,
        words: Words,
        support: Support,
        memory: object | None = None,
        *,
        overlap: int = 0,
    ) -> Followed:
        """The next window of a video, one clip of T frames: its objects keep their numbers.

        Args:
            memory: what the window before gave; None for the first.
            overlap: how many of its last frames the window after it sees again.
        """
        said = self(query, words, support, auxiliary=False)
        return follow_queries(said, query, memory, overlap)

    @abstractmethod
    def losses(self, prediction: Prediction, truth: Truth, options: TrainConfig) -> Losses:
        """What is wrong with a prediction that `forward` made with `auxiliary`."""

    def calibrate(self, shown: Sequence[Prediction]) -> None:
        """Set what training cannot, from predictions of clips that show the described object.

        They are of videos that nothing was learnt from. Nothing to do, by default.
        """

    def adapt(self, known: Sequence[KnownClip]) -> Adaptation | None:
        """A copy of which a small part is tuned on known clips. None where no part lends itself to
        that, the default."""
        return None

    def freeze(self) -> None:
        """Keep what training is to leave alone at its initial values: nothing, by default."""
