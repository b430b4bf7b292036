"""TensorFlow's "same" padding: zeros around an axis so that ceil(side / stride) cells come out.

Where the number of zeros is odd, the extra one goes to the bottom or right. PyTorch pads evenly,
which shifts every map of a network trained in TensorFlow.
"""

from torch import Tensor, nn
from torch.nn import functional


class SameConv2d(nn.Conv2d):
    """A square convolution without bias that pads for the size it is given."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__(inputs, outputs, kernel, stride=stride, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:  # (N, C, H, W) to (N, C', ceil(H/s), ceil(W/s))
        (kernel, _), (stride, _) = self.kernel_size, self.stride
        top, bottom = same_padding(x.shape[-2], kernel, stride)
        left, right = same_padding(x.shape[-1], kernel, stride)
        padding = (top, left)
        if top != bottom or left != right:
            x = functional.pad(x, (left, right, top, bottom))
            padding = (0, 0)
        return functional.conv2d(x, self.weight, self.bias, stride, padding, 1, self.groups)


def same_padding(side: int, kernel: int, stride: int) -> tuple[int, int]:
    """How many zeros go before and after an axis of `side` pixels."""
    cells = -(-side // stride)
    total = max((cells - 1) * stride + kernel - side, 0)
    return total // 2, total - total // 2
