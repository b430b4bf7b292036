"""Which query answers: the best of a window, or of each frame."""

from __future__ import annotations

import torch

from stages.feeding.inference import choose_query
from stages.model.prediction import Prediction


def said() -> Prediction:
    """One clip of three frames and two queries; query 0 is surer in the first frame alone."""
    share = torch.tensor([[0.9, 0.2], [0.1, 0.6], [0.2, 0.7]])
    masks = torch.arange(2.0)[None, None, :, None, None].expand(1, 3, 2, 4, 5)
    return Prediction(torch.logit(share)[None, ..., None], masks)


def test_one_query_answers_for_a_window() -> None:
    masks, scores = choose_query(said())
    assert masks.shape == (1, 3, 4, 5) and masks.unique().tolist() == [1.0]
    torch.testing.assert_close(scores, torch.tensor([[0.2, 0.6, 0.7]]))


def test_each_frame_may_have_its_own() -> None:
    masks, scores = choose_query(said(), per_frame=True)
    assert masks[0, :, 0, 0].tolist() == [0.0, 1.0, 1.0]
    torch.testing.assert_close(scores, torch.tensor([[0.9, 0.6, 0.7]]))
