"""TensorFlow's rule, against its definition written out cell by cell."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from stages.encoders.same_padding import SameConv2d, same_padding


def by_definition(image: Tensor, kernel: Tensor, stride: int) -> Tensor:
    """Cell (i, j) sums kernel * image from (i * stride - before), outside being zero; float64."""
    height, width = image.shape
    size = kernel.shape[-1]
    rows, columns = -(-height // stride), -(-width // stride)
    above = max((rows - 1) * stride + size - height, 0) // 2
    left = max((columns - 1) * stride + size - width, 0) // 2
    result = torch.zeros(rows, columns, dtype=torch.float64)
    for i in range(rows):
        for j in range(columns):
            for u in range(size):
                for v in range(size):
                    y, x = i * stride + u - above, j * stride + v - left
                    if 0 <= y < height and 0 <= x < width:
                        result[i, j] += image[y, x].double() * kernel[u, v].double()
    return result


@pytest.mark.parametrize(
    ("side", "kernel", "stride", "zeros"),
    [
        (224, 3, 2, (0, 1)),  # the case that even padding gets wrong
        (225, 3, 2, (1, 1)),
        (56, 5, 2, (1, 2)),
        (57, 5, 2, (2, 2)),
        (14, 5, 1, (2, 2)),
        (9, 1, 1, (0, 0)),
        (8, 1, 2, (0, 0)),  # never negative
    ],
)
def test_zeros_before_and_after(
    side: int, kernel: int, stride: int, zeros: tuple[int, int]
) -> None:
    assert same_padding(side, kernel, stride) == zeros


@settings(max_examples=25, deadline=None)
@given(
    height=st.integers(4, 9),
    width=st.integers(4, 9),
    kernel=st.sampled_from([1, 3, 5]),
    stride=st.sampled_from([1, 2]),
    seed=st.integers(0, 99),
)
def test_convolution_is_the_definition(
    height: int, width: int, kernel: int, stride: int, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    conv = SameConv2d(1, 1, kernel, stride=stride)
    conv.weight.data = torch.randn(conv.weight.shape, generator=generator)
    image = torch.randn(height, width, generator=generator)
    expected = by_definition(image, conv.weight.data[0, 0], stride)
    with torch.no_grad():
        found = conv(image[None, None])[0, 0]
    assert found.shape == expected.shape
    torch.testing.assert_close(found.double(), expected, atol=1e-5, rtol=1e-5)
