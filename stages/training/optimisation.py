"""AdamW, its parameter groups and its learning-rate schedule."""

from __future__ import annotations

import math

from torch import nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from configs.training import TrainConfig

FINAL_SHARE = 0.02  # of the peak learning rate that a cosine schedule ends at


def make_optimizer(model: nn.Module, config: TrainConfig) -> AdamW:
    """AdamW over every trainable parameter; norms, biases and embeddings carry no decay."""
    trainable = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trainable if p.dim() > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in trainable if p.dim() <= 1], "weight_decay": 0.0},
    ]
    # One kernel for all tensors, where there is one: hundreds of small ones cost a tenth of a step.
    fused = all(p.device.type in ("cpu", "cuda") for p in trainable)
    return AdamW(groups, lr=config.learning_rate, fused=fused)


def make_schedule(optimizer: AdamW, config: TrainConfig, step: int = 0) -> LambdaLR:
    """Linear warm-up, then a cosine to FINAL_SHARE of the peak, drops to a tenth, or constant.

    step: number of steps done before, for an optimiser that another schedule led so far. The rate
    depends on the step and the configuration alone.
    """

    def share(step: int) -> float:
        warm = min(1.0, (step + 1) / max(1, config.warmup_steps))
        if config.schedule == "constant":
            return warm
        if config.schedule == "drops":
            return warm * 0.1 ** sum(step >= drop for drop in config.drops)
        progress = min(1.0, step / max(1, config.steps))
        cosine = 0.5 * (1.0 + math.cos(math.pi * progress))
        return warm * (FINAL_SHARE + (1.0 - FINAL_SHARE) * cosine)

    return LambdaLR(optimizer, share, last_epoch=step - 1)
