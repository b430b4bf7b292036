"""Tuning a network on its support, where the network and the support allow it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from configs import UsageError
from configs.model import ModelConfig
from stages.model.networks import build_network
from stages.predicting.adapting import adapt_network, left_out
from stages.predicting.encoded_support import EncodedSupport, four
from tests.stages.model.comparison.scenes import mask, scene
from tests.stages.model.small import CHANNELS, TEXT_WIDTH, words

BOXES = ((16, 16, 64, 64), (48, 96, 112, 160), (32, 64, 96, 144))


def support(count: int = 3) -> EncodedSupport:
    """Frames of an object of one kind at different places."""
    scenes = [scene([(1, box)]) for box in BOXES[:count]]
    return EncodedSupport(
        names=tuple(f"{number}.jpg" for number in range(count)),
        maps=tuple(four([level[0, :1] for level in found.maps]) for found in scenes),
        masks=tuple(np.asarray(mask(box)[0, 0]) > 0 for box in BOXES[:count]),
        expression="a thing",
    )


def test_every_frame_is_asked_of_the_others() -> None:
    known = left_out(support(), words(1, 4), 1)
    assert known.mask.shape[:2] == (1, 1) and known.support.masks.shape[1] == 2
    assert np.array_equal(known.mask[0, 0].numpy(), support().masks[1])
    assert torch.equal(known.query.maps[2][0], support().maps[1][2])


def test_the_network_that_compares_is_tuned() -> None:
    torch.manual_seed(0)
    config = ModelConfig.of("default", network="affinity", hidden=32, heads=4, feed_forward=32)
    network = build_network(config, CHANNELS, TEXT_WIDTH).eval()
    adapted = adapt_network(network, support(), words(1, 4))
    assert adapted.network is not network
    assert 0 <= adapted.before <= 1 and 0 <= adapted.after <= 1


def test_what_cannot_be_tuned_is_refused() -> None:
    config = ModelConfig.of("default", network="similarity", hidden=32, heads=4, feed_forward=32)
    network = build_network(config, CHANNELS, TEXT_WIDTH)
    with pytest.raises(UsageError, match="no part to tune"):
        adapt_network(network, support(), words(1, 4))
    with pytest.raises(UsageError, match="give 3 or more"):
        adapt_network(network, support(2), words(1, 4))
