"""What the object queries of the paper's network say."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from stages.model.prediction import Prediction


@dataclass(frozen=True)
class QueryPrediction(Prediction):
    """Q object queries of a clip, layer by layer of the decoder.

    Attributes:
        boxes: [B, T, Q, 4], cx, cy, w, h in [0, 1] of the frame without padding.
        auxiliary: the same from the decoder layers before the last, first to last.
        dense: [B, T, h', w'] logits of the dense prior, None in a model without one.
    """

    boxes: Tensor
    auxiliary: tuple[QueryPrediction, ...] = ()
    dense: Tensor | None = None
