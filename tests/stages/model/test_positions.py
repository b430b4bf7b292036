"""Encodings of places in closed form."""

from __future__ import annotations

import math

import pytest
import torch

from stages.model.positions import encode_anchors, encode_cells, encode_words, sine

CPU = torch.device("cpu")


def test_sine_interleaves_sines_and_cosines_of_falling_frequency() -> None:
    (found,) = sine(torch.tensor([0.7]), 6)
    for pair in range(3):
        angle = 0.7 / 10000 ** (2 * pair / 6)
        assert float(found[2 * pair]) == pytest.approx(math.sin(angle), abs=1e-6)
        assert float(found[2 * pair + 1]) == pytest.approx(math.cos(angle), abs=1e-6)


def test_cells_lie_at_their_centres_y_first() -> None:
    places = encode_cells(2, 5, 8, None, CPU)
    assert places.shape == (1, 2, 5, 8)
    y, x = (1 + 0.5) / 2 * math.tau, (3 + 0.5) / 5 * math.tau
    expected = torch.cat((sine(torch.tensor(y), 4), sine(torch.tensor(x), 4)))
    torch.testing.assert_close(places[0, 1, 3], expected, rtol=0, atol=1e-5)


def test_valid_cells_lie_as_if_there_were_no_padding() -> None:
    padding = torch.zeros(1, 6, 9, dtype=torch.bool)
    padding[:, 4:], padding[:, :, 5:] = True, True
    found = encode_cells(6, 9, 16, padding, CPU)[:, :4, :5]
    torch.testing.assert_close(found, encode_cells(4, 5, 16, None, CPU), rtol=0, atol=1e-5)
    nothing = torch.zeros(1, 4, 5, dtype=torch.bool)
    masked = encode_cells(4, 5, 16, nothing, CPU)
    torch.testing.assert_close(masked, encode_cells(4, 5, 16, None, CPU), rtol=0, atol=1e-5)


def test_words_are_counted_from_one_to_the_last_valid() -> None:
    tokens = torch.zeros(1, 4, 8)
    padding = torch.tensor([[False, False, True, True]])
    found = encode_words(tokens, padding)
    torch.testing.assert_close(found[:, :2], encode_words(tokens[:, :2], None))
    torch.testing.assert_close(found[0, 0], sine(torch.tensor(math.pi), 8), rtol=0, atol=1e-5)


def test_anchors_are_encoded_in_the_order_y_x_w_h() -> None:
    box = torch.tensor([0.1, 0.2, 0.3, 0.4])
    found = encode_anchors(box, 4)
    expected = torch.cat([sine(torch.tensor(v * math.tau), 4) for v in (0.2, 0.1, 0.3, 0.4)])
    torch.testing.assert_close(found, expected)
