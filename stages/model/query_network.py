"""What networks of object queries share: how queries draw their masks, and what they are taught."""

from __future__ import annotations

import torch
from torch import Tensor

from configs.model import ModelConfig
from configs.training import TrainConfig
from stages.model.decoder import Objects, RefiningDecoder
from stages.model.dense import spread
from stages.model.encoder import Encoder
from stages.model.fusion import TextProjection, VisionLanguageFusion
from stages.model.inputs import FramePyramid
from stages.model.losses import compute_losses
from stages.model.mask_head import MaskHead
from stages.model.matcher import LossWeights
from stages.model.network import Network
from stages.model.pixel_decoder import PixelDecoder
from stages.model.prediction import Losses, Prediction, Truth
from stages.model.queries import QueryPrediction
from stages.model.targets import Targets


class QueryNetwork(Network):
    """Q object queries a frame, each with a score, a box and a mask, after every decoder layer."""

    config: ModelConfig
    text: TextProjection
    fusion: VisionLanguageFusion
    encoder: Encoder
    decoder: RefiningDecoder
    pixel_decoder: PixelDecoder
    mask_head: MaskHead

    def draw(
        self,
        objects: list[Objects],
        features: Tensor,
        query: FramePyramid,
        dense: Tensor | None = None,
    ) -> QueryPrediction:
        """The masks of several decoder layers, all from one pass over the mask features."""
        clips, frames = query.maps[0].shape[:2]
        centres = torch.cat([said.boxes[..., :2].detach() for said in objects], dim=1)
        sizes = query.size.to(centres).flip(1).repeat_interleave(frames, dim=0)  # width, height
        states = torch.cat([said.states for said in objects], dim=1)
        masks = self.mask_head(states, centres * sizes[:, None], features)
        if dense is not None:
            masks = masks + spread(dense, masks.shape[-2:])
            dense = dense.unflatten(0, (clips, frames))
        layers = [
            QueryPrediction(
                *(part.unflatten(0, (clips, frames)) for part in (said.logits, drawn, said.boxes))
            )
            for said, drawn in zip(objects, masks.chunk(len(objects), dim=1), strict=True)
        ]
        last = layers[-1]
        return QueryPrediction(last.logits, last.masks, last.boxes, tuple(layers[:-1]), dense)

    def losses(self, prediction: Prediction, truth: Truth, options: TrainConfig) -> Losses:
        """Score, box and mask terms of every decoder layer, see `compute_losses`."""
        assert isinstance(prediction, QueryPrediction)
        grid = (prediction.masks.shape[-2], prediction.masks.shape[-1])
        return compute_losses(
            prediction,
            Targets.of(truth.masks, truth.size, grid, self.mask_stride),
            LossWeights.of(options),
            shared_mask_divisor=self.config.shared_mask_divisor,
            twins=truth.twins,
            mask_points=options.mask_points,
        )
