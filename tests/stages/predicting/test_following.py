"""Frames that two windows see go over from the one's answer to the other's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from stages.model.prediction import Followed, FollowedObject
from stages.predicting.answers import Frame
from stages.predicting.following import Encoded, judge_frames


class Numbered:
    """Says of window n that every mask logit is n, and knows object n + 1 besides object 1."""

    def __init__(self) -> None:
        self.seen: list[list[int]] = []

    def follow(
        self,
        frames: list[Frame],
        maps: list[Tensor],
        words: object,
        support: object,
        memory: object | None,
        overlap: int,
    ) -> Followed:
        window = 0 if memory is None else int(memory) + 1  # type: ignore[call-overload]
        self.seen.append([int(frame[0, 0, 0]) for frame in frames])
        assert [int(level) for level in maps[0][:, 0, 0, 0]] == self.seen[-1]
        said = torch.full((len(frames), 2, 3), float(window))
        presence = torch.full((len(frames),), 10.0 * window)
        numbers = (1,) if not window else (1, window + 1)
        found = tuple(FollowedObject(number, said, presence, 0.5) for number in numbers)
        return Followed(said, presence, found, window)


def encoded(total: int) -> list[Encoded]:
    return [
        Encoded(np.full((8, 12, 3), n, np.uint8), (torch.full((1, 1, 2, 3), float(n)),) * 4)
        for n in range(total)
    ]


def test_every_frame_comes_once_and_shared_ones_in_thirds() -> None:
    model = Numbered()
    judged = list(judge_frames(model, encoded(13), None, None, 5))  # type: ignore[arg-type]
    assert model.seen == [[0, 1, 2, 3, 4], [3, 4, 5, 6, 7], [6, 7, 8, 9, 10], [9, 10, 11, 12]]
    assert [int(said.frame[0, 0, 0]) for said in judged] == list(range(13))
    logits = [float(said.described.masks[0, 0]) for said in judged]
    third = 1 / 3
    expected = [0, 0, 0, third, 2 * third, 1, 1 + third, 1 + 2 * third, 2, 2 + third, 2 + 2 * third]
    assert logits == pytest.approx([*expected, 3, 3], abs=1e-6)
    assert [said.described.presence for said in judged] == pytest.approx(
        [10 * value for value in logits], abs=1e-4
    )
    assert [sorted(said.objects) for said in judged[2:6]] == [[1], [1, 2], [1, 2], [1, 2]]
    assert float(judged[3].objects[2].masks[0, 0]) == 1  # the first window did not know it


@pytest.mark.parametrize(("total", "window"), [(1, 5), (5, 5), (6, 5), (4, 1)])
def test_short_videos_and_short_windows(total: int, window: int) -> None:
    judged = list(judge_frames(Numbered(), encoded(total), None, None, window))  # type: ignore[arg-type]
    assert [int(said.frame[0, 0, 0]) for said in judged] == list(range(total))
