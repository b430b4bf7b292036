"""What tells ReferFormer's queries from the paper's network's."""

from __future__ import annotations

import torch

from stages.model.baselines.referformer import ReferFormer
from stages.model.decoder import Objects
from tests.stages.model.baselines.test_networks import SIZE, network
from tests.stages.model.small import frames, support, words


def heard(model: ReferFormer) -> list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """States, places and references that each decoder layer is given."""
    calls: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = []
    for layer in model.decoder.layers:
        layer.register_forward_pre_hook(lambda _, given: calls.append(given[:3]))
    return calls


@torch.no_grad()
def test_queries_are_the_sentence_and_look_where_their_position_says() -> None:
    model = network("referformer", decoder_layers=2).eval()
    assert isinstance(model, ReferFormer)
    for head in model.decoder.box_heads:
        torch.nn.init.normal_(head.layers[-1].weight, std=0.5)
    calls, said = heard(model), list[list[Objects]]()
    model.decoder.register_forward_hook(lambda _, given, out: said.append(out))
    spoken = words(2, 4)
    told = model(frames(2, 3, SIZE), spoken, support(2))
    (states, places, points), (_, later, boxes) = calls
    sentence = model.text(spoken.sentence)
    for clip in range(2):
        for frame in range(3):
            for query in range(3):
                torch.testing.assert_close(states[3 * clip + frame, query], sentence[clip])
    assert torch.equal(places, model.decoder.positions.expand(6, -1, -1))
    assert torch.equal(places, later)
    linear = model.decoder.first_point
    expected = (model.decoder.positions @ linear.weight.T + linear.bias).sigmoid()
    torch.testing.assert_close(points, expected[None, :, None].expand(6, -1, 2, -1))
    # The first layer's box is what the second refers to, and the second's what is answered.
    torch.testing.assert_close(boxes, said[0][0].boxes[:, :, None].expand(-1, -1, 2, -1))
    torch.testing.assert_close(told.boxes.flatten(0, 1), said[0][1].boxes)
    offset = model.decoder.box_heads[0](said[0][0].states)
    centre = (offset[..., :2] + (expected / (1 - expected)).log()).sigmoid()
    torch.testing.assert_close(said[0][0].boxes[..., :2], centre, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(said[0][0].boxes[..., 2:], offset[..., 2:].sigmoid())
