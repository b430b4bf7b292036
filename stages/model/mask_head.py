"""Dynamic masks: each query writes the weights of a small network that draws its mask.

After Tian et al., "CondInst", 2020. The small network sees the mask features and how far each
pixel lies from the query's box. Its first layer is linear, so the features are multiplied by all
queries' weights at once and the distance, w . (centre - pixel), is added in closed form: neither
features nor coordinates are ever copied for a query.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stages.model.layers import Perceptron


class MaskHead(nn.Module):
    """The controller that writes the weights, and the network that they make."""

    def __init__(
        self, *, width: int, mask_dim: int, layers: int, channels: int, stride: int
    ) -> None:
        super().__init__()
        self.stride = stride
        self.widths = (mask_dim + 2, *[channels] * (layers - 1), 1)
        steps = list(zip(self.widths[:-1], self.widths[1:], strict=True))
        self.sizes = [source * target for source, target in steps] + list(self.widths[1:])
        self.controller = Perceptron(width, width, width, sum(self.sizes))

    def forward(self, states: Tensor, centres: Tensor, features: Tensor) -> Tensor:
        """Mask logits [N, Q, h, w].

        Args:
            states: [N, Q, C].
            centres: [N, Q, 2], (x, y) of each query's box in pixels.
            features: [N, h, w, mask_dim].
        """
        weights, biases = self.split(self.controller(states))
        shape = (*states.shape[:2], *features.shape[1:3])
        drawn = self.first_layer(weights[0], biases[0], centres, features)
        drawn = F.relu(drawn).unflatten(1, (states.shape[1], -1)).flatten(0, 1)  # [N*Q, 8, h*w]
        for weight, bias in zip(weights[1:-1], biases[1:-1], strict=True):
            drawn = F.relu(layer(weight, bias, drawn))
        return layer(weights[-1], biases[-1], drawn).view(shape)

    def split(self, parameters: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Weights [N, Q, out, in] and biases [N, Q, out] of each layer: all weights come first."""
        parts = parameters.split(self.sizes, dim=-1)
        count = len(self.widths) - 1
        weights = [
            part.unflatten(-1, (target, source))
            for part, target, source in zip(
                parts[:count], self.widths[1:], self.widths[:-1], strict=True
            )
        ]
        return weights, list(parts[count:])

    def first_layer(
        self, weight: Tensor, bias: Tensor, centres: Tensor, features: Tensor
    ) -> Tensor:
        """All queries at once, [N, Q * channels, h * w]."""
        visual, spatial = weight.split((self.widths[0] - 2, 2), dim=-1)
        # w . (centre - pixel) + b = (w . centre + b) - wx * x - wy * y; in float32, for pixels
        # beyond 256 have no exact bfloat16.
        with torch.autocast(features.device.type, enabled=False):
            spatial = spatial.float()
            constant = (spatial * centres.float()[:, :, None]).sum(-1) + bias.float()
            coefficients = torch.cat((constant[..., None], -spatial), dim=-1).flatten(1, 2)
            distance = coefficients @ self.pixels(features)
        return distance + visual.flatten(1, 2) @ features.flatten(1, 2).transpose(1, 2)

    def pixels(self, features: Tensor) -> Tensor:
        """Rows 1, x, y of every cell's pixel (its middle): [3, h * w]."""
        height, width = features.shape[1:3]
        y = torch.arange(height, device=features.device) * self.stride + self.stride // 2
        x = torch.arange(width, device=features.device) * self.stride + self.stride // 2
        rows, columns = torch.meshgrid(y.float(), x.float(), indexing="ij")
        return torch.stack((torch.ones_like(rows), columns, rows)).flatten(1)


def layer(weight: Tensor, bias: Tensor, drawn: Tensor) -> Tensor:
    """One small layer of every query: [N*Q, in, cells] to [N*Q, out, cells]."""
    return torch.baddbmm(bias.flatten(0, 1)[..., None], weight.flatten(0, 1), drawn)
